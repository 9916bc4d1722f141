import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'

import {
  createLocalJWKSet,
  errors,
  exportJWK,
  jwtVerify,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
} from 'jose'
import { beforeAll, describe, expect, it } from 'vitest'

import { verifyJwt } from '#src/sts/verify-jwt.ts'

const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const other = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const koblitz = generateKeyPairSync('ec', { namedCurve: 'secp256k1' })
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' })
const now = 1_800_000_000
const options: JWTVerifyOptions = {
  algorithms: ['ES256', 'ES384', 'RS256'],
  issuer: 'https://ci.example.com',
  clockTolerance: 60,
  currentDate: new Date(now * 1_000),
}
const claims = { iss: 'https://ci.example.com', sub: 'repo:acme/app', aud: 'sts', iat: now, exp: now + 300 }

const encoded = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

/** A compact JWS over exactly this header and payload. */
function jws(
  payload: unknown = claims,
  header: object | string = { alg: 'ES256', kid: 'k' },
  key: KeyObject = pair.privateKey,
): string {
  const signed = `${encoded(header)}.${encoded(payload)}`
  const signature = sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' })
  return `${signed}.${signature.toString('base64url')}`
}

/** The last character changed for one whose spare bits are set: the same bytes in another spelling. */
const respelt = (token: string): string =>
  token.slice(0, -1) + String.fromCharCode((token.at(-1) ?? '').charCodeAt(0) + 1)

let published: JWTVerifyGetKey
const asKeyObject: JWTVerifyGetKey = () => pair.publicKey

beforeAll(async () => {
  published = createLocalJWKSet({
    keys: [{ ...(await exportJWK(pair.publicKey)), kid: 'k', alg: 'ES256', use: 'sig' }],
  })
})

type Outcome = { readonly claims: unknown; readonly header: unknown } | { readonly refused: string }

async function outcome(verified: Promise<{ payload: unknown; header: unknown }>): Promise<Outcome> {
  try {
    const { payload, header } = await verified
    return { claims: payload, header }
  } catch (thrown) {
    return { refused: thrown instanceof errors.JOSEError ? thrown.code : String(thrown) }
  }
}
const ours = (token: string, keys: JWTVerifyGetKey) => outcome(verifyJwt(token, keys, options))
const theirs = (token: string, keys: JWTVerifyGetKey) =>
  outcome(
    jwtVerify(token, keys, options).then(({ payload, protectedHeader }) => ({
      payload,
      header: protectedHeader,
    })),
  )

const accepted: readonly (readonly [what: string, token: string])[] = [
  ['a plain token', jws()],
  ['one without a kid', jws(claims, { alg: 'ES256' })],
  ['one with a type', jws(claims, { alg: 'ES256', kid: 'k', typ: 'at+jwt' })],
  ['one that ended within the leeway', jws({ ...claims, exp: now - 59 })],
  ['one without an end, which its reader refuses', jws({ ...claims, exp: undefined })],
  [
    'the header of a member that is no extension',
    jws(claims, { alg: 'ES256', kid: 'k', jku: 'https://evil.example' }),
  ],
]

