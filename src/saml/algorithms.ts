import { constants, sign, verify } from 'node:crypto'
import type { KeyObject } from 'node:crypto'

/** A signature algorithm that we accept and can produce. */
export type SignatureAlgorithm = {
  readonly uri: string
  readonly keyType: 'rsa' | 'ec'
  readonly hash: 'sha256' | 'sha384' | 'sha512'
  readonly padding: 'pkcs1' | 'pss' | 'none'
}

const more = 'http://www.w3.org/2001/04/xmldsig-more#'
const mgf1 = 'http://www.w3.org/2007/05/xmldsig-more#'
const hashes = ['sha256', 'sha384', 'sha512'] as const

/** RFC 9231 §2.3. What is not here is refused: SHA-1, HMAC, DSA and everything unknown. */
export const signatureAlgorithms: ReadonlyMap<string, SignatureAlgorithm> = new Map(
  hashes
    .flatMap((hash): SignatureAlgorithm[] => [
      { uri: `${more}rsa-${hash}`, keyType: 'rsa', hash, padding: 'pkcs1' },
      { uri: `${more}ecdsa-${hash}`, keyType: 'ec', hash, padding: 'none' },
      { uri: `${mgf1}${hash}-rsa-MGF1`, keyType: 'rsa', hash, padding: 'pss' },
    ])
    .map((algorithm) => [algorithm.uri, algorithm]),
)

/** Digest algorithms (RFC 9231 §2.1). */
export const digestAlgorithms: ReadonlyMap<string, (typeof hashes)[number]> = new Map([
  ['http://www.w3.org/2001/04/xmlenc#sha256', 'sha256'],
  [`${more}sha384`, 'sha384'],
  ['http://www.w3.org/2001/04/xmlenc#sha512', 'sha512'],
])

const curves = new Set(['prime256v1', 'secp384r1', 'secp521r1'])

/** Whether a public key is strong enough to be pinned at all: RSA from 2048 bits, EC on the three NIST curves. */
export function isUsableKey(key: KeyObject): boolean {
  const details = key.asymmetricKeyDetails
  if (key.asymmetricKeyType === 'rsa') return (details?.modulusLength ?? 0) >= 2048
  return key.asymmetricKeyType === 'ec' && curves.has(details?.namedCurve ?? '')
}

const withPadding = (key: KeyObject, algorithm: SignatureAlgorithm): Parameters<typeof verify>[2] => ({
  key,
  // XML Signature writes ECDSA values as r and s side by side (RFC 9231 §2.3.6).
  dsaEncoding: 'ieee-p1363',
  ...(algorithm.padding === 'pss' && {
    padding: constants.RSA_PKCS1_PSS_PADDING,
    saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
  }),
})

/** Whether a usable key of the right type made this signature. */
export const verifies = (
  algorithm: SignatureAlgorithm,
  key: KeyObject,
  bytes: Uint8Array,
  signature: Uint8Array,
): boolean => fits(algorithm, key) && verify(algorithm.hash, bytes, withPadding(key, algorithm), signature)

/** Whether a key can be used with an algorithm: never an RSA key with ECDSA, never a weak one. */
export const fits = (algorithm: SignatureAlgorithm, key: KeyObject): boolean =>
  key.asymmetricKeyType === algorithm.keyType && isUsableKey(key)

/** Signs on a worker thread of Node's, so that other requests go on. */
export const signBytes = (
  algorithm: SignatureAlgorithm,
  key: KeyObject,
  bytes: Uint8Array,
): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    sign(
      algorithm.hash,
      bytes,
      withPadding(key, algorithm) as Parameters<typeof sign>[2],
      (error, signature) => {
        if (error) reject(error)
        else resolve(signature)
      },
    )
  })
