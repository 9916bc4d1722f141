import { generateKeyPairSync, type KeyObject, verify } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { SigningAlg } from '#keys'
import { ProviderKey } from '#src/oidc/signing-key.ts'

const ecdsa = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })

const keyOf = (alg: SigningAlg, pair: { readonly privateKey: KeyObject; readonly publicKey: KeyObject }) =>
  new ProviderKey({
    ...pair,
    kid: 'one',
    purpose: 'oidc',
    alg,
    state: 'active',
    publicJwk: {},
    certificate: undefined,
  })

const isSignatureOf = (text: string, signature: Buffer): boolean =>
  verify('sha256', Buffer.from(text), { key: ecdsa.publicKey, dsaEncoding: 'ieee-p1363' }, signature)

describe('a key of the provider', () => {
  it('gives each of many that ask at once the signature of its own text', async () => {
    const key = keyOf('ES256', ecdsa)
    const texts = Array.from({ length: 20 }, (_, index) => `text ${index}`)
    const signatures = await Promise.all(texts.map((text) => key.sign(Buffer.from(text))))
    expect(texts.map((text, index) => isSignatureOf(text, signatures[index] ?? Buffer.alloc(0)))).toEqual(
      texts.map(() => true),
    )
  })

  it('signs what is asked for after others were signed', async () => {
    const key = keyOf('ES256', ecdsa)
    await key.sign(Buffer.from('first'))
    expect(isSignatureOf('second', await key.sign(Buffer.from('second')))).toBe(true)
  })

  it('tells only the one whose text cannot be signed', async () => {
    const key = keyOf('ES256', ecdsa)
    const [before, broken, after] = await Promise.allSettled([
      key.sign(Buffer.from('before')),
      key.sign(null as unknown as Uint8Array),
      key.sign(Buffer.from('after')),
    ])
    expect(broken.status).toBe('rejected')
    expect(before.status === 'fulfilled' && isSignatureOf('before', before.value)).toBe(true)
    expect(after.status === 'fulfilled' && isSignatureOf('after', after.value)).toBe(true)
  })

  it('signs RS256 as well, one by one', async () => {
    const signature = await keyOf('RS256', rsa).sign(Buffer.from('text'))
    expect(verify('sha256', Buffer.from('text'), rsa.publicKey, signature)).toBe(true)
  })
})
