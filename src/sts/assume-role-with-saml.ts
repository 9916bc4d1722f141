import { createHash } from 'node:crypto'

import type { RequestInfo } from '#http'
import { findSamlProvider } from '#iam'
import { refuse } from '#kernel'
import type { StsAssertion } from '#saml'

import { responseOf, type IssuedRoleSession } from './assume-role.ts'
import { audited } from './audited.ts'
import { roleSessionArn } from './callers.ts'
import { federatedEpochId } from './federated-subject.ts'
import { epochsOf, issue } from './issue.ts'
import type { StsNeeds } from './needs.ts'
import { accountOfRoleArn } from './role-arn.ts'
import { readSamlSession } from './saml-attributes.ts'
import { attributeContext } from './saml-context.ts'
import { readSessionLimits, roleSessionSeconds } from './session-limits.ts'
import { refuseTrust, requireTrust } from './trust.ts'

/** An assertion of an identity provider, to be traded for a role session. */
export type SamlRequest = {
  readonly from: RequestInfo
  readonly roleArn: string
  /** ARN of the IAM SAML provider. */
  readonly principalArn: string
  /** Base64 of the Response, as received. */
  readonly assertion: string
  readonly durationSeconds?: number | undefined
  readonly policy?: string | undefined
  readonly policyArns?: readonly string[] | undefined
  readonly minimumSize?: number | undefined
}

/** What the answer tells of the assertion besides the session. */
export type SamlSubject = {
  readonly subject: string
  readonly subjectType: string
  readonly issuer: string
  /** The Recipient, which is what AWS calls the audience here. */
  readonly audience: string
  readonly nameQualifier: string
}

/** Where assertions for STS are to be sent: Recipient and, with the entity ID, Audience of what we take. */
export const stsSamlEndpoint = (publicUrl: URL): string => new URL('/saml/aws', publicUrl).href

const refusal = (action: string): string => `Not authorized to perform ${action}`

/**
 * Trades a SAML assertion for a role session: the whole gate of #saml with the provider's keys, then the attributes,
 * then the role. Audited, also when refused; the event never holds the assertion.
 *
 * STS API, AssumeRoleWithSAML.
 *
 * @throws Failure `saml/…`; malformed `sts/invalid-identity-token`, `sts/invalid-request`,
 * `sts/packed-policy-too-large`, `iam/malformed-policy`; expired `sts/assertion-used-up`; forbidden
 * `sts/not-authorized`
 */
export const assumeRoleWithSaml = (
  needs: StsNeeds,
  request: SamlRequest,
): Promise<IssuedRoleSession & { readonly identity: SamlSubject }> =>
  audited(
    needs,
    {
      name: 'AssumeRoleWithSAML',
      by: { type: 'SAMLUser' },
      request: request.from,
      parameters: {
        roleArn: request.roleArn,
        principalArn: request.principalArn,
        durationSeconds: request.durationSeconds,
        policy: request.policy,
        policyArns: request.policyArns,
      },
      resources: [{ ARN: request.roleArn, type: 'AWS::IAM::Role' }, { ARN: request.principalArn }],
    },
    async () => {
      const issued = await assume(needs, request)
      const { identity } = issued
      const by = {
        type: 'SAMLUser',
        principalId: `${identity.nameQualifier}:${identity.subject}`,
        userName: identity.subject,
      }
      return { result: issued, told: { by, response: { ...responseOf(issued), ...identity } } }
    },
  )

