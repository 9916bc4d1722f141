import type { Vault } from '#crypto'
import type { Database } from '#database'
import { type Clock, refuse } from '#kernel'
import type { Adapter, AdapterPayload } from 'oidc-provider'
import {
  artifactWriter,
  destroyArtifact,
  destroyGrant,
  destroyOfGrant,
  findArtifact,
  findByUserCodeHash,
  idHash,
  type Model,
  models,
  spend,
} from './artifact.ts'
import { toOAuth } from './failures.ts'
import { joinPayload, splitPayload } from './payload.ts'
import { withinLeeway } from './refresh-leeway.ts'

/** What the adapter stands on. */
export type AdapterNeeds = {
  readonly database: Database
  readonly vault: Vault
  readonly clock: Clock
  /** A client's metadata in OAuth's spelling, with a stable order of keys. */
  findClient(clientId: string): Promise<AdapterPayload | undefined>
  /** The browser session that tokens are bound to, as the library's Session; undefined once it has ended. */
  findSession(uid: string): Promise<AdapterPayload | undefined>
}

const isModel = (name: string): name is Model => Object.hasOwn(models, name)

/**
 * oidc-provider's storage over our database (its Adapter contract). Ids are stored hashed and secrets sealed; what may
 * be used once is spent by one conditional statement; clients come from the apps, sessions by uid from our sessions.
 */
export function createAdapter(needs: AdapterNeeds): (name: string) => Adapter {
  const write = artifactWriter(needs.database)
  return (name) => {
    if (name === 'Client') return guarded(clientAdapter(needs))
    if (!isModel(name)) throw new Error(`oidc-provider asks for a model that has no place: ${name}`)
    return guarded(artifactAdapter(needs, write, name))
  }
}

function artifactAdapter(
  needs: AdapterNeeds,
  write: ReturnType<typeof artifactWriter>,
  model: Model,
): Adapter {
  const { database, vault, clock } = needs
  return {
    async upsert(id, payload, expiresIn) {
      const hash = idHash(id)
      const { clear, sealed } = splitPayload(vault, model, hash, payload)
      await write({
        model,
        idHash: hash,
        grantId: payload.grantId ?? null,
        accountId: payload.accountId ?? null,
        clientId: payload.clientId ?? null,
        userCodeHash: payload.userCode === undefined ? null : idHash(payload.userCode),
        payload: clear,
        sealed: sealed?.toString('base64') ?? null,
        expiresAt:
          payload.exp === undefined
            ? clock().add({ seconds: expiresIn ?? 86_400 })
            : Temporal.Instant.fromEpochMilliseconds(payload.exp * 1000),
      })
    },
    async find(id) {
      const stored = await findArtifact(database, model, id)
      if (stored === undefined) return undefined
      const payload = joinPayload(vault, model, { ...stored, idHash: idHash(id) }, id)
      if (model === 'RefreshToken' && stored.consumedAt !== null && (await withinLeeway(needs, id, clock())))
        delete payload.consumed
      return payload
    },
    async findByUserCode(userCode) {
      const stored = await findByUserCodeHash(database, userCode)
      if (stored === undefined) return undefined
      return joinPayload(vault, model, { ...stored, idHash: stored.idHash.toString('hex') }, undefined)
    },
    findByUid: (uid) => needs.findSession(uid),
    async consume(id) {
      if (await spend(database, model, id, clock())) return
      if (model === 'RefreshToken' && (await withinLeeway(needs, id, clock()))) return
      // The library revokes what was issued only when it reads `consumed`; whoever loses the race must do it here.
      const stored = await findArtifact(database, model, id)
      const { grantId } = stored === undefined ? {} : (JSON.parse(stored.payload) as AdapterPayload)
      if (grantId !== undefined) await destroyGrant(database, grantId)
      refuse(
        'expired',
        model === 'PushedAuthorizationRequest' ? 'oidc/request-consumed' : 'oidc/consumed',
        'This was used before.',
        { model },
      )
    },
    destroy: (id) => destroyArtifact(database, model, id),
    revokeByGrantId: (grantId) => destroyOfGrant(database, model, grantId),
  }
}

function clientAdapter(needs: AdapterNeeds): Adapter {
  const never = (): never => {
    throw new Error('Clients are the apps’: the OpenID provider only reads them.')
  }
  return {
    upsert: async () => never(),
    find: (id) => needs.findClient(id),
    findByUserCode: async () => never(),
    findByUid: async () => never(),
    consume: async () => never(),
    destroy: async () => never(),
    revokeByGrantId: async () => never(),
  }
}

/** Every method lets out only what the library may see. */
function guarded(adapter: Adapter): Adapter {
  const guard =
    <Arguments extends unknown[], Result>(method: (...args: Arguments) => Promise<Result>) =>
    (...args: Arguments): Promise<Result> =>
      method(...args).catch((thrown: unknown) => {
        throw toOAuth(thrown)
      })
  return {
    upsert: guard(adapter.upsert),
    find: guard(adapter.find),
    findByUserCode: guard(adapter.findByUserCode),
    findByUid: guard(adapter.findByUid),
    consume: guard(adapter.consume),
    destroy: guard(adapter.destroy),
    revokeByGrantId: guard(adapter.revokeByGrantId),
  }
}
