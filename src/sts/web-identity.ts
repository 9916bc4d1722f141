import { decodeJwt, errors, type JWTPayload, type JWTVerifyGetKey } from 'jose'
import { z } from 'zod'

import { refuse, type Clock } from '#kernel'

import type { Tag } from './claims.ts'
import { verifyJwt } from './verify-jwt.ts'

/** An OIDC identity provider entity, as far as a token is held against it. */
export type TrustedIssuer = {
  readonly arn: string
  /** The issuer exactly as tokens name it. */
  readonly issuer: string
  readonly clientIds: readonly string[]
}

/** What a verified token says. */
export type WebIdentity = {
  readonly provider: TrustedIssuer
  readonly subject: string
  /** The client id of the provider's list that the token is for. */
  readonly audience: string
  readonly sourceIdentity?: string
  readonly tags: readonly Tag[]
  readonly transitiveTagKeys: readonly string[]
  /** Condition keys `<issuer without scheme>:<claim>`; a list is a multivalued key. */
  readonly context: ReadonlyMap<string, string | readonly string[]>
}

/** What verifying needs. */
export type WebIdentityNeeds = {
  readonly clock: Clock
  /** The provider entity for an issuer, in the account of the role; undefined where there is none. */
  readonly findProvider: (issuer: string) => Promise<TrustedIssuer | undefined>
  /** The issuer's keys. @throws Failure unavailable `sts/issuer-unreachable` */
  readonly keysOf: (issuer: string) => Promise<JWTVerifyGetKey>
}

/** Public-key algorithms only: an issuer's key can never be used as a shared secret. */
const algorithms = [
  'ES256',
  'ES384',
  'ES512',
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'EdDSA',
  'Ed25519',
]
const leewaySeconds = 60
const tagsClaim = 'https://aws.amazon.com/tags'
const sourceIdentityClaim = 'https://aws.amazon.com/source_identity'

const text = z.string().min(1).max(2_048)
const claims = z.object({
  iss: text,
  sub: z.string().min(6).max(255),
  aud: z.union([text.transform((one) => [one]), z.array(text).min(1).max(100)]),
  azp: text.optional(),
  exp: z.number(),
  iat: z.number(),
  [sourceIdentityClaim]: z.string().optional(),
  [tagsClaim]: z
    .object({
      principal_tags: z.record(z.string(), z.tuple([z.string()])).default({}),
      transitive_tag_keys: z.array(z.string()).default([]),
    })
    .optional(),
})

type Claims = z.infer<typeof claims>

/**
 * Verifies an OpenID token against the provider entity of its issuer: known issuer, signature by an allowed
 * algorithm, times with 60 s of leeway, audience in the provider's list.
 *
 * @throws Failure malformed `sts/identity-token-…`; expired `sts/identity-token-expired`; unavailable
 * `sts/issuer-unreachable`
 */
export async function verifyWebIdentity(needs: WebIdentityNeeds, token: string): Promise<WebIdentity> {
  const provider = await needs.findProvider(issuerOf(token))
  if (provider === undefined) {
    return refuseToken(
      'issuer',
      'No OpenIDConnect provider found in your account for the issuer of this token.',
    )
  }
  const payload = await verify(needs, token, provider.issuer)
  const read = claims.safeParse(payload)
  if (!read.success)
    return refuseToken('claims', 'The ID Token lacks a required claim.', z.prettifyError(read.error))
  const { data } = read
  if (data.iat > needs.clock().epochMilliseconds / 1000 + leewaySeconds) {
    return refuseToken('future', 'The ID Token was issued in the future.')
  }
  const audience = audienceOf(data, provider.clientIds)
  if (audience === undefined)
    return refuseToken('audience', 'Incorrect token audience', { aud: data.aud, azp: data.azp })
  const tags = data[tagsClaim]
  const sourceIdentity = data[sourceIdentityClaim]
  return {
    provider,
    subject: data.sub,
    audience,
    ...(sourceIdentity === undefined ? {} : { sourceIdentity }),
    tags: Object.entries(tags?.principal_tags ?? {}).map(([key, [value]]) => ({ key, value })),
    transitiveTagKeys: tags?.transitive_tag_keys ?? [],
    context: contextOf(payload, provider.issuer, audience),
  }
}

