import { roleSessionIdentity, rootIdentity, userIdentity, type UserIdentity } from '#audit'
import type { User } from '#directory'
import { recent } from '#kernel'
import type { PolicyRef, RequestPrincipal } from '#policy'

/** What every caller has, however it proved itself. */
type Common = {
  readonly accountId: string
  readonly arn: string
  /** `aws:userid`. */
  readonly userId: string
  readonly accessKeyId?: string | undefined
  /** When the temporary credentials (or the browser's sign-in) began; absent for long-term keys. */
  readonly issuedAt?: Temporal.Instant | undefined
  /** When a second factor was last given; absent without one. */
  readonly mfaAt?: Temporal.Instant | undefined
  readonly sourceIdentity?: string | undefined
  /** `aws:PrincipalTag/…`: the entity's tags, overridden by the session's. */
  readonly tags: Readonly<Record<string, string>>
}

export type RootCaller = Common & { readonly type: 'root' }

export type UserCaller = Common & { readonly type: 'user'; readonly user: User }

export type RoleSessionCaller = Common & {
  readonly type: 'role-session'
  readonly role: {
    readonly roleId: string
    readonly arn: string
    readonly name: string
    readonly permissionsBoundary: string | undefined
  }
  readonly sessionName: string
  readonly sessionPolicies: readonly PolicyRef[]
  readonly transitiveTagKeys: readonly string[]
  /** The OIDC or SAML provider that the session came through. */
  readonly provider?: string | undefined
  /** Condition keys of the identity it was traded for that go on to later requests (`saml:sub`, `<issuer>:sub` …). */
  readonly federatedContext?: readonly (readonly [key: string, value: string])[] | undefined
  readonly expiresAt: Temporal.Instant
  readonly chained: boolean
}

export type FederatedUserCaller = Common & {
  readonly type: 'federated-user'
  /** Whose permissions bound it: the caller of GetFederationToken; absent for root. */
  readonly user: User | undefined
  readonly sessionPolicies: readonly PolicyRef[]
  readonly expiresAt: Temporal.Instant
}

/** Whoever makes a signed or signed-in request. A typed id, never a name: nothing can collide with root. */
export type Caller = RootCaller | UserCaller | RoleSessionCaller | FederatedUserCaller

/** A directory user as a caller: by access key, session token, browser or bearer token. */
export const userCaller = (
  user: User,
  proof: {
    accessKeyId?: string | undefined
    issuedAt?: Temporal.Instant | undefined
    mfaAt?: Temporal.Instant | undefined
  } = {},
): UserCaller => ({
  type: 'user',
  user,
  accountId: user.accountId,
  arn: user.arn,
  userId: user.userId,
  tags: user.tags,
  ...proof,
})

/** The caller as the policy engine names it. */
export function principalOf(caller: Caller): RequestPrincipal {
  switch (caller.type) {
    case 'root':
      return { kind: 'root', accountId: caller.accountId }
    case 'user':
      return { kind: 'user', accountId: caller.accountId, arn: caller.arn, uniqueId: caller.userId }
    case 'role-session':
      return {
        kind: 'role-session',
        accountId: caller.accountId,
        arn: caller.arn,
        roleArn: caller.role.arn,
        roleId: caller.role.roleId,
      }
    case 'federated-user':
      return {
        kind: 'federated-user',
        accountId: caller.accountId,
        arn: caller.arn,
        userArn: caller.user?.arn ?? `arn:aws:iam::${caller.accountId}:root`,
        userId: caller.user?.userId,
      }
  }
}

/** The callers that were named last, by their access keys: most make many calls, and each call is an event. */
const named = recent<{ readonly caller: Caller; readonly identity: UserIdentity }>(1_000)

/** The caller as the audit log names it. The same one is given the same identity, which is then written only once. */
export function callerIdentity(caller: Caller): UserIdentity {
  if (caller.accessKeyId === undefined) return identityOf(caller)
  const known = named.get(caller.accessKeyId)
  if (known !== undefined && isSame(known.caller, caller)) return known.identity
  const identity = identityOf(caller)
  named.set(caller.accessKeyId, { caller, identity })
  return identity
}

/** Whether two callers have the same name in all its parts: what is remembered of a role or user is one object until it changes. */
const isSame = (a: Caller, b: Caller): boolean =>
  a.arn === b.arn &&
  a.userId === b.userId &&
  a.issuedAt === b.issuedAt &&
  a.mfaAt === b.mfaAt &&
  entityOf(a) === entityOf(b) &&
  a.type === b.type

const entityOf = (caller: Caller): object | undefined =>
  caller.type === 'role-session' ? caller.role : caller.type === 'root' ? undefined : caller.user

function identityOf(caller: Caller): UserIdentity {
  const mfaAuthenticated = caller.mfaAt !== undefined
  switch (caller.type) {
    case 'root':
      return rootIdentity(caller.accountId, caller.accessKeyId)
    case 'user':
      return userIdentity(caller.user, {
        accessKeyId: caller.accessKeyId,
        createdAt: caller.issuedAt,
        mfaAuthenticated,
      })
    case 'role-session':
      return roleSessionIdentity({
        principalId: caller.userId,
        arn: caller.arn,
        accountId: caller.accountId,
        accessKeyId: caller.accessKeyId,
        role: caller.role,
        issuedAt: caller.issuedAt ?? caller.expiresAt,
        mfaAuthenticated,
      })
    case 'federated-user':
      return {
        type: 'FederatedUser',
        principalId: caller.userId,
        arn: caller.arn,
        accountId: caller.accountId,
        accessKeyId: caller.accessKeyId,
      }
  }
}
