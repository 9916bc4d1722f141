import type { Vault } from '#crypto'
import type { Queryable } from '#database'
import { findAccessKey, findUserById, type AccessKey, type User } from '#directory'
import {
  findOidcProvider,
  findRoleByArn,
  findRoleById,
  recalled,
  type Memory,
  type OidcProvider,
  type Role,
} from '#iam'
import { recent } from '#kernel'
import type { Epochs } from '#sessions'

/** Look-ups of who signs and of what a session is traded for, without a database read where nothing changed. */
export type Remembered = {
  readonly findRole: (arn: string) => Promise<Role | undefined>
  /** The role of a session, by what its token says. */
  readonly findSessionRole: (
    accountId: string,
    principal: { readonly roleId: string; readonly roleName: string },
  ) => Promise<Role | undefined>
  readonly findOidcProvider: (accountId: string, issuer: string) => Promise<OidcProvider | undefined>
  /** A long-term key that is switched on. */
  readonly findActiveKey: (accessKeyId: string) => Promise<AccessKey | undefined>
  /** The user behind a key or session, unless disabled. `passwordLastUsed` may be an earlier one. */
  readonly findActiveUser: (userId: string) => Promise<User | undefined>
}

const maxEntries = 2_000

/**
 * Roles and OIDC providers as they are now: each is remembered until the number that every change of it raises moves
 * on. What was not found is asked again each time.
 *
 * Keys and users are remembered as what decisions rest on (`Memory`), and under a name that has their epoch in it:
 * whichever of the two hears first that one was ended, it is not found any more.
 */
export function remembered(needs: {
  readonly database: Queryable
  readonly vault: Vault
  readonly memory?: Memory | undefined
  readonly epochs: Pick<Epochs, 'of'>
}): Remembered {
  const { database, vault, epochs } = needs
  const roles = memory<Role>(needs.epochs)
  const sessionRoles = memory<Role>(needs.epochs)
  const providers = memory<OidcProvider>(needs.epochs)
  return {
    findRole: (arn) => {
      const [, accountId = '', name = ''] = /^arn:[^:]+:iam::(\d{12}):role\/(?:.*\/)?([^/]+)$/.exec(arn) ?? []
      const number = `role/${accountId}/${name.toLowerCase()}`
      return roles(arn, number, () => findRoleByArn(database, arn))
    },
    findSessionRole: (accountId, { roleId, roleName }) =>
      sessionRoles(roleId, `role/${accountId}/${roleName.toLowerCase()}`, async () => {
        const found = await findRoleById(database, roleId)
        if (found !== undefined && (found.accountId !== accountId || found.name !== roleName)) {
          throw new TypeError('A role is not where its changes are told')
        }
        return found
      }),
    findOidcProvider: (accountId, issuer) => {
      const path = issuer.replace(/^https?:\/\//, '').replace(/\/$/, '')
      const number = `provider/arn:aws:iam::${accountId}:oidc-provider/${path}`
      return providers(`${accountId} ${issuer}`, number, async () => {
        const found = await findOidcProvider(database, accountId, issuer)
        if (found !== undefined && `provider/${found.arn}` !== number) {
          throw new TypeError('A provider is not where its changes are told')
        }
        return found
      })
    },
    findActiveKey: (id) =>
      recalled(needs, `key ${id} ${epochs.of('key', id)}`, async () => {
        const key = await findAccessKey(database, vault, id)
        return key?.status === 'Active' ? key : undefined
      }),
    findActiveUser: (userId) =>
      recalled(needs, `signer ${userId} ${epochs.of('user', userId)}`, async () => {
        const user = await findUserById(database, userId)
        return user?.status === 'active' ? user : undefined
      }),
  }
}

function memory<Value>(
  epochs: Pick<Epochs, 'of'>,
): (key: string, number: string, find: () => Promise<Value | undefined>) => Promise<Value | undefined> {
  const entries = recent<{ readonly value: Value; readonly epoch: number }>(maxEntries)
  return async (key, number, find) => {
    // INVARIANT: the number is read before the row. A change in between makes the entry stale, never stale for good.
    const epoch = epochs.of('trust', number)
    const known = entries.get(key)
    if (known?.epoch === epoch) return known.value
    const value = await find()
    if (value !== undefined) entries.set(key, { value, epoch })
    return value
  }
}
