import { createHash, type KeyObject, verify } from 'node:crypto'

import { refuse } from '#kernel'

import type { Authorization } from './authorization.ts'
import { canonicalRequest } from './canonical.ts'
import { headerValues, payloadHash, type SignableRequest } from './request.ts'

/** What a request that was signed with a certificate's key says about its signature. Nothing in it is proven yet. */
export type X509Authorization = Omit<
  Authorization,
  'accessKeyId' | 'algorithm' | 'signedHeaderList' | 'sessionToken' | 'expiresInSeconds'
> & {
  readonly algorithm: 'AWS4-X509-RSA-SHA256' | 'AWS4-X509-ECDSA-SHA256'
  /** The certificate's serial number. */
  readonly serial: bigint
}

const incomplete = (message: string): never => refuse('malformed', 'sigv4/incomplete-signature', message)

/**
 * Reads the Authorization header of Roles Anywhere: as SigV4's, with the serial number of a certificate for the key id.
 *
 * Roles Anywhere User Guide, "The signing process".
 *
 * @throws Failure malformed `sigv4/incomplete-signature`; unauthenticated `sigv4/unsigned-header`
 */
export function parseX509Authorization(request: SignableRequest): X509Authorization {
  const [line, ...more] = headerValues(request.headers, 'authorization')
  const [, algorithm, rest = ''] = /^(AWS4-X509-(?:RSA|ECDSA)-SHA256)\s+(.+)$/.exec(line ?? '') ?? []
  if (algorithm === undefined || more.length > 0)
    return incomplete('Sign with AWS4-X509-RSA-SHA256 or AWS4-X509-ECDSA-SHA256.')
  const parts = rest.split(',').map((part) => part.trim().split('=', 2) as [string, string?])
  const piece = (name: string): string => {
    const found = parts.filter(([each]) => each === name)
    return found.length === 1 && found[0]?.[1] ? found[0][1] : incomplete(`The header needs one ${name}.`)
  }
  const [, serial = '', day = '', region = '', service = ''] =
    /^(\d{1,60})\/(\d{8})\/([a-z0-9-]{1,64})\/([a-z0-9-]{1,64})\/aws4_request$/.exec(piece('Credential')) ??
    incomplete('Credential must have the form serial-number/yyyymmdd/region/service/aws4_request.')
  const signedHeaders = piece('SignedHeaders').split(';')
  const present = request.headers.map(([name]) => name.toLowerCase())
  const wanted = ['host', 'x-amz-date', ...present.filter((name) => name.startsWith('x-amz-'))]
  const unsigned = wanted.find((name) => !signedHeaders.includes(name))
  if (unsigned !== undefined)
    refuse('unauthenticated', 'sigv4/unsigned-header', `'${unsigned}' must be a 'SignedHeader'.`)
  if (
    new Set(signedHeaders).size !== signedHeaders.length ||
    signedHeaders.some((name) => !present.includes(name))
  )
    return incomplete('SignedHeaders names a header twice, or one that is not there.')
  const signature = piece('Signature')
  if (!/^[0-9a-f]{32,2048}$/.test(signature) || signature.length % 2 !== 0)
    return incomplete('Signature must be hex digits.')
  const [date = '', ...dates] = headerValues(request.headers, 'x-amz-date')
  const [, ...iso] = /^(\d{4})(\d\d)(\d\d)T([01]\d|2[0-3])([0-5]\d)([0-5]\d)Z$/.exec(date) ?? []
  if (iso.length === 0 || dates.length > 0 || headerValues(request.headers, 'host').length !== 1)
    return incomplete("One X-Amz-Date of the form yyyymmdd'T'hhmmss'Z' and one Host are needed.")
  const [year, month, dayOfMonth, hour, minute, second] = iso
  let signedAt: Temporal.Instant
  try {
    signedAt = Temporal.Instant.from(`${year}-${month}-${dayOfMonth}T${hour}:${minute}:${second}Z`)
  } catch {
    return incomplete('X-Amz-Date is not a date of the calendar.')
  }
  return {
    form: 'header',
    algorithm: algorithm === 'AWS4-X509-RSA-SHA256' ? algorithm : 'AWS4-X509-ECDSA-SHA256',
    serial: BigInt(serial),
    day,
    region,
    service,
    signedHeaders,
    signature,
    date,
    signedAt,
  }
}

/**
 * Verifies the signature by the certificate's public key. Whose certificate it is, and whether it may be believed, is the
 * caller's to check.
 *
 * @throws Failure unauthenticated `sigv4/mismatch`, `sigv4/payload-mismatch`
 */
export function verifyX509Signature(
  authorization: X509Authorization,
  request: SignableRequest,
  publicKey: KeyObject,
): void {
  const { algorithm, date, day, region, service, signedHeaders, signature } = authorization
  const hash = payloadHash(request.body)
  const said = headerValues(request.headers, 'x-amz-content-sha256')
  if (said.some((value) => value.trim() !== hash))
    refuse('unauthenticated', 'sigv4/payload-mismatch', 'The body is not the one that was signed.')
  const canonical = canonicalRequest(request, { signedHeaders, service, payloadHash: hash })
  const text = [
    algorithm,
    date,
    `${day}/${region}/${service}/aws4_request`,
    createHash('sha256').update(canonical).digest('hex'),
  ].join('\n')
  const type = algorithm === 'AWS4-X509-RSA-SHA256' ? 'rsa' : 'ec'
  if (
    publicKey.asymmetricKeyType !== type ||
    !verify('sha256', Buffer.from(text), publicKey, Buffer.from(signature, 'hex'))
  )
    refuse(
      'unauthenticated',
      'sigv4/mismatch',
      'The signature does not match the request. Check the key and the signing method.',
      { signedHeaders },
    )
}