const refused: readonly (readonly [what: string, token: string])[] = [
  ['a signature by another key', jws(claims, undefined, other.privateKey)],
  ['a changed payload', jws().replace(encoded(claims), encoded({ ...claims, sub: 'repo:evil/app' }))],
  ['a changed header', jws().replace(encoded({ alg: 'ES256', kid: 'k' }), encoded({ alg: 'ES256' }))],
  ['a signature of zeros', `${jws().split('.', 2).join('.')}.${'A'.repeat(86)}`],
  ['a signature cut short', jws().slice(0, -2)],
  ['a signature with something behind it', jws() + 'AA'],
  ['a DER signature', derSigned()],
  ['no signature', `${jws().split('.', 2).join('.')}.`],
  ['two parts', jws().split('.', 2).join('.')],
  ['four parts', jws() + '.AA'],
  ['a line break in the payload', jws().replace('.', '.\n')],
  ['another algorithm in the header', jws(claims, { alg: 'ES384', kid: 'k' })],
  ['an algorithm that is not allowed', jws(claims, { alg: 'HS256', kid: 'k' })],
  ['no algorithm', jws(claims, { kid: 'k' })],
  ['alg none', `${encoded({ alg: 'none' })}.${encoded(claims)}.`],
  ['alg none with a signature', jws(claims, { alg: 'none', kid: 'k' })],
  ['an unknown key id', jws(claims, { alg: 'ES256', kid: 'x' })],
  ['an extension that must be understood', jws(claims, { alg: 'ES256', kid: 'k', crit: ['x'], x: 1 })],
  ['a payload that is not encoded', jws(claims, { alg: 'ES256', kid: 'k', crit: ['b64'], b64: false })],
  ['a header that is no JSON', jws(claims, '{')],
  ['a header that is a list', jws(claims, '["ES256"]')],
  ['claims that are no JSON', jws('{')],
  ['claims that are a list', jws([claims])],
  ['another issuer', jws({ ...claims, iss: 'https://evil.example' })],
  ['no issuer', jws({ ...claims, iss: undefined })],
  ['one that ended', jws({ ...claims, exp: now - 60 })],
  ['an end that is a text', jws({ ...claims, exp: String(now + 300) })],
  ['one that has not begun', jws({ ...claims, nbf: now + 61 })],
  ['a key of the curve secp256k1', jws(claims, undefined, koblitz.privateKey)],
]

function derSigned(): string {
  const signed = jws().split('.', 2).join('.')
  return `${signed}.${sign('sha256', Buffer.from(signed), pair.privateKey).toString('base64url')}`
}

describe('a JWT is verified as jose does it', () => {
  it.each(accepted)('%s: accepted', async (_, token) => {
    const expected = await theirs(token, published)
    expect(expected).toHaveProperty('claims')
    expect(await ours(token, published)).toEqual(expected)
    expect(await ours(token, asKeyObject)).toEqual(expected)
  })

  it.each(refused)('%s: refused', async (_, token) => {
    const expected = await theirs(token, published)
    expect(expected).toHaveProperty('refused')
    expect(await ours(token, published)).toEqual(expected)
    expect(await ours(token, asKeyObject)).toEqual(await theirs(token, asKeyObject))
  })

  it.each([
    ['padding', jws() + '=='],
    ['spare bits that are set', respelt(jws())],
  ])('the same signature spelt with %s: what jose says', async (_, token) => {
    expect(await ours(token, published)).toEqual(await theirs(token, published))
  })

  it.each([
    ['the curve secp256k1', koblitz],
    ['the curve P-384', p384],
    ['RSA', generateKeyPairSync('rsa', { modulusLength: 2048 })],
    ['Ed25519', generateKeyPairSync('ed25519')],
  ])('a key of %s is none for ES256', async (_, { publicKey }) => {
    for (const token of [jws(), jws(claims, undefined, koblitz.privateKey)])
      expect(await ours(token, () => publicKey)).toHaveProperty('refused')
  })

  it('a private or a shared key is none either', async () => {
    expect(await ours(jws(), () => pair.privateKey)).toHaveProperty('refused')
    expect(await ours(jws(), () => new Uint8Array(32))).toHaveProperty('refused')
  })

  it('each of many that come at once is judged by its own signature', async () => {
    const tokens = Array.from({ length: 40 }, (_, index) =>
      jws(
        { ...claims, sub: `repo:acme/${index}` },
        undefined,
        index % 3 === 0 ? other.privateKey : undefined,
      ),
    )
    const outcomes = await Promise.all(tokens.map((token) => ours(token, published)))
    for (const [index, each] of outcomes.entries())
      if (index % 3 === 0) expect(each).toEqual({ refused: 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED' })
      else expect(each).toMatchObject({ claims: { sub: `repo:acme/${index}` } })
  })
})
