import { sign } from 'node:crypto'
import type { SigningKey } from './keys.ts'

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/**
 * Signs claims as a compact JWT (RFC 7519) with an ES256 key, on the spot: the way through the thread pool costs more
 * than the signature.
 *
 * @param typ explicit typing (RFC 8725 §3.11), so that a token of one kind is nothing where another is expected
 */
export function signJwt(key: SigningKey, typ: string, claims: object): string {
  if (key.alg !== 'ES256') throw new TypeError('Only an ES256 key signs on the spot.')
  const signed = `${part({ alg: key.alg, kid: key.kid, typ })}.${part(claims)}`
  const signature = sign('sha256', Buffer.from(signed), { key: key.privateKey, dsaEncoding: 'ieee-p1363' })
  return `${signed}.${signature.toString('base64url')}`
}
