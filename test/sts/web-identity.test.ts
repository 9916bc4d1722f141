import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

import { exportJWK, exportSPKI, generateKeyPair, SignJWT, UnsecuredJWT, type JWTPayload } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'

import { issuerKeys } from '#src/sts/issuer-keys.ts'
import { guardedFetch, isPublicAddress } from '#src/sts/outgoing.ts'
import { verifyWebIdentity } from '#src/sts/web-identity.ts'
import { tampered } from '../support/tampered.ts'

let now = Temporal.Instant.from('2026-11-21T22:15:00Z')
const clock = () => now
const seconds = () => Math.floor(now.epochMilliseconds / 1000)

const signer = await generateKeyPair('ES256', { extractable: true })
const stranger = await generateKeyPair('ES256')

let server: Server
let issuer = ''
let fetched: string[] = []
let down = false
let kid = 'one'
let answer: (path: string) => unknown

beforeAll(async () => {
  const publicJwk = { ...(await exportJWK(signer.publicKey)), use: 'sig' }
  answer = (path) =>
    path === '/.well-known/openid-configuration'
      ? { issuer, jwks_uri: `${issuer}/keys` }
      : {
          keys: [
            { ...publicJwk, kid },
            { kty: 'oct', k: 'c2VjcmV0', kid: 'shared' },
          ],
        }
  server = createServer((request, response) => {
    const path = request.url ?? ''
    fetched.push(path)
    if (down) response.writeHead(503).end()
    else if (path === '/moved') response.writeHead(302, { location: `${issuer}/keys` }).end()
    else if (path === '/large') response.end(`"${'x'.repeat(600_000)}"`)
    else response.end(JSON.stringify(answer(path)))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => new Promise((resolve) => server.close(resolve)))
beforeEach(() => {
  now = Temporal.Instant.from('2026-11-21T22:15:00Z')
  fetched = []
  down = false
  kid = 'one'
})

const needs = () => ({
  clock,
  keysOf: issuerKeys({ fetchJson: guardedFetch({ allowedHosts: ['127.0.0.1'] }), clock }),
  findProvider: async (name: string) =>
    name === issuer
      ? { arn: 'arn:aws:iam::111122223333:oidc-provider/ci', issuer, clientIds: ['sts.example.com'] }
      : undefined,
})
const payload = (change: JWTPayload = {}): JWTPayload => ({
  iss: issuer,
  sub: 'repo:acme/app',
  aud: 'sts.example.com',
  iat: seconds(),
  exp: seconds() + 300,
  ...change,
})
const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
/** A token with any header, and a signature that is none. */
const forge = (header: object): string => `${part(header)}.${part(payload())}.${'A'.repeat(86)}`
const swapBody = (made: string, change: JWTPayload): string => {
  const [head, , signature] = made.split('.')
  return [head, part(payload(change)), signature].join('.')
}
const nested = (inner: string): string => {
  const head = part({ alg: 'ES256', kid, cty: 'JWT' })
  return `${head}.${Buffer.from(inner).toString('base64url')}.${'A'.repeat(86)}`
}
const hmac = (secret: string, keyId = kid): Promise<string> =>
  new SignJWT(payload())
    .setProtectedHeader({ alg: 'HS256', kid: keyId })
    .sign(new TextEncoder().encode(secret.padEnd(32)))
const strangerJwk = await exportJWK(stranger.publicKey)
const publicPem = await exportSPKI(signer.publicKey)
const publicJwkText = JSON.stringify(await exportJWK(signer.publicKey))
/** Signed by a stranger, with a hint at where to find the key. */
const brought = (header: object): Promise<string> => token({}, { key: stranger.privateKey, header })
const token = (change: JWTPayload = {}, { key = signer.privateKey, header = {} } = {}) =>
  new SignJWT(payload(change)).setProtectedHeader({ alg: 'ES256', kid, ...header }).sign(key)
/** The reason in the audit log. On the wire each is InvalidIdentityToken. */
const refusedFor = (why: string) =>
  expect.objectContaining({ kind: 'malformed', reason: `sts/identity-token-${why}` })

describe('a web identity', () => {
  it('is subject, audience and claims of a token that an issuer of the account signed', async () => {
    const made = await token({
      groups: ['a', 'b'],
      'https://aws.amazon.com/source_identity': 'alice',
      'https://aws.amazon.com/tags': { principal_tags: { Project: ['x'] }, transitive_tag_keys: ['Project'] },
    })
    const identity = await verifyWebIdentity(needs(), made)
    expect(identity).toMatchObject({
      subject: 'repo:acme/app',
      audience: 'sts.example.com',
      sourceIdentity: 'alice',
      tags: [{ key: 'Project', value: 'x' }],
      transitiveTagKeys: ['Project'],
    })
    const host = issuer.slice('http://'.length)
    expect([...identity.context]).toEqual([
      [`${host}:sub`, 'repo:acme/app'],
      [`${host}:aud`, 'sts.example.com'],
      [`${host}:groups`, ['a', 'b']],
    ])
  })

  it('may be for several audiences when azp names one of the list', async () => {
    const several = { aud: ['other', 'sts.example.com'] }
    const good = await verifyWebIdentity(needs(), await token({ ...several, azp: 'sts.example.com' }))
    expect(good.audience).toBe('sts.example.com')
    await expect(verifyWebIdentity(needs(), await token({ ...several, azp: 'other' }))).rejects.toThrow(
      refusedFor('audience'),
    )
  })

  it('may be a minute off in its times', async () => {
    const late = await token({ iat: seconds() + 59, nbf: seconds() + 59 })
    expect((await verifyWebIdentity(needs(), late)).subject).toBe('repo:acme/app')
    expect((await verifyWebIdentity(needs(), await token({ exp: seconds() - 59 }))).subject).toBe(
      'repo:acme/app',
    )
  })
})

describe('refuses a token', () => {
  it('of an issuer the account does not know', async () => {
    await expect(
      verifyWebIdentity(needs(), await token({ iss: 'https://evil.example.com' })),
    ).rejects.toThrow(refusedFor('issuer'))
    expect(fetched).toEqual([])
  })

  it('of an issuer whose name would make its claims look like keys of ours', async () => {
    for (const iss of ['https://aws', 'https://STS', 'https://aws:8443']) {
      const reserved = { ...needs(), keysOf: async () => async () => signer.publicKey }
      const trusted = { arn: 'arn', issuer: iss, clientIds: ['sts.example.com'] }
      const made = await token({ iss, PrincipalArn: 'arn:aws:iam::111122223333:root' })
      await expect(
        verifyWebIdentity({ ...reserved, findProvider: async () => trusted }, made),
      ).rejects.toThrow(refusedFor('reserved-issuer'))
      const other = { ...trusted, issuer: 'https://aws.example.com' }
      const fine = await token({ iss: other.issuer })
      expect((await verifyWebIdentity({ ...reserved, findProvider: async () => other }, fine)).subject).toBe(
        'repo:acme/app',
      )
    }
  })

  it('that is no JWT', async () => {
    for (const text of ['', 'abc', 'a.b.c', '{}']) {
      await expect(verifyWebIdentity(needs(), text)).rejects.toThrow(refusedFor('form'))
    }
  })

  it.each<[what: string, why: string, make: () => Promise<string> | string]>([
    ['signed by another key', 'signature', () => token({}, { key: stranger.privateKey })],
    ['with its signature cut', 'signature', async () => (await token()).slice(0, -4)],
    ['with its signature changed', 'signature', async () => tampered(await token())],
    ['without its signature', 'signature', async () => (await token()).replace(/[^.]+$/, '')],
    [
      'with claims put in after signing',
      'signature',
      async () => swapBody(await token(), { sub: 'somebody' }),
    ],
    ['unsigned', 'algorithm', () => new UnsecuredJWT(payload()).encode()],
    ['unsigned, in other letters', 'algorithm', () => forge({ alg: 'nOnE' })],
    ['unsigned, by an empty name', 'form', () => forge({ alg: '' })],
    ['signed with a secret that the issuer published', 'algorithm', () => hmac('secret', 'shared')],
    ['signed with the public key as a shared secret, as PEM', 'algorithm', () => hmac(publicPem)],
    ['signed with the public key as a shared secret, as JWK', 'algorithm', () => hmac(publicJwkText)],
    ['that brings its key along', 'signature', () => brought({ jwk: strangerJwk })],
    ['that says where its keys are', 'signature', () => brought({ jku: `${issuer}/evil` })],
    ['that says where its certificate is', 'signature', () => brought({ x5u: `${issuer}/evil` })],
    ['that brings its certificate along', 'signature', () => brought({ x5c: ['MIIB'] })],
    ['that brings its key, and no key id', 'signature', () => brought({ jwk: strangerJwk, kid: undefined })],
    ['with the key id of nobody', 'key', () => token({}, { header: { kid: 'nobody' } })],
    ['with a path for a key id', 'key', () => token({}, { header: { kid: '../../dev/null' } })],
    ['with the key id of the secret', 'key', () => token({}, { header: { kid: 'shared' } })],
    ['with a critical header that nobody knows', 'form', () => forge({ alg: 'ES256', kid, crit: ['exp'] })],
    [
      'with a body that is not encoded',
      'signature',
      () => forge({ alg: 'ES256', kid, b64: false, crit: ['b64'] }),
    ],
    ['in two layers', 'form', async () => nested(await token())],
    ['for another algorithm of the same key', 'key', () => forge({ alg: 'ES384', kid })],
    ['for another client', 'audience', () => token({ aud: 'other' })],
    ['for nobody', 'claims', () => token({ aud: [] })],
    ['for our client in other letters', 'audience', () => token({ aud: 'STS.example.com' })],
    ['without subject', 'claims', () => token({ sub: undefined } as unknown as JWTPayload)],
    ['with a short subject', 'claims', () => token({ sub: 'abc' })],
    ['with a list for a subject', 'claims', () => token({ sub: ['repo:acme/app'] } as unknown as JWTPayload)],
    ['without a time of issue', 'claims', () => token({ iat: undefined } as unknown as JWTPayload)],
    ['without an end', 'claims', () => token({ exp: undefined } as unknown as JWTPayload)],
    ['that is not valid yet', 'claims', () => token({ nbf: seconds() + 120 })],
    ['of the future', 'future', () => token({ iat: seconds() + 120 })],
  ])('%s: %s', async (_what, why, make) => {
    const made = await make()
    fetched = []
    await expect(verifyWebIdentity(needs(), made)).rejects.toThrow(refusedFor(why))
    // Whatever the token says, keys come from the issuer's own document and from nowhere else.
    expect(fetched.filter((path) => !['/.well-known/openid-configuration', '/keys'].includes(path))).toEqual(
      [],
    )
  })

  it('by another issuer of the same account that signs with the same key id', async () => {
    const other = 'https://other.example.com'
    const both = {
      ...needs(),
      keysOf: async (name: string) => async () => (name === other ? stranger : signer).publicKey,
      findProvider: async (name: string) => ({ arn: name, issuer: name, clientIds: ['sts.example.com'] }),
    }
    const theirs = await token({ iss: other }, { key: stranger.privateKey })
    expect((await verifyWebIdentity(both, theirs)).provider.arn).toBe(other)
    const asOurs = await token({ iss: issuer }, { key: stranger.privateKey })
    await expect(verifyWebIdentity(both, asOurs)).rejects.toThrow(refusedFor('signature'))
  })

  it('signed by a key that cannot be one, as no good, and not as an error of ours', async () => {
    const usual = answer
    const weak = await generateKeyPair('RS256', { modulusLength: 2048, extractable: true })
    for (const jwk of [
      { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' },
      { kty: 'EC' },
      { kty: 'RSA', n: 'AQAB', e: 'AQAB' },
      { kty: 'OKP', crv: 'Ed25519', x: '' },
      { kty: 'none' },
    ]) {
      answer = (path) => (path === '/keys' ? { keys: [{ ...jwk, kid: 'odd' }] } : usual(path))
      const made = jwk.kty === 'RSA' ? weak.privateKey : signer.privateKey
      const alg = jwk.kty === 'RSA' ? 'RS256' : jwk.kty === 'OKP' ? 'EdDSA' : 'ES256'
      const text =
        alg === 'EdDSA'
          ? forge({ alg, kid: 'odd' })
          : await token({}, { key: made, header: { alg, kid: 'odd' } })
      await expect(verifyWebIdentity(needs(), text), JSON.stringify(jwk)).rejects.toThrow(
        expect.objectContaining({ reason: expect.stringMatching(/-(key|signature)$/) as string }),
      )
    }
    answer = usual
  })

  it('that is an access token or a logout token', async () => {
    for (const typ of ['at+jwt', 'logout+jwt']) {
      await expect(verifyWebIdentity(needs(), await token({}, { header: { typ } }))).rejects.toThrow(
        refusedFor('type'),
      )
    }
  })

  it('that is over, as expired', async () => {
    await expect(verifyWebIdentity(needs(), await token({ exp: seconds() - 61 }))).rejects.toThrow(
      expect.objectContaining({ kind: 'expired', reason: 'sts/identity-token-expired' }),
    )
  })
})

describe('the keys of an issuer', () => {
  it('are fetched once for many callers and then kept', async () => {
    const shared = needs()
    const made = await token()
    await Promise.all(Array.from({ length: 20 }, () => verifyWebIdentity(shared, made)))
    expect(fetched).toEqual(['/.well-known/openid-configuration', '/keys'])
  })

  it('are asked for again when a token names a new one, but not for every such token', async () => {
    const shared = needs()
    await verifyWebIdentity(shared, await token())
    kid = 'two'
    const rotated = await token()
    await expect(verifyWebIdentity(shared, rotated)).rejects.toThrow(refusedFor('key'))
    now = now.add({ seconds: 61 })
    expect((await verifyWebIdentity(shared, rotated)).subject).toBe('repo:acme/app')
    expect(fetched.length).toBe(4)
  })

  it('count for a day while the issuer is down, and no longer', async () => {
    const shared = needs()
    await verifyWebIdentity(shared, await token())
    down = true
    now = now.add({ hours: 23 })
    expect((await verifyWebIdentity(shared, await token())).subject).toBe('repo:acme/app')
    now = now.add({ hours: 2 })
    await expect(verifyWebIdentity(shared, await token())).rejects.toThrow(
      expect.objectContaining({ kind: 'unavailable', reason: 'sts/issuer-unreachable' }),
    )
  })

  it('are not taken from a document that names another issuer', async () => {
    const usual = answer
    answer = (path) =>
      path === '/keys' ? usual(path) : { issuer: 'https://other.example.com', jwks_uri: `${issuer}/keys` }
    await expect(verifyWebIdentity(needs(), await token())).rejects.toThrow('verification key')
    answer = usual
  })
})

describe('an outgoing request', () => {
  const open = guardedFetch({ allowedHosts: ['127.0.0.1'] })
  const guarded = guardedFetch({ allowedHosts: [] })
  const refused = expect.objectContaining({ reason: 'sts/outgoing-refused' })

  it('does not leave for plain http, credentials or addresses that are not public', async () => {
    for (const url of [
      `${issuer}/keys`,
      'https://127.0.0.1/keys',
      'https://[::1]/keys',
      'https://[::ffff:127.0.0.1]/keys',
      'https://169.254.169.254/latest',
      'https://localhost/keys',
      'https://2130706433/',
      'https://user:pass@example.com/',
      'file:///etc/passwd',
    ]) {
      await expect(guarded(new URL(url))).rejects.toThrow(refused)
    }
    expect(fetched).toEqual([])
  })

  it('follows no redirect and reads no endless answer', async () => {
    const failed = expect.objectContaining({ reason: 'sts/outgoing-failed' })
    await expect(open(new URL(`${issuer}/moved`))).rejects.toThrow(failed)
    await expect(open(new URL(`${issuer}/large`))).rejects.toThrow(failed)
    expect(fetched).toEqual(['/moved', '/large'])
  })

  it('knows public addresses from the others', () => {
    expect(['1.1.1.1', '2606:4700::1111'].filter(isPublicAddress)).toHaveLength(2)
    expect(
      [
        '10.0.0.1',
        '100.64.0.1',
        '0.0.0.0',
        '224.0.0.1',
        '255.255.255.255',
        'fe80::1',
        'fc00::1',
        '::',
        '::1',
        '::ffff:1.1.1.1',
        '64:ff9b::a00:1',
        '2002:7f00:1::',
        '2001:db8::1',
        'x',
      ].filter(isPublicAddress),
    ).toEqual([])
  })
})
