import { findUserById } from '#directory'
import type { RequestInfo } from '#http'
import { outboundIssuer } from '#iam'
import { refuse } from '#kernel'

import { responseOf, type IssuedRoleSession } from './assume-role.ts'
import { audited } from './audited.ts'
import { roleSessionArn } from './callers.ts'
import { federatedEpochId } from './federated-subject.ts'
import { epochsOf, issue } from './issue.ts'
import type { StsNeeds } from './needs.ts'
import { accountOfRoleArn } from './role-arn.ts'
import { checkTags, isSessionName, readSessionLimits, roleSessionSeconds } from './session-limits.ts'
import { refuseTrust, requireTrust } from './trust.ts'
import { verifyWebIdentity, type WebIdentity } from './web-identity.ts'

/** A token of an OpenID issuer, to be traded for a role session. */
export type WebIdentityRequest = {
  readonly from: RequestInfo
  readonly roleArn: string
  readonly sessionName: string
  readonly token: string
  readonly durationSeconds?: number | undefined
  readonly policy?: string | undefined
  readonly policyArns?: readonly string[] | undefined
  readonly minimumSize?: number | undefined
}

const refusal = (action: string): string => `Not authorized to perform ${action}`

/**
 * Trades a token of an OpenID issuer for a role session. The session is not clamped to the token's end: a five-minute
 * token of a pipeline may open an hour. Audited, also when refused.
 *
 * STS API, AssumeRoleWithWebIdentity.
 *
 * @throws Failure forbidden `sts/not-authorized`; malformed `sts/identity-token-…`, `sts/invalid-request`,
 * `sts/packed-policy-too-large`, `iam/malformed-policy`; expired `sts/identity-token-expired`; unavailable
 * `sts/issuer-unreachable`
 */
export const assumeRoleWithWebIdentity = (
  needs: StsNeeds,
  request: WebIdentityRequest,
): Promise<IssuedRoleSession & { readonly identity: WebIdentity }> =>
  audited(
    needs,
    {
      name: 'AssumeRoleWithWebIdentity',
      by: { type: 'WebIdentityUser' },
      request: request.from,
      parameters: {
        roleArn: request.roleArn,
        roleSessionName: request.sessionName,
        durationSeconds: request.durationSeconds,
        policy: request.policy,
        policyArns: request.policyArns,
      },
      resources: [{ ARN: request.roleArn, type: 'AWS::IAM::Role' }],
    },
    async () => {
      const issued = await assume(needs, request)
      const { subject, audience, provider } = issued.identity
      const by = {
        type: 'WebIdentityUser',
        principalId: `${provider.arn}:${audience}:${subject}`,
        userName: subject,
      }
      const response = {
        ...responseOf(issued),
        subjectFromWebIdentityToken: subject,
        provider: provider.arn,
        audience,
      }
      return { result: issued, told: { by, response } }
    },
  )

async function assume(
  needs: StsNeeds,
  request: WebIdentityRequest,
): Promise<IssuedRoleSession & { readonly identity: WebIdentity }> {
  const { roleArn, sessionName, from } = request
  const accountId = accountOfRoleArn(roleArn)
  const identity = await verifyWebIdentity(
    {
      clock: needs.clock,
      keysOf: needs.keysOf,
      findProvider: async (issuer) => {
        // What GetWebIdentityToken gives is for services outside: a session must not be able to renew itself by it.
        if (issuer.startsWith(outboundIssuer(needs.publicUrl, ''))) return undefined
        const found = await needs.findOidcProvider(accountId, issuer)
        return found && { arn: found.arn, issuer, clientIds: found.clientIds }
      },
    },
    // A token read from a file comes with its newline from most clients.
    request.token.trim(),
  )
  const { provider, tags, transitiveTagKeys, sourceIdentity, subject } = identity
  checkIdentity(identity)
  const [found, user] = await Promise.all([needs.findRole(roleArn), ownUser(needs, provider.issuer, subject)])
  const role = await requireTrust(needs, {
    by: { provider: provider.arn },
    role: found,
    action: 'sts:AssumeRoleWithWebIdentity',
    from,
    sessionName,
    tags,
    transitiveTagKeys,
    sourceIdentity,
    context: identity.context,
    refusal,
  })
  const prefix = provider.issuer.replace(/^https?:\/\//, '')
  const issued = issue(
    needs,
    {
      accountId: role.accountId,
      principal: { kind: 'role', roleId: role.roleId, roleName: role.name, sessionName },
      epochs: epochsOf(
        needs,
        [],
        [
          ['account', role.accountId],
          ['role', role.roleId],
          ['federated', federatedEpochId({ providerArn: provider.arn, subject })],
          ...(user === undefined ? [] : [['user', user] as const]),
        ],
      ),
      sourceIdentity,
      tags,
      transitiveTagKeys,
      ...(await readSessionLimits(needs, role.accountId, request)),
      mfaAt: undefined,
      federatedProvider: provider.arn,
      federatedContext: [
        [`${prefix}:aud`, identity.audience],
        [`${prefix}:sub`, subject],
      ],
      chainDepth: 0,
    },
    {
      seconds: roleSessionSeconds(request.durationSeconds, {
        maxSessionSeconds: role.maxSessionSeconds,
        chained: false,
      }),
      minimumSize: request.minimumSize,
    },
  )
  return {
    ...issued,
    identity,
    role,
    assumedRoleId: `${role.roleId}:${sessionName}`,
    arn: roleSessionArn(role, sessionName),
  }
}

/** What the issuer put into the token must be a session's tags and source, or the token is no good. */
function checkIdentity({ tags, transitiveTagKeys, sourceIdentity }: WebIdentity): void {
  const malformed = (message: string): never => refuse('malformed', 'sts/identity-token-session', message)
  try {
    checkTags(tags, transitiveTagKeys)
  } catch {
    malformed('The session tags in the ID Token are not valid.')
  }
  const form = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u
  if (
    tags.some(
      ({ key, value }) => key.length < 1 || key.length > 128 || value.length > 256 || !form.test(key + value),
    )
  ) {
    malformed('The session tags in the ID Token are not valid.')
  }
  if (sourceIdentity !== undefined && (!isSessionName(sourceIdentity) || sourceIdentity.startsWith('aws:'))) {
    malformed('The source identity in the ID Token is not valid.')
  }
}

/**
 * The user behind a token of our own: it must still be active, and what is issued dies when the user is disabled.
 * Undefined for other issuers.
 */
async function ownUser(needs: StsNeeds, issuer: string, subject: string): Promise<string | undefined> {
  if (issuer !== needs.issuer) return undefined
  const user = await findUserById(needs.database, subject)
  return user?.status === 'active'
    ? user.userId
    : refuseTrust(refusal('sts:AssumeRoleWithWebIdentity'), 'the user is gone or disabled')
}
