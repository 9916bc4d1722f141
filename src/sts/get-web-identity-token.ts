import { SignJWT } from 'jose'

import type { RequestInfo } from '#http'
import { callerIdentity, demand, hasOutboundFederation, outboundIssuer, type Caller } from '#iam'
import { refuse, uuid } from '#kernel'
import type { ContextValue } from '#policy'

import { audited } from './audited.ts'
import type { SignedCaller } from './authenticate.ts'
import type { Tag } from './claims.ts'
import type { StsNeeds } from './needs.ts'
import { checkTags, invalid } from './session-limits.ts'
import { tagRecord } from './tags.ts'

/** What is asked for. */
export type WebIdentityTokenRequest = {
  readonly signed: SignedCaller
  readonly from: RequestInfo
  /** 1–10 audiences. */
  readonly audience: readonly string[]
  /** `RS256` or `ES384`. */
  readonly algorithm: string
  /** 60–3,600, default 300. */
  readonly durationSeconds?: number | undefined
  readonly tags?: readonly Tag[] | undefined
}

const defaultSeconds = 300
const maxPayloadBytes = 8_192
/** The claim under which AWS nests what is not in OpenID Connect. */
const nested = 'https://sts.amazonaws.com/'

/**
 * GetWebIdentityToken: an identity token for an outside service that trusts this deployment by discovery. Its issuer is
 * the account's own (`outboundIssuer`), its keys are in the JWKS at `/.well-known/jwks.json`, and AssumeRoleWithWebIdentity
 * here takes none of them.
 *
 * @throws Failure forbidden `sts/outbound-federation-disabled`, `sts/session-duration-escalation`, `iam/denied`,
 * `sts/not-authorized`; malformed `sts/invalid-request`, `sts/jwt-too-large`
 */
export const getWebIdentityToken = (
  needs: StsNeeds,
  request: WebIdentityTokenRequest,
): Promise<{ readonly token: string; readonly expiresAt: Temporal.Instant }> =>
  audited(
    needs,
    {
      name: 'GetWebIdentityToken',
      by: callerIdentity(request.signed.caller),
      request: request.from,
      region: request.signed.region,
      parameters: {
        audience: request.audience,
        signingAlgorithm: request.algorithm,
        durationSeconds: request.durationSeconds,
        tags: request.tags,
      },
    },
    async () => {
      const { id, ...given } = await give(needs, request)
      return {
        result: given,
        told: { response: { tokenId: id, expiration: given.expiresAt.toString({ smallestUnit: 'second' }) } },
      }
    },
  )

async function give(
  needs: StsNeeds,
  request: WebIdentityTokenRequest,
): Promise<{ readonly id: string; readonly token: string; readonly expiresAt: Temporal.Instant }> {
  const { signed, audience, tags = [] } = request
  const { caller, session } = signed
  const algorithm = algorithmOf(request.algorithm)
  const seconds = request.durationSeconds ?? defaultSeconds
  checkTags(tags, [])
  if (!(await hasOutboundFederation(needs.database, caller.accountId))) {
    refuse(
      'forbidden',
      'sts/outbound-federation-disabled',
      'Outbound web identity federation is not enabled for this account.',
    )
  }
  const subject = subjectOf(caller)
  await demandAll(needs, request, { algorithm, seconds })
  const issuedAt = needs.clock().round({ smallestUnit: 'second', roundingMode: 'floor' })
  const expiresAt = issuedAt.add({ seconds })
  if (session !== undefined && Temporal.Instant.compare(expiresAt, session.expiresAt) > 0) {
    refuse(
      'forbidden',
      'sts/session-duration-escalation',
      'The requested token duration would extend the session beyond its original expiration time.',
    )
  }
  const id = uuid()
  const only = audience.length === 1 ? audience[0] : undefined
  const claims = {
    iss: outboundIssuer(needs.publicUrl, caller.accountId),
    sub: subject,
    aud: only === undefined ? [...audience] : only,
    iat: epochSeconds(issuedAt),
    nbf: epochSeconds(issuedAt),
    exp: epochSeconds(expiresAt),
    jti: id,
    [nested]: {
      aws_account: caller.accountId,
      source_region: signed.region,
      principal_id: caller.arn,
      principal_tags: caller.tags,
      request_tags: tagRecord(tags),
      ...(caller.sourceIdentity === undefined ? {} : { source_identity: caller.sourceIdentity }),
      ...(session === undefined
        ? {}
        : { original_session_exp: session.expiresAt.toString({ smallestUnit: 'second' }) }),
    },
  }
  if (Buffer.byteLength(JSON.stringify(claims)) > maxPayloadBytes) {
    refuse(
      'malformed',
      'sts/jwt-too-large',
      'The requested token payload size exceeds the maximum allowed size. Reduce the number of request tags or audiences.',
    )
  }
  const key = needs.keys.active('sts', algorithm)
  const token = await new SignJWT(claims)
    .setProtectedHeader({ alg: algorithm, kid: key.kid, typ: 'JWT' })
    .sign(key.privateKey)
  return { id, token, expiresAt }
}

const epochSeconds = (at: Temporal.Instant): number => Math.floor(at.epochMilliseconds / 1000)

const algorithmOf = (given: string): 'RS256' | 'ES384' =>
  given === 'RS256' || given === 'ES384'
    ? given
    : invalid(
        `1 validation error detected: Value '${given}' at 'signingAlgorithm' failed to satisfy constraint: Member must satisfy enum value set: [RS256, ES384]`,
      )

/** The user or role behind the caller. A role session is its role: the session's own ARN is nested. */
function subjectOf(caller: Caller): string {
  if (caller.type === 'user') return caller.arn
  if (caller.type === 'role-session') return caller.role.arn
  return refuse(
    'forbidden',
    'sts/not-authorized',
    `User: ${caller.arn} is not authorized to perform: sts:GetWebIdentityToken`,
  )
}

async function demandAll(
  needs: StsNeeds,
  { signed: { caller, region }, from, audience, tags = [] }: WebIdentityTokenRequest,
  asked: { readonly algorithm: string; readonly seconds: number },
): Promise<void> {
  const context: readonly (readonly [string, ContextValue])[] = [
    ['aws:RequestedRegion', region],
    ['sts:IdentityTokenAudience', audience],
    ['sts:SigningAlgorithm', asked.algorithm],
    ['sts:DurationSeconds', String(asked.seconds)],
    ...tags.map(({ key, value }) => [`aws:RequestTag/${key}`, value] as const),
    ...(tags.length === 0 ? [] : [['aws:TagKeys', tags.map(({ key }) => key)] as const]),
  ]
  const actions = ['sts:GetWebIdentityToken', ...(tags.length === 0 ? [] : ['sts:TagGetWebIdentityToken'])]
  for (const action of actions) {
    await demand(needs, { caller, action, resource: { arn: '*' }, from, context })
  }
}
