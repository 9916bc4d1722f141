import { createECDH, createHmac, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'

/** The order of P-256 (FIPS 186-4, D.1.2.3). */
const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
const label = Buffer.from('AWS4-ECDSA-P256-SHA256\0')
const one = Buffer.from([0, 0, 0, 1])
const bits = Buffer.from([0, 0, 1, 0])

/** A key pair of SigV4A: the private number (32 bytes) and the public point, uncompressed (65 bytes). */
export type Sigv4aKey = { readonly privateKey: Buffer; readonly publicKey: Buffer }

/**
 * The key pair that belongs to an access key id and its secret: the first of at most 254 HMACs that is small enough
 * (NIST SP 800-108 in counter mode, as AWS uses it), plus one.
 */
export function sigv4aKey(accessKeyId: string, secret: string): Sigv4aKey {
  for (let counter = 1; counter <= 254; counter++) {
    const candidate = createHmac('sha256', `AWS4A${secret}`)
      .update(one)
      .update(label)
      .update(accessKeyId)
      .update(Buffer.of(counter))
      .update(bits)
      .digest()
    const number = BigInt(`0x${candidate.toString('hex')}`)
    if (number > order - 2n) continue
    const privateKey = Buffer.from((number + 1n).toString(16).padStart(64, '0'), 'hex')
    const pair = createECDH('prime256v1')
    pair.setPrivateKey(privateKey)
    return { privateKey, publicKey: pair.getPublicKey() }
  }
  throw new TypeError('No key can be derived: this happens to one secret in 2^8000.')
}

/** A public point as a JWK (RFC 7518 §6.2). */
export const sigv4aJwk = (
  publicKey: Uint8Array,
): { readonly kty: 'EC'; readonly crv: 'P-256'; readonly x: string; readonly y: string } => {
  const point = Buffer.from(publicKey)
  return {
    kty: 'EC',
    crv: 'P-256',
    x: point.subarray(1, 33).toString('base64url'),
    y: point.subarray(33, 65).toString('base64url'),
  }
}

/** A public point as a key that verifies. @throws Error when it is no point of the curve */
export const sigv4aPublicKey = (publicKey: Uint8Array): KeyObject =>
  createPublicKey({ key: sigv4aJwk(publicKey), format: 'jwk' })

/** The pair as a key that signs. */
export const sigv4aPrivateKey = ({ privateKey, publicKey }: Sigv4aKey): KeyObject =>
  createPrivateKey({ key: { ...sigv4aJwk(publicKey), d: privateKey.toString('base64url') }, format: 'jwk' })