async function assume(
  needs: StsNeeds,
  request: SamlRequest,
): Promise<IssuedRoleSession & { readonly identity: SamlSubject }> {
  const { roleArn, principalArn, from } = request
  const now = needs.clock()
  const accountId = accountOfRoleArn(roleArn)
  const provider = await findSamlProvider(needs.database, principalArn)
  if (provider === undefined || provider.accountId !== accountId) {
    return refuse('malformed', 'sts/invalid-identity-token', "Specified provider doesn't exist")
  }
  const endpoint = stsSamlEndpoint(needs.publicUrl)
  const assertion = needs.verifySaml({
    metadata: provider.metadata,
    providerArn: provider.arn,
    accountId,
    assertion: request.assertion,
    recipients: [endpoint],
    audiences: [endpoint, needs.samlEntityId],
    now,
  })
  const wanted = readSamlSession(assertion)
  const { sessionName, tags, transitiveTagKeys, sourceIdentity } = wanted
  if (!wanted.roles.some(([role, by]) => role === roleArn && by === principalArn)) {
    refuseTrust(refusal('sts:AssumeRoleWithSAML'), 'the pair is not among the Role values')
  }
  const identity = subjectOf(assertion, accountId, provider.name)
  const [found, user] = await Promise.all([
    needs.findRole(roleArn),
    assertion.issuer === needs.samlEntityId ? needs.userOfOwnAssertion(assertion) : undefined,
  ])
  const role = await requireTrust(needs, {
    by: { provider: provider.arn },
    role: found,
    action: 'sts:AssumeRoleWithSAML',
    from,
    sessionName,
    tags,
    transitiveTagKeys,
    sourceIdentity,
    context: [
      ...attributeContext(assertion.attributes),
      ['saml:aud', identity.audience],
      ['saml:iss', identity.issuer],
      ['saml:sub', identity.subject],
      ['saml:sub_type', identity.subjectType],
      ['saml:namequalifier', identity.nameQualifier],
      ['saml:doc', `${accountId}/${provider.name}`],
    ],
    refusal,
  })
  const seconds = secondsOf(now, request.durationSeconds, role.maxSessionSeconds, [
    wanted.durationSeconds,
    assertion.sessionNotOnOrAfter === undefined
      ? undefined
      : Math.floor((assertion.sessionNotOnOrAfter.epochMilliseconds - now.epochMilliseconds) / 1000),
  ])
  needs.assertionUses(`${provider.arn} ${assertion.assertionId} ${roleArn}`, now)
  const issued = issue(
    needs,
    {
      accountId,
      principal: { kind: 'role', roleId: role.roleId, roleName: role.name, sessionName },
      epochs: epochsOf(
        needs,
        [],
        [
          ['account', accountId],
          ['role', role.roleId],
          ['federated', federatedEpochId({ providerArn: provider.arn, subject: identity.subject })],
          ...(user === undefined ? [] : [['user', user] as const]),
        ],
      ),
      sourceIdentity,
      tags,
      transitiveTagKeys,
      ...(await readSessionLimits(needs, accountId, request)),
      mfaAt: undefined,
      federatedProvider: provider.arn,
      federatedContext: [
        ['saml:namequalifier', identity.nameQualifier],
        ['saml:sub', identity.subject],
        ['saml:sub_type', identity.subjectType],
      ],
      chainDepth: 0,
    },
    { seconds, minimumSize: request.minimumSize },
  )
  return {
    ...issued,
    identity,
    role,
    assumedRoleId: `${role.roleId}:${sessionName}`,
    arn: roleSessionArn(role, sessionName),
  }
}

function subjectOf(assertion: StsAssertion, accountId: string, providerName: string): SamlSubject {
  const { issuer, nameId, nameIdFormat, recipient } = assertion
  return {
    subject: nameId,
    subjectType: nameIdFormat.replace(/^urn:oasis:names:tc:SAML:2\.0:nameid-format:/, ''),
    issuer,
    audience: recipient,
    // SHA-1 is AWS's name for the pair of issuer and provider, not a protection of anything.
    nameQualifier: createHash('sha1').update(`${issuer}${accountId}/${providerName}`).digest('base64'),
  }
}

/** What is asked for must fit the role; what the assertion says only shortens. */
function secondsOf(
  now: Temporal.Instant,
  asked: number | undefined,
  maxSessionSeconds: number,
  bounds: readonly (number | undefined)[],
): number {
  const granted = roleSessionSeconds(asked, { maxSessionSeconds, chained: false })
  const seconds = Math.min(granted, ...bounds.filter((bound) => bound !== undefined))
  return seconds > 0
    ? seconds
    : refuse('expired', 'sts/assertion-used-up', 'Response has expired', { now: now.toString() })
}
