import { KeyObject, verify, type webcrypto } from 'node:crypto'

import {
  decodeProtectedHeader,
  errors,
  jwtVerify,
  UnsecuredJWT,
  type JWTPayload,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
  type ProtectedHeaderParameters,
} from 'jose'

import { endOfTurn } from '#kernel'

/** A token whose signature and times are right. */
export type VerifiedJwt = { readonly payload: JWTPayload; readonly header: ProtectedHeaderParameters }

/**
 * Verifies a JWT as jose's `jwtVerify` does, with its errors. Of a plain ES256 token the signature alone is verified here:
 * on this thread, among those of the same turn, since the way through the pool costs as much processor time again as the
 * verification. Which key it is and what the claims must say is jose's to decide for these too.
 *
 * RFC 7515 §5.2, RFC 7518 §3.4, RFC 7519 §7.2.
 *
 * @throws JOSEError as `jwtVerify`
 */
export async function verifyJwt(
  token: string,
  keys: JWTVerifyGetKey,
  options: JWTVerifyOptions,
): Promise<VerifiedJwt> {
  const parts = plainEs256(token)
  const key = parts && (await keyOf(keys, parts))
  if (parts === undefined || key === undefined) {
    const { payload, protectedHeader } = await jwtVerify(token, keys, options)
    return { payload, header: protectedHeader }
  }
  await endOfTurn()
  const { header, encodedPayload, signed, signature } = parts
  const isGenuine = verify(
    'sha256',
    Buffer.from(signed, 'latin1'),
    { key, dsaEncoding: 'ieee-p1363' },
    Buffer.from(signature, 'base64url'),
  )
  if (!isGenuine) throw new errors.JWSSignatureVerificationFailed()
  // The signature is proven above: jose reads the claims and holds them against the options.
  const { payload } = UnsecuredJWT.decode(`${noSignature}.${encodedPayload}.`, options)
  return { payload, header }
}

const noSignature = Buffer.from('{"alg":"none"}').toString('base64url')

type Parts = {
  readonly header: ProtectedHeaderParameters & { readonly alg: 'ES256' }
  readonly encodedHeader: string
  readonly encodedPayload: string
  readonly signed: string
  readonly signature: string
}

/** 64 bytes in base64url; the last character holds two bits. */
const es256Signature = /^[\w-]{85}[AQgw]$/

/** The parts of a token that says ES256 and asks for no extension; of any other, malformed ones included, undefined. */
function plainEs256(token: string): Parts | undefined {
  const [encodedHeader = '', encodedPayload = '', signature = '', ...more] = token.split('.')
  if (more.length > 0 || !es256Signature.test(signature) || !/^[\w-]+$/.test(encodedHeader + encodedPayload))
    return undefined
  const header = headerOf(token)
  if (header?.alg !== 'ES256' || 'crit' in header || 'b64' in header) return undefined
  const signed = token.slice(0, -1 - signature.length)
  return { header: { ...header, alg: 'ES256' }, encodedHeader, encodedPayload, signed, signature }
}

function headerOf(token: string): ProtectedHeaderParameters | undefined {
  try {
    return decodeProtectedHeader(token)
  } catch {
    return undefined
  }
}

/** Keys as node:crypto takes them, by the object that jose has for them as long as it remembers the set. */
const known = new WeakMap<webcrypto.CryptoKey, KeyObject>()

/** The key that jose finds for the token; undefined where it is not one for ES256 in a form that is known here. */
async function keyOf(
  keys: JWTVerifyGetKey,
  { header, encodedHeader, encodedPayload, signature }: Parts,
): Promise<KeyObject | undefined> {
  const found: unknown = await keys(header, { protected: encodedHeader, payload: encodedPayload, signature })
  if (found instanceof KeyObject) return isP256(found) ? found : undefined
  if (!(found instanceof CryptoKey) || !found.usages.includes('verify')) return undefined
  const key = known.get(found) ?? KeyObject.from(found)
  known.set(found, key)
  return isP256(key) ? key : undefined
}

const isP256 = ({ type, asymmetricKeyDetails }: KeyObject): boolean =>
  type === 'public' && asymmetricKeyDetails?.namedCurve === 'prime256v1'
