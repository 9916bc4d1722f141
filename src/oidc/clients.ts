import { type App, findApp, findOidcClient, type OidcClient } from '#apps'
import { timingSafeEqual } from 'node:crypto'
import { sha256, type Vault } from '#crypto'
import type { Database } from '#database'
import type { AdapterPayload } from 'oidc-provider'
import { signetCli } from './signet-cli.ts'

/** A client as a request needs it. `app` is absent for Signet's own command line. */
export type KnownClient = {
  readonly clientId: string
  readonly name: string
  readonly app: App | undefined
  readonly consent: boolean
  readonly metadata: AdapterPayload
  readonly secretHash: Buffer | undefined
}

/** The clients, read once and kept until one of them changes. */
export type Clients = {
  /** The client of an id; undefined when there is none or its app is switched off. */
  find(clientId: string): Promise<KnownClient | undefined>
  /** Whether a secret is the client's: SHA-256, compared in constant time. */
  secretMatches(clientId: string, secret: string): Promise<boolean>
  close(): Promise<void>
}

/** Metadata of ours beside RFC 7591's: what a synchronous hook must know of a client. */
export const ownMetadata = ['signet_pkce_optional', 'signet_id_token_claims'] as const

/** How long an entry is believed without a notification: they may be lost. */
const staleAfterMilliseconds = 10_000
const most = 5_000

/** Opens the clients. */
export async function openClients(needs: {
  readonly database: Database
  readonly vault: Vault
}): Promise<Clients> {
  const { database, vault } = needs
  // A new Map, not an emptied one: what was being read while a client changed goes into the old one, which nobody asks.
  let known = new Map<string, KnownClient>()
  const forget = (): void => {
    known = new Map()
  }
  const stop = await database.listen('signet_apps', forget, { ownAtOnce: true })
  // One timer instead of the time at every look: a request looks for its client three times.
  const forgetting = setInterval(forget, staleAfterMilliseconds).unref()

  async function read(clientId: string): Promise<KnownClient | undefined> {
    const client = await findOidcClient(database, clientId)
    if (client === undefined) return clientId === signetCli.clientId ? signetCli : undefined
    const app = await findApp(database, client.appId)
    if (app === undefined || !app.enabled) return undefined
    return {
      clientId,
      name: app.name,
      app,
      consent: client.consent,
      metadata: metadataOf(vault, client, app),
      secretHash: client.secretHash,
    }
  }

  const clients: Clients = {
    async find(clientId) {
      if (clientId.includes('\0')) return undefined
      const cache = known
      const found = cache.get(clientId)
      if (found !== undefined) return found
      const client = await read(clientId)
      if (client !== undefined) {
        if (cache.size >= most) cache.clear()
        cache.set(clientId, client)
      }
      return client
    },
    async secretMatches(clientId, secret) {
      const client = await clients.find(clientId)
      return client?.secretHash !== undefined && timingSafeEqual(sha256(secret), client.secretHash)
    },
    async close() {
      clearInterval(forgetting)
      await stop()
    },
  }
  return clients
}

const list = (value: unknown): readonly string[] | undefined =>
  Array.isArray(value) ? value.filter((each) => typeof each === 'string') : undefined

/**
 * OAuth's metadata of a client, with a stable order of keys (the library caches by their JSON). Every algorithm that
 * would use a client secret as a key is taken away: only the secret's hash exists.
 */
function metadataOf(vault: Vault, client: OidcClient, app: App): AdapterPayload {
  const { metadata } = client
  const redirectUris = list(metadata['redirect_uris']) ?? []
  const grantTypes =
    list(metadata['grant_types']) ??
    (redirectUris.length > 0 ? ['authorization_code'] : ['client_credentials'])
  const method =
    typeof metadata['token_endpoint_auth_method'] === 'string'
      ? metadata['token_endpoint_auth_method']
      : client.secretHash === undefined
        ? 'none'
        : 'client_secret_basic'
  const merged: Record<string, unknown> = {
    client_name: app.name,
    ...metadata,
    client_id: client.clientId,
    redirect_uris: redirectUris,
    grant_types: grantTypes,
    response_types:
      list(metadata['response_types']) ?? (grantTypes.includes('authorization_code') ? ['code'] : []),
    token_endpoint_auth_method: method,
    signet_pkce_optional: client.pkceOptional && method !== 'none',
    signet_id_token_claims: metadata['signet_id_token_claims'] === 'minimal' ? 'minimal' : 'all',
  }
  // The library insists on a secret being there. This one is nobody's: comparing is ours (strengthen.ts).
  if (method.startsWith('client_secret'))
    merged['client_secret'] = vault.mac('oidc/no-secret', client.clientId)
  else delete merged['client_secret']
  return Object.fromEntries(Object.entries(merged).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}
