import {
  policyFrom,
  policyRefs,
  userCaller,
  type AuthorizeNeeds,
  type FederatedUserCaller,
  type RoleSessionCaller,
  type RootCaller,
  type Caller,
} from '#iam'
import { unreadablePolicy, type PolicyRef } from '#policy'

import type { SessionClaims, Tag } from './claims.ts'
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
export async function sessionCaller(
  needs: AuthorizeNeeds & Pick<Remembered, 'findSessionRole' | 'findActiveUser'>,
  accessKeyId: string,
  claims: SessionClaims,
): Promise<Caller | undefined> {
  const { principal, accountId, issuedAt, expiresAt, mfaAt, sourceIdentity } = claims
  const proof = { accessKeyId, issuedAt, mfaAt }
  switch (principal.kind) {
    case 'root':
      return rootCaller(accountId, proof)
    case 'user': {
      const user = await needs.findActiveUser(principal.userId)
      return user === undefined ? undefined : userCaller(user, proof)
    }
    case 'role': {
      const role = await needs.findSessionRole(accountId, principal)
      if (role === undefined) return undefined
      const sessionPolicies = isLimited(claims) ? await sessionPoliciesOf(needs, claims) : []
      return {
        type: 'role-session',
        accessKeyId,
        issuedAt,
        mfaAt,
        accountId,
        arn: roleSessionArn(role, principal.sessionName),
        userId: `${role.roleId}:${principal.sessionName}`,
        tags: principalTags(role.tags, claims.tags),
        role,
        sessionName: principal.sessionName,
        sessionPolicies,
        transitiveTagKeys: claims.transitiveTagKeys,
        expiresAt,
        chained: claims.chainDepth > 0,
        sourceIdentity,
        provider: claims.federatedProvider,
        federatedContext: claims.federatedContext,
      } satisfies RoleSessionCaller
    }
    case 'federated-user': {
      const { userId, name } = principal
      const [user, sessionPolicies] = await Promise.all([
        userId === undefined ? undefined : needs.findActiveUser(userId),
        isLimited(claims) ? sessionPoliciesOf(needs, claims) : [],
      ])
      if (userId !== undefined && user === undefined) return undefined
      return {
        ...proof,
        type: 'federated-user',
        accountId,
        arn: `arn:aws:sts::${accountId}:federated-user/${name}`,
        userId: `${accountId}:${name}`,
        tags: tagRecord(claims.tags),
        user,
        sessionPolicies,
        expiresAt,
      } satisfies FederatedUserCaller
    }
    default:
      return principal satisfies never
  }
}

/** The role's tags, under those of the session. Of most sessions one of the two is empty. */
function principalTags(
  ofRole: Readonly<Record<string, string>>,
  ofSession: readonly Tag[],
): Readonly<Record<string, string>> {
  if (ofSession.length === 0) return ofRole
  const inherited = tagsOf(ofRole)
  return tagRecord(inherited.length === 0 ? ofSession : mergeTags(inherited, ofSession))
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
