import type { Vault } from '#crypto'
import type { AdapterPayload } from 'oidc-provider'
import type { Model, StoredArtifact } from './artifact.ts'

/** What of a model's payload must not be readable in the database beyond its `jti`. A dot steps into an object. */
const secrets: Partial<Record<Model, readonly string[]>> = {
  // The library finds a device code by its user code and saves it again, so both must come back with the row.
  DeviceCode: ['jti', 'userCode', 'params.id_token_hint'],
  Interaction: [
    'deviceCode',
    'parJti',
    'returnTo',
    'params.id_token_hint',
    'params.request',
    'params.request_uri',
  ],
  PushedAuthorizationRequest: ['request'],
  BackchannelAuthenticationRequest: ['params.client_notification_token', 'params.id_token_hint'],
  Session: ['state'],
}

/** A payload in two parts: what is stored in clear, and what is sealed (undefined when nothing is). */
export type Split = { readonly clear: string; readonly sealed: Buffer | undefined }

const context = (model: Model, idHash: string): string => `oidc_artifact/${model}/${idHash}`

/** Takes a payload apart for storing: the id is dropped (its hash is the key), secrets are sealed to the row. */
export function splitPayload(vault: Vault, model: Model, idHash: string, payload: AdapterPayload): Split {
  const clear: Record<string, unknown> = structuredClone({ ...payload })
  const taken: Record<string, unknown> = {}
  for (const path of secrets[model] ?? []) {
    const [first = '', second] = path.split('.')
    const holder = second === undefined ? clear : clear[first]
    const key = second ?? first
    if (typeof holder !== 'object' || holder === null || !(key in holder)) continue
    const value: unknown = Reflect.get(holder, key)
    if (value !== undefined) taken[path] = value
    Reflect.deleteProperty(holder, key)
  }
  delete clear['jti']
  // The raw id of the provider's session; nothing reads it. Whose session it is, our own session tells.
  if (model === 'Interaction') delete clear['session']
  return {
    clear: JSON.stringify(clear),
    sealed:
      Object.keys(taken).length === 0 ? undefined : vault.seal(JSON.stringify(taken), context(model, idHash)),
  }
}

/** Puts a stored payload together again. @param id where it is known, the `jti` to restore */
export function joinPayload(
  vault: Vault,
  model: Model,
  stored: StoredArtifact & { readonly idHash: string },
  id: string | undefined,
): AdapterPayload {
  const payload = JSON.parse(stored.payload) as Record<string, unknown>
  if (id !== undefined) payload['jti'] = id
  if (stored.sealed !== null) {
    const taken = JSON.parse(vault.open(stored.sealed, context(model, stored.idHash)).toString()) as object
    for (const [path, value] of Object.entries(taken)) {
      const [first = '', second] = path.split('.')
      if (second === undefined) payload[first] = value
      else Reflect.set((payload[first] ??= {}), second, value)
    }
  }
  if (stored.consumedAt !== null) payload['consumed'] = Math.floor(stored.consumedAt.epochMilliseconds / 1000)
  return payload
}
