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

/**
 * Roles, OIDC providers, keys and users as they are now, remembered as what decisions rest on (`Memory`). What was not
 * found is asked again each time. Keys and users are remembered under a name that has their epoch in it: whichever of
 * the two hears first that one was ended, it is not found any more.
 */
export function remembered(needs: {
  readonly database: Queryable
  readonly vault: Vault
  readonly memory?: Memory | undefined
  readonly epochs: Pick<Epochs, 'of'>
}): Remembered {
  const { database, vault, epochs } = needs
  return {
    findRole: (arn) => recalled(needs, `role ${arn}`, () => findRoleByArn(database, arn)),
    findSessionRole: (accountId, { roleId, roleName }) =>
      recalled(needs, `role of session ${accountId} ${roleId} ${roleName}`, async () => {
        const found = await findRoleById(database, roleId)
        return found?.accountId === accountId && found.name === roleName ? found : undefined
      }),
    findOidcProvider: (accountId, issuer) =>
      recalled(needs, `provider ${accountId} ${issuer}`, () => findOidcProvider(database, accountId, issuer)),
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
