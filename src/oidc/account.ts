import { findUserById, groupsOf, type User } from '#directory'
import type { Queryable } from '#database'
import { randomId } from '#kernel'
import type { Epochs } from '#sessions'
import { asOAuth } from './failures.ts'
import type { Account, ClaimsParameterMember, KoaContextWithOIDC } from 'oidc-provider'

/** The claims of each scope (OpenID Connect Core §5.4, and `groups`). `null`: only on request by name. */
export const claimsOfScopes = {
  sid: null,
  iss: null,
  openid: ['sub', 'auth_time', 'acr', 'amr'],
  profile: ['name', 'preferred_username'],
  email: ['email', 'email_verified'],
  groups: ['groups'],
} as const

/** Every scope that a person's grant may have. */
export const scopes = ['openid', 'offline_access', 'profile', 'email', 'groups'] as const

/** Every claim of a person. */
export const personClaims = [
  ...claimsOfScopes.profile,
  ...claimsOfScopes.email,
  ...claimsOfScopes.groups,
] as const

/** A user as the library sees an account; `user` is for our own hooks. */
export type UserAccount = Account & { readonly user: User }

/**
 * A new grant's id. It ends in the user's revocation epoch of the moment, so that what was issued before the user was
 * disabled stays dead even when the user comes back.
 */
export const newGrantId = (epochs: Epochs, userId: string): string =>
  `${randomId()}.${epochs.of('user', userId)}`

/** Whether a grant was made before everything of its user was revoked. */
export const isRevoked = (epochs: Epochs, userId: string, grantId: string): boolean =>
  Number(grantId.slice(grantId.lastIndexOf('.') + 1)) !== epochs.of('user', userId)

/**
 * The account of a `sub`: undefined when the user is gone, disabled, or the grant behind the token was revoked with
 * everything of the user. Asked at authorization, token, refresh and userinfo.
 */
export async function findAccount(
  needs: { readonly database: Queryable; readonly epochs: Epochs },
  ctx: KoaContextWithOIDC | undefined,
  sub: string,
  token?: { readonly grantId?: string | undefined },
): Promise<UserAccount | undefined> {
  const user = await findUserById(needs.database, sub)
  if (user === undefined || user.status !== 'active') return undefined
  if (token?.grantId !== undefined && isRevoked(needs.epochs, sub, token.grantId)) return undefined
  return {
    accountId: sub,
    user,
    claims: asOAuth((use, scope, asked) =>
      use === 'id_token' && ctx?.oidc.client?.['signet_id_token_claims'] === 'minimal'
        ? claimsOf(needs.database, user, '', asked)
        : claimsOf(needs.database, user, scope, asked),
    ),
  }
}

/** Reads only what the scopes and the single claims ask for. */
async function claimsOf(
  database: Queryable,
  user: User,
  scope: string,
  asked: Readonly<Record<string, ClaimsParameterMember | null>>,
): Promise<{ sub: string } & Record<string, unknown>> {
  const granted = new Set(scope.split(' '))
  const wants = (name: 'profile' | 'email' | 'groups') =>
    granted.has(name) || claimsOfScopes[name].some((claim) => Object.hasOwn(asked, claim))
  return {
    sub: user.userId,
    ...(wants('profile') ? { name: user.displayName ?? user.name, preferred_username: user.name } : {}),
    ...(wants('email') && user.mail !== undefined
      ? { email: user.mail, email_verified: user.mailVerified }
      : {}),
    ...(wants('groups') ? { groups: (await groupsOf(database, user.userId)).map(({ name }) => name) } : {}),
  }
}
