import {
  policyFrom,
  policyRefs,
  userCaller,
  type AuthorizeNeeds,
  type Role,
  type FederatedUserCaller,
  type RoleSessionCaller,
  type RootCaller,
  type Caller,
} from '#iam'
import { unreadablePolicy, type PolicyRef } from '#policy'

import type { SessionClaims } from './claims.ts'
import type { Remembered } from './remembered.ts'
import { mergeTags, tagRecord, tagsOf } from './tags.ts'

export { userCaller }

/** The root user of an account. */
export const rootCaller = (
  accountId: string,
  proof: Pick<RootCaller, 'accessKeyId' | 'issuedAt' | 'mfaAt'>,
): RootCaller => ({
  type: 'root',
  accountId,
  arn: `arn:aws:iam::${accountId}:root`,
  userId: accountId,
  tags: {},
  ...proof,
})

/** ARN of a role session. Without the role's path. */
export const roleSessionArn = (
  role: { readonly accountId: string; readonly name: string },
  sessionName: string,
): string => `arn:aws:sts::${role.accountId}:assumed-role/${role.name}/${sessionName}`

/**
 * The caller behind a session token; undefined where the user or role it is for is gone or disabled. Policies of the
 * session are looked up as they are now: an edited policy bites at once, and a deleted one denies.
 */
export function sessionCaller(
  needs: CallerNeeds,
  accessKeyId: string,
  claims: SessionClaims,
): Promise<Caller | undefined> {
  const { principal, accountId, issuedAt, mfaAt } = claims
  switch (principal.kind) {
    case 'root':
      return Promise.resolve(rootCaller(accountId, { accessKeyId, issuedAt, mfaAt }))
    case 'user':
      return userSession(needs, accessKeyId, claims, principal)
    case 'role':
      return roleSession(needs, accessKeyId, claims, principal)
    case 'federated-user':
      return federatedSession(needs, accessKeyId, claims, principal)
    default:
      return principal satisfies never
  }
}

type CallerNeeds = AuthorizeNeeds & Pick<Remembered, 'findSessionRole' | 'findActiveUser'>
type PrincipalOf<Kind> = SessionClaims['principal'] & { readonly kind: Kind }

async function userSession(
  needs: CallerNeeds,
  accessKeyId: string,
  { issuedAt, mfaAt }: SessionClaims,
  principal: PrincipalOf<'user'>,
): Promise<Caller | undefined> {
  const user = await needs.findActiveUser(principal.userId)
  return user === undefined ? undefined : userCaller(user, { accessKeyId, issuedAt, mfaAt })
}

async function roleSession(
  needs: CallerNeeds,
  accessKeyId: string,
  claims: SessionClaims,
  principal: PrincipalOf<'role'>,
): Promise<Caller | undefined> {
  const role = await needs.findSessionRole(claims.accountId, principal)
  if (role === undefined) return undefined
  const caller = unlimitedCaller(accessKeyId, claims, principal, role)
  return isLimited(claims) ? { ...caller, sessionPolicies: await sessionPoliciesOf(needs, claims) } : caller
}

async function federatedSession(
  needs: CallerNeeds,
  accessKeyId: string,
  claims: SessionClaims,
  { userId, name }: PrincipalOf<'federated-user'>,
): Promise<FederatedUserCaller | undefined> {
  const { accountId, issuedAt, expiresAt, mfaAt } = claims
  const [user, sessionPolicies] = await Promise.all([
    userId === undefined ? undefined : needs.findActiveUser(userId),
    isLimited(claims) ? sessionPoliciesOf(needs, claims) : [],
  ])
  if (userId !== undefined && user === undefined) return undefined
  return {
    type: 'federated-user',
    accessKeyId,
    issuedAt,
    mfaAt,
    accountId,
    arn: `arn:aws:sts::${accountId}:federated-user/${name}`,
    userId: `${accountId}:${name}`,
    tags: tagRecord(claims.tags),
    user,
    sessionPolicies,
    expiresAt,
  }
}

/** Who a session's claims were last found to be, and as which state of its role. */
const callers = new WeakMap<SessionClaims, RoleSessionCaller>()

/**
 * A role session as if it had no session policies. Made once for the claims of a remembered token and the role as it is
 * remembered: either of them changes, and so does the caller.
 */
function unlimitedCaller(
  accessKeyId: string,
  claims: SessionClaims,
  { sessionName }: PrincipalOf<'role'>,
  role: Role,
): RoleSessionCaller {
  const known = callers.get(claims)
  if (known?.role === role && known.accessKeyId === accessKeyId) return known
  const { accountId, issuedAt, expiresAt, mfaAt, sourceIdentity, tags } = claims
  const caller: RoleSessionCaller = {
    type: 'role-session',
    accessKeyId,
    issuedAt,
    mfaAt,
    accountId,
    arn: roleSessionArn(role, sessionName),
    userId: `${role.roleId}:${sessionName}`,
    tags: tags.length === 0 ? role.tags : tagRecord(mergeTags(tagsOf(role.tags), tags)),
    role,
    sessionName,
    sessionPolicies: [],
    transitiveTagKeys: claims.transitiveTagKeys,
    expiresAt,
    chained: claims.chainDepth > 0,
    sourceIdentity,
    provider: claims.federatedProvider,
    federatedContext: claims.federatedContext,
  }
  callers.set(claims, caller)
  return caller
}

const isLimited = ({ sessionPolicy, sessionPolicyArns }: SessionClaims): boolean =>
  sessionPolicy !== undefined || sessionPolicyArns.length > 0

async function sessionPoliciesOf(
  { database, builtInPolicies }: AuthorizeNeeds,
  { sessionPolicy, sessionPolicyArns }: SessionClaims,
): Promise<readonly PolicyRef[]> {
  const found = await policyRefs(database, builtInPolicies, sessionPolicyArns)
  return [
    ...(sessionPolicy === undefined
      ? []
      : [{ id: 'session policy', policy: policyFrom(sessionPolicy, 'session') }]),
    ...sessionPolicyArns.map(
      (arn) =>
        found.find(({ id }) => id === arn) ?? {
          id: arn,
          policy: unreadablePolicy('session', `The policy ${arn} is missing.`),
        },
    ),
  ]
}