/** The issuer a token names. Nothing is believed yet: it only says which provider entity to hold the token against. */
function issuerOf(token: string): string {
  try {
    const { iss } = decodeJwt(token)
    if (typeof iss === 'string' && iss.length <= 2_048) return iss
  } catch {
    // Not a JWT at all: the same refusal.
  }
  return refuseToken('form', 'The ID Token provided is not a valid JWT.')
}

async function verify(
  { clock, keysOf }: WebIdentityNeeds,
  token: string,
  issuer: string,
): Promise<JWTPayload> {
  try {
    const { payload, header } = await verifyJwt(token, await keysOf(issuer), {
      algorithms,
      issuer,
      clockTolerance: leewaySeconds,
      currentDate: new Date(clock().epochMilliseconds),
    })
    // RFC 8725 §3.11: an access token or a logout token of the same issuer is not somebody's identity.
    const { typ = 'JWT' } = header
    return typ.toUpperCase() === 'JWT'
      ? payload
      : refuseToken('type', 'The token provided is not an ID Token.', { typ })
  } catch (thrown) {
    if (thrown instanceof errors.JWTExpired) {
      return refuse(
        'expired',
        'sts/identity-token-expired',
        'Token expired: current date/time must be before the expiration date/time of the token',
      )
    }
    if (thrown instanceof errors.JOSEError)
      return refuseToken(reasonOf(thrown.code), 'The ID Token could not be verified.', thrown.code)
    // What jose and node:crypto throw for a published key that cannot be one: too short, or no key at all.
    if (thrown instanceof TypeError || thrown instanceof DOMException)
      return refuseToken('key', 'The ID Token could not be verified.', thrown.message)
    throw thrown
  }
}

/** With several audiences, `azp` says which client the token was made for (OpenID Connect Core §2). */
function audienceOf({ aud, azp }: Claims, clientIds: readonly string[]): string | undefined {
  const candidates = aud.length > 1 && azp !== undefined ? [azp] : aud
  return candidates.find((each) => clientIds.includes(each))
}

/** Claims that become condition keys: texts and lists of texts, under the issuer's name without its scheme. */
function contextOf(
  payload: JWTPayload,
  issuer: string,
  audience: string,
): ReadonlyMap<string, string | readonly string[]> {
  const prefix = issuer.replace(/^https?:\/\//, '')
  // A host of that name must not put words into the mouth of Signet.
  if (/^(?:aws|signet|sts|iam|saml)(?::|$)/i.test(prefix))
    refuseToken('reserved-issuer', 'The issuer has a name that is reserved.')
  const context = new Map<string, string | readonly string[]>()
  for (const [claim, value] of Object.entries(payload)) {
    if (['iss', 'exp', 'iat', 'nbf', tagsClaim, sourceIdentityClaim].includes(claim)) continue
    if (typeof value === 'string') context.set(`${prefix}:${claim}`, value)
    else if (typeof value === 'number' || typeof value === 'boolean')
      context.set(`${prefix}:${claim}`, String(value))
    else if (Array.isArray(value) && value.every((each) => typeof each === 'string')) {
      context.set(`${prefix}:${claim}`, value)
    }
  }
  // The audience that was held against the list, never one of the others.
  return context.set(`${prefix}:aud`, audience)
}

/** Why jose says no, in the audit event's words. */
function reasonOf(code: string): Reason {
  switch (code) {
    case 'ERR_JOSE_ALG_NOT_ALLOWED':
      return 'algorithm'
    case 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED':
      return 'signature'
    case 'ERR_JWK_INVALID':
    case 'ERR_JWKS_INVALID':
    case 'ERR_JWKS_NO_MATCHING_KEY':
    case 'ERR_JWKS_MULTIPLE_MATCHING_KEYS':
      return 'key'
    case 'ERR_JWT_CLAIM_VALIDATION_FAILED':
      return 'claims'
    default:
      return 'form'
  }
}

type Reason =
  | 'algorithm'
  | 'audience'
  | 'claims'
  | 'form'
  | 'future'
  | 'issuer'
  | 'key'
  | 'reserved-issuer'
  | 'signature'
  | 'type'

/** The caller reads one code for all of these, the audit log tells them apart. */
const refuseToken = (reason: Reason, message: string, detail?: unknown): never =>
  refuse('malformed', `sts/identity-token-${reason}`, message, detail)
