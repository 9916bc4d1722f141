import { type KeyObject, timingSafeEqual, verify } from 'node:crypto'

import { refuse } from '#kernel'

import type { Authorization } from './authorization.ts'
import { canonicalRequest, stringToSign } from './canonical.ts'
import { queryPairs } from './encoding.ts'
import { headerValues, payloadHash, rawQueryOf, type SignableRequest } from './request.ts'
import { sigv4aKey, sigv4aPublicKey } from './sigv4a-key.ts'
import { signingMac, type DayKeyCache } from './signing-key.ts'

/** How a signature is verified. */
export type VerifyRules = {
  /** The secret access key of `authorization.accessKeyId`; absent where only its public key is known. */
  readonly secret?: string | undefined
  /** The public key of SigV4A; derived from the secret where it is absent. */
  readonly publicKey?: KeyObject | undefined
  /** Whether the body may be outside the signature (`UNSIGNED-PAYLOAD`, `STREAMING-…`). Never so on `iam` and `sts`. */
  readonly unsignedPayload?: boolean
  readonly keys?: DayKeyCache | undefined
}

/**
 * Recomputes the signature over the request as received and compares it in constant time, or verifies that of SigV4A
 * with the public key. The token, expiry and revocation are the caller's to check.
 *
 * @throws Failure unauthenticated `sigv4/payload-mismatch`, `sigv4/unsigned-payload`, `sigv4/mismatch`,
 * `sigv4/sigv4a-only`
 */
export function verifySignature(
  authorization: Authorization,
  request: SignableRequest,
  rules: VerifyRules,
): void {
  const { accessKeyId, service, signedHeaders, signedHeaderList } = authorization
  const canonical = canonicalRequest(request, {
    signedHeaders,
    signedHeaderList,
    service,
    payloadHash: signedPayloadHash(authorization, request, rules.unsignedPayload ?? false),
  })
  const isGenuine =
    authorization.algorithm === 'AWS4-HMAC-SHA256'
      ? macMatches(authorization, canonical, rules)
      : signatureMatches(authorization, canonical, rules)
  if (!isGenuine) {
    refuse(
      'unauthenticated',
      'sigv4/mismatch',
      'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.',
      // A proxy that rewrites one of these breaks the signature: the operator needs the list, never the values.
      { accessKeyId, signedHeaders },
    )
  }
}

function macMatches(
  { accessKeyId, day, region, service, date, signature }: Authorization,
  canonical: string,
  { secret, keys }: VerifyRules,
): boolean {
  if (secret === undefined) {
    return refuse(
      'unauthenticated',
      'sigv4/sigv4a-only',
      'This access key signs with AWS4-ECDSA-P256-SHA256 (SigV4A) only.',
    )
  }
  const mac = keys
    ? keys(accessKeyId, secret, { day, region, service })
    : signingMac(secret, day, region, service)
  const expected = mac(stringToSign(date, `${day}/${region}/${service}/aws4_request`, canonical))
  return (
    ours.write(expected, 'latin1') === macBytes &&
    theirs.write(signature, 'hex') === macBytes &&
    timingSafeEqual(ours, theirs)
  )
}

const macBytes = 32
/** Where two signatures are compared. Nothing waits in between, so nobody else writes here. */
const [ours, theirs] = [Buffer.alloc(macBytes), Buffer.alloc(macBytes)]

function signatureMatches(
  { accessKeyId, day, service, date, signature, algorithm }: Authorization,
  canonical: string,
  { secret, publicKey }: VerifyRules,
): boolean {
  const key = publicKey ?? (secret === undefined ? undefined : derivedPublicKey(accessKeyId, secret))
  if (key === undefined) return false
  const signed = stringToSign(date, `${day}/${service}/aws4_request`, canonical, algorithm)
  return verify('sha256', Buffer.from(signed), key, Buffer.from(signature, 'hex'))
}

const derivedPublicKey = (accessKeyId: string, secret: string): KeyObject =>
  sigv4aPublicKey(sigv4aKey(accessKeyId, secret).publicKey)

/** The payload line of the canonical request: the hash of the real body, or a literal where that is allowed. */
function signedPayloadHash(
  { form, service }: Authorization,
  request: SignableRequest,
  unsignedAllowed: boolean,
): string {
  const real = payloadHash(request.body)
  const said = headerValues(request.headers, 'x-amz-content-sha256').map((value) => value.trim())
  if (said.length === 0 && form === 'header') return real
  if (form === 'presigned') {
    for (const [name, value] of queryPairs(rawQueryOf(request.rawUrl)))
      if (name === 'X-Amz-Content-Sha256') said.push(value)
  }
  // A presigned request to an object store never hashes its body; everywhere else silence means the real hash.
  const claims = said.length === 0 && form === 'presigned' && service === 's3' ? ['UNSIGNED-PAYLOAD'] : said
  const [claim = real, ...more] = claims
  if (more.length > 0) refuseMismatch()
  if (claim === real) return real
  if (claim !== 'UNSIGNED-PAYLOAD' && !claim.startsWith('STREAMING-')) refuseMismatch()
  if (!unsignedAllowed) {
    refuse(
      'unauthenticated',
      'sigv4/unsigned-payload',
      'The body of this request must be part of its signature.',
    )
  }
  return claim
}

function refuseMismatch(): never {
  return refuse(
    'unauthenticated',
    'sigv4/payload-mismatch',
    "The value of 'x-amz-content-sha256' does not match the body that was received.",
  )
}
