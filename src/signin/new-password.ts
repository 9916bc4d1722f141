import type { PasswordHasher } from '#crypto'
import type { Queryable } from '#database'
import { findPasswordPolicy, policyFaultOf, type User, wasUsedBefore } from '#directory'
import type { RequestInfo } from '#http'
import { authorize, type AuthorizeNeeds, findOrganization, type UserCaller } from '#iam'
import { factorsOf } from '#mfa'
import { judgePassword, minimumLength, type PasswordFault } from './password-rules.ts'

/**
 * Why this user may not have this password, on whatever surface it is set: the account's policy, the house's own
 * rules, and what was used before. Without a policy of the account the length is NIST's.
 *
 * @throws Failure throttled crypto/hashing-busy
 */
export async function faultOfNewPassword(
  needs: { readonly database: Queryable; readonly hasher: PasswordHasher },
  request: { readonly user: User; readonly password: string },
): Promise<PasswordFault | undefined> {
  const { database } = needs
  const { user, password } = request
  const policy = await findPasswordPolicy(database, user.accountId)
  const { totp } = await factorsOf(database, user.userId)
  const organization = await findOrganization(database)
  const { fault } = await judgePassword({
    password,
    minimum: policy?.minimumLength ?? minimumLength[totp.length > 0 ? 'withSecondFactor' : 'alone'],
    words: [user.name, user.mail?.split('@')[0] ?? '', organization?.name ?? '', 'Signet'],
  })
  const asked = policy === undefined ? undefined : policyFaultOf(policy, password)
  if (fault !== undefined || asked !== undefined) return fault ?? asked
  if (policy?.reusePrevention === undefined) return undefined
  const former = policy.reusePrevention
  return (await wasUsedBefore(needs, { userId: user.userId, password, former }))
    ? { why: 'used-before', former }
    : undefined
}

/**
 * Whether somebody may change their own password: a policy allows it, or none denies it and the account lets its users
 * (AllowUsersToChangePassword).
 *
 * @param request `withoutPolicy` is the answer where the account has no password policy and no policy says anything
 */
export async function mayChangePassword(
  needs: AuthorizeNeeds,
  request: {
    readonly caller: UserCaller
    readonly from: RequestInfo
    readonly withoutPolicy: boolean
  },
): Promise<boolean> {
  const { caller, from } = request
  const { arn, accountId } = caller
  const decision = await authorize(needs, {
    caller,
    action: 'iam:ChangePassword',
    resource: { arn, accountId },
    from,
  })
  if (decision.effect === 'Allow') return true
  if (decision.explicit) return false
  return (await findPasswordPolicy(needs.database, accountId))?.allowUsersToChange ?? request.withoutPolicy
}
