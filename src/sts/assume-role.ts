import type { RequestInfo } from '#http'
import { callerIdentity, type Caller, type Role } from '#iam'
import type { SigningAlgorithm } from '#sigv4'

import { audited } from './audited.ts'
import { roleSessionArn } from './callers.ts'
import type { SessionClaims, Tag } from './claims.ts'
import { epochsOf, issue, type Issued } from './issue.ts'
import type { StsNeeds } from './needs.ts'
import {
  checkTags,
  invalid,
  invalidValue,
  isSessionName,
  readSessionLimits,
  roleSessionSeconds,
} from './session-limits.ts'
import { requireArn } from './role-arn.ts'
import { mergeTags } from './tags.ts'
import { refuseTrust, requireTrust } from './trust.ts'

/** Who wants which role, and what the session is to be. */
export type AssumeRoleRequest = {
  readonly by: Caller
  /** The session the caller itself is in; absent for long-term keys and browsers. */
  readonly session?: SessionClaims | undefined
  /** The sessions it is taken from (`BrowserSession.family`, a command line's): it ends when one of them is revoked. */
  readonly family?: string | readonly string[] | undefined
  readonly from: RequestInfo
  /** How the call was signed; absent for callers that do not sign. */
  readonly algorithm?: SigningAlgorithm | undefined
  readonly region?: string | undefined
  readonly roleArn: string
  readonly sessionName: string
  readonly durationSeconds?: number | undefined
  readonly policy?: string | undefined
  readonly policyArns?: readonly string[] | undefined
  readonly tags?: readonly Tag[] | undefined
  readonly transitiveTagKeys?: readonly string[] | undefined
  readonly externalId?: string | undefined
  readonly sourceIdentity?: string | undefined
  readonly mfa?: { readonly serialNumber: string; readonly code: string } | undefined
  readonly minimumSize?: number | undefined
}

/** A role session that was issued. */
export type IssuedRoleSession = Issued & {
  readonly role: Role
  /** `AROA…:session`. */
  readonly assumedRoleId: string
  /** `arn:aws:sts::…:assumed-role/Role/session`. */
  readonly arn: string
}

/**
 * Assumes a role for a caller of ours: the one way to it, for the wire, the portal and the JSON API. Audited, also
 * when refused.
 *
 * STS API, AssumeRole.
 *
 * @throws Failure forbidden `sts/not-authorized`, `mfa/wrong-code`; malformed `sts/invalid-request`,
 * `sts/packed-policy-too-large`, `iam/malformed-policy`; throttled `mfa/too-many-tries`
 */
export const assumeRole = (needs: StsNeeds, request: AssumeRoleRequest): Promise<IssuedRoleSession> =>
  audited(
    needs,
    {
      name: 'AssumeRole',
      by: callerIdentity(request.by),
      request: request.from,
      region: request.region,
      parameters: {
        roleArn: request.roleArn,
        roleSessionName: request.sessionName,
        durationSeconds: request.durationSeconds,
        externalId: request.externalId,
        policy: request.policy,
        policyArns: request.policyArns,
        tags: request.tags,
        transitiveTagKeys: request.transitiveTagKeys,
        sourceIdentity: request.sourceIdentity,
        serialNumber: request.mfa?.serialNumber,
      },
      resources: [{ ARN: request.roleArn, type: 'AWS::IAM::Role' }],
    },
    async () => {
      const issued = await assume(needs, request)
      return { result: issued, told: { response: responseOf(issued) } }
    },
  )

/** What the audit event of an issued role session tells; never the secret or the token. */
export const responseOf = ({ credentials, assumedRoleId, arn, claims }: IssuedRoleSession): object => ({
  credentials: { accessKeyId: credentials.accessKeyId, expiration: credentials.expiration.toString() },
  assumedRoleUser: { assumedRoleId, arn },
  sourceIdentity: claims.sourceIdentity,
})

