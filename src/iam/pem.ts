import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto'
import { isFailure, refuse } from '#kernel'

const one = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g

/**
 * The certificates of a PEM text, in order; nothing else may stand in it.
 *
 * @throws Failure malformed iam/malformed-certificate
 */
export function readCertificates(text: string, what = 'certificate'): readonly X509Certificate[] {
  const blocks = text.match(one) ?? []
  if (blocks.length === 0 || text.replaceAll(one, '').trim() !== '') malformed(what)
  try {
    return blocks.map((block) => new X509Certificate(block))
  } catch {
    return malformed(what)
  }
}

const malformed = (what: string): never =>
  refuse(
    'malformed',
    'iam/malformed-certificate',
    `Unable to parse ${what}. Please ensure the ${what} is in PEM format.`,
  )

/** The one certificate of a PEM text, good at this moment. @throws Failure malformed iam/malformed-certificate */
export function readCertificate(text: string, now: Temporal.Instant): X509Certificate {
  const [certificate, second] = readCertificates(text)
  if (certificate === undefined || second !== undefined) return malformed('certificate')
  const { from, to } = validityOf(certificate)
  if (Temporal.Instant.compare(now, from) < 0 || Temporal.Instant.compare(now, to) > 0)
    refuse('malformed', 'iam/malformed-certificate', 'The certificate is expired, or not valid yet.')
  return certificate
}

/** From when to when a certificate is good. */
export const validityOf = (
  certificate: X509Certificate,
): { readonly from: Temporal.Instant; readonly to: Temporal.Instant } => ({
  from: certificate.validFromDate.toTemporalInstant(),
  to: certificate.validToDate.toTemporalInstant(),
})

/**
 * Holds an unencrypted PEM private key against a certificate. The key is looked at and forgotten.
 *
 * @throws Failure malformed iam/malformed-certificate, iam/key-pair-mismatch
 */
export function checkPrivateKey(certificate: X509Certificate, privateKey: string): void {
  try {
    if (certificate.checkPrivateKey(createPrivateKey({ key: privateKey, format: 'pem' }))) return
  } catch (thrown) {
    if (isFailure(thrown)) throw thrown
    refuse(
      'malformed',
      'iam/malformed-certificate',
      'Unable to parse the private key. Please ensure it is an unencrypted PEM key.',
    )
  }
  refuse(
    'malformed',
    'iam/key-pair-mismatch',
    'Private key does not match the public key in the certificate.',
  )
}

/** A public key as SSH and as PEM write it, with the fingerprint that IAM shows. */
export type SshKey = {
  /** `ssh-rsa` and the key in base64, without a comment. */
  readonly ssh: string
  /** SubjectPublicKeyInfo (RFC 7468 §13). */
  readonly pem: string
  /** The wire form itself: what a fingerprint is taken of (RFC 4253 §6.6). */
  readonly wire: Buffer
}

const leastBits = 2_048
const mostBits = 16_384

/**
 * An RSA key of 2,048 bits or more, from OpenSSH's line or a PEM public key: what UploadSSHPublicKey takes.
 *
 * @throws Failure malformed iam/invalid-public-key
 */
export function readSshKey(text: string): SshKey {
  try {
    const line = /^\s*ssh-rsa\s+([A-Za-z0-9+/]+={0,2})(?:[ \t][^\r\n]*)?\s*$/.exec(text)
    const key =
      line?.[1] === undefined
        ? createPublicKey({ key: text, format: 'pem' })
        : createPublicKey({ key: jwkOf(Buffer.from(line[1], 'base64')), format: 'jwk' })
    const bits = key.asymmetricKeyDetails?.modulusLength ?? 0
    const jwk = key.export({ format: 'jwk' })
    if (line === null && !/^\s*-----BEGIN (RSA )?PUBLIC KEY-----/.test(text)) return noKey()
    if (jwk.kty !== 'RSA' || bits < leastBits || bits > mostBits) return noKey()
    const wire = Buffer.concat(
      [
        Buffer.from('ssh-rsa'),
        positive(Buffer.from(jwk.e ?? '', 'base64url')),
        positive(Buffer.from(jwk.n ?? '', 'base64url')),
      ].map(prefixed),
    )
    return {
      ssh: `ssh-rsa ${wire.toString('base64')}`,
      pem: key.export({ type: 'spki', format: 'pem' }),
      wire,
    }
  } catch (thrown) {
    if (isFailure(thrown)) throw thrown
    return noKey()
  }
}

const noKey = (): never =>
  refuse(
    'malformed',
    'iam/invalid-public-key',
    `The public key is invalid: an RSA key of at least ${leastBits} bits, as OpenSSH or PEM writes it, is needed.`,
  )

/** Reads `string "ssh-rsa", mpint e, mpint n` (RFC 4253 §6.6). */
function jwkOf(wire: Buffer): { kty: 'RSA'; e: string; n: string } {
  const fields: Buffer[] = []
  let at = 0
  while (at < wire.length && fields.length < 4) {
    const end = at + 4 + wire.readUInt32BE(at)
    if (end > wire.length) return noKey()
    fields.push(wire.subarray(at + 4, end))
    at = end
  }
  const [type, e, n, more] = fields
  if (type?.toString('latin1') !== 'ssh-rsa' || e === undefined || n === undefined || more !== undefined)
    return noKey()
  return { kty: 'RSA', e: trimmed(e).toString('base64url'), n: trimmed(n).toString('base64url') }
}

/** An mpint without the zero that keeps it positive. */
const trimmed = (bytes: Buffer): Buffer =>
  bytes.subarray(
    Math.max(
      0,
      bytes.findIndex((byte) => byte !== 0),
    ),
  )

/** An unsigned number as an mpint: a zero in front where the first bit is set. */
const positive = (bytes: Buffer): Buffer =>
  ((bytes[0] ?? 0) & 0x80) === 0 ? bytes : Buffer.concat([Buffer.of(0), bytes])

const prefixed = (bytes: Buffer): Buffer => {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  return Buffer.concat([length, bytes])
}