async function assume(needs: StsNeeds, request: AssumeRoleRequest): Promise<IssuedRoleSession> {
  const { by, session, roleArn, sessionName, tags = [], transitiveTagKeys = [] } = request
  const refusal = (action: string): string =>
    `User: ${by.arn} is not authorized to perform: ${action} on resource: ${roleArn}`
  requireArn(roleArn)
  if (!isSessionName(sessionName)) invalid(`The role session name ${sessionName} is not valid.`)
  if (by.type === 'root') refuseTrust('Roles may not be assumed by root accounts.')
  if (by.type === 'federated-user') refuseTrust(refusal('sts:AssumeRole'), 'federated user')
  checkTags(tags, transitiveTagKeys)
  const inheritedTags = handedOn(session)
  if (tags.some(({ key }) => inheritedTags.some((each) => each.key.toLowerCase() === key.toLowerCase()))) {
    invalidValue(
      "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.",
    )
  }
  const sourceIdentity = sourceIdentityOf(by, request.sourceIdentity)
  const mfa = await shownFactor(needs, request)
  const role = await requireTrust(needs, {
    by,
    role: await needs.findRole(roleArn),
    action: 'sts:AssumeRole',
    from: request.from,
    region: request.region,
    sessionName,
    tags,
    transitiveTagKeys,
    inheritedTags,
    sourceIdentity,
    context: [
      ['sts:ExternalId', request.externalId],
      ...(mfa === undefined
        ? []
        : ([
            ['aws:MultiFactorAuthPresent', 'true'],
            ['aws:MultiFactorAuthAge', '0'],
          ] as const)),
    ],
    refusal,
  })
  const chained = by.type === 'role-session'
  const issued = issue(
    needs,
    {
      accountId: role.accountId,
      principal: { kind: 'role', roleId: role.roleId, roleName: role.name, sessionName },
      epochs: epochsOf(needs, session?.epochs ?? [], [
        ['account', role.accountId],
        ['role', role.roleId],
        ...(by.type === 'user' ? [['user', by.userId] as const] : []),
        // A long-term key, or the session before this one: whoever revokes that ends what was made with it.
        ...(by.accessKeyId === undefined ? [] : [['key', by.accessKeyId] as const]),
        ...[request.family ?? []].flat().map((family) => ['session', family] as const),
      ]),
      sourceIdentity,
      tags: mergeTags(tags, inheritedTags),
      transitiveTagKeys: [...transitiveTagKeys, ...inheritedTags.map(({ key }) => key)],
      ...(await readSessionLimits(needs, role.accountId, request)),
      // A second factor of the person counts on; a role session that assumes another role has none to show.
      mfaAt: mfa?.at ?? (chained ? undefined : by.mfaAt),
      federatedProvider: session?.federatedProvider,
      federatedContext: [],
      chainDepth: (session?.chainDepth ?? 0) + (chained ? 1 : 0),
    },
    {
      seconds: roleSessionSeconds(request.durationSeconds, {
        maxSessionSeconds: role.maxSessionSeconds,
        chained,
      }),
      minimumSize: request.minimumSize,
      algorithm: request.algorithm,
    },
  )
  return {
    ...issued,
    role,
    assumedRoleId: `${role.roleId}:${sessionName}`,
    arn: roleSessionArn(role, sessionName),
  }
}

/** The tags a session hands on to the next role. */
function handedOn(session: SessionClaims | undefined): readonly Tag[] {
  const keys = new Set(session?.transitiveTagKeys.map((key) => key.toLowerCase()))
  return session?.tags.filter(({ key }) => keys.has(key.toLowerCase())) ?? []
}

/** Once set, it stays for the whole chain. */
function sourceIdentityOf(
  { sourceIdentity: carried }: Caller,
  asked: string | undefined,
): string | undefined {
  if (asked !== undefined && (!isSessionName(asked) || asked.startsWith('aws:'))) {
    invalid('The source identity is not valid.')
  }
  if (carried !== undefined && asked !== undefined && asked !== carried) {
    invalid('The source identity of a session cannot be changed once it is set.')
  }
  return carried ?? asked
}

async function shownFactor(
  needs: StsNeeds,
  { by, mfa }: AssumeRoleRequest,
): Promise<{ readonly at: Temporal.Instant } | undefined> {
  if (mfa === undefined) return undefined
  if (by.type !== 'user')
    return refuseTrust('MultiFactorAuthentication failed: only a user has an MFA device.')
  return needs.verifyMfa({ userId: by.userId, serialNumber: mfa.serialNumber, code: mfa.code })
}
