import { createHash, generateKeyPairSync } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createOutgoing } from '#http'
import { Secret, systemClock as clock } from '#kernel'
import { type Connection, connectionSettings } from '#federation'
import { createOidcConnector } from '#src/federation/oidc-connector.ts'
import { tampered } from '../support/tampered.ts'

/** An upstream that says what a test wants it to say. */
const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const others = generateKeyPairSync('ec', { namedCurve: 'P-256' })
let server: Server
let issuer: string
let idToken = ''
let discovered: (document: Record<string, unknown>) => Record<string, unknown> = (document) => document
const accessToken = 'the-access-token'

beforeAll(async () => {
  server = createServer((request, response) => {
    void (async () => {
      response.setHeader('content-type', 'application/json')
      const path = request.url ?? ''
      if (path.startsWith('/.well-known/'))
        response.end(
          JSON.stringify(
            discovered({
              issuer,
              authorization_endpoint: `${issuer}/authorize`,
              token_endpoint: `${issuer}/token`,
              jwks_uri: `${issuer}/jwks`,
              response_types_supported: ['code'],
              subject_types_supported: ['public'],
              id_token_signing_alg_values_supported: ['ES256', 'HS256', 'none'],
            }),
          ),
        )
      else if (path === '/jwks')
        response.end(
          JSON.stringify({ keys: [{ ...(await exportJWK(keys.publicKey)), alg: 'ES256', kid: 'k' }] }),
        )
      else if (path === '/huge') response.end('x'.repeat(600_000))
      else if (path === '/redirect') response.writeHead(302, { location: '/jwks' }).end()
      else
        response.end(JSON.stringify({ access_token: accessToken, token_type: 'Bearer', id_token: idToken }))
    })()
  })
  server.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
})

const rules = () => ({ allowedHosts: [new URL(issuer).host] })

/** A sign-in whose ID token is changed as asked, after a departure of its own. */
async function arrive(change: {
  claims?: Record<string, unknown>
  header?: Record<string, unknown>
  key?: typeof keys.privateKey
  token?: (honest: string) => string
}) {
  const connector = createOidcConnector({
    clock,
    rules: rules(),
    outgoing: createOutgoing(rules()),
    callback: new URL('https://signet.example/federation/oidc/callback'),
    secretOf: async () => new Secret('secret'),
  })
  const connection: Connection = {
    connectionId: 'c',
    accountId: '1',
    name: 'c',
    clientId: 'signet',
    enabled: true,
    updatedAt: clock(),
    settings: connectionSettings.parse({ issuer, label: 'C' }),
  }
  const { state, nonce, verifier } = await connector.depart(connection, { loginHint: undefined })
  const now = Math.floor(clock().epochMilliseconds / 1000)
  const honest = await new SignJWT({
    iss: issuer,
    aud: 'signet',
    sub: 'u-1',
    nonce,
    iat: now,
    exp: now + 60,
    name: 'N',
    email: 'n@example.com',
    ...change.claims,
  })
    .setProtectedHeader({ alg: 'ES256', kid: 'k', ...change.header })
    .sign(change.key ?? keys.privateKey)
  idToken = change.token?.(honest) ?? honest
  const at = new URL(`https://signet.example/federation/oidc/callback?code=x&state=${state}`)
  return connector.arrive(connection, { at, state, nonce, verifier })
}

const unsigned = (honest: string): string =>
  `${Buffer.from('{"alg":"none"}').toString('base64url')}.${honest.split('.')[1]}.`
const atHash = (token: string): string =>
  createHash('sha256').update(token).digest().subarray(0, 16).toString('base64url')

describe('an ID token', () => {
  it('of the upstream is believed, with the right at_hash too', async () => {
    expect(await arrive({})).toMatchObject({ subject: 'u-1', mail: 'n@example.com', mailVerified: false })
    expect(await arrive({ claims: { at_hash: atHash(accessToken) } })).toMatchObject({ subject: 'u-1' })
  })

  it.each([
    ['with another nonce', { claims: { nonce: 'other' } }],
    ['without a nonce', { claims: { nonce: undefined } }],
    ['for another audience', { claims: { aud: 'somebody' } }],
    ['for several audiences and another azp', { claims: { aud: ['signet', 'other'], azp: 'other' } }],
    ['of another issuer', { claims: { iss: 'https://evil.example' } }],
    ['that is old', { claims: { exp: 1 } }],
    ['without a subject', { claims: { sub: undefined } }],
    ['for another access token (at_hash)', { claims: { at_hash: atHash('another-token') } }],
    ['signed by another key', { key: others.privateKey }],
    ['with a changed byte', { token: tampered }],
    ['without a signature (alg none)', { token: unsigned }],
  ])('%s is refused', async (_name, change) => {
    await expect(arrive(change)).rejects.toMatchObject({ reason: 'federation/upstream-answer' })
  })
})

describe('discovery', () => {
  it('that names another issuer is refused', async () => {
    discovered = (document) => ({ ...document, issuer: 'https://evil.example' })
    await expect(arrive({})).rejects.toMatchObject({ reason: 'federation/upstream-away' })
    discovered = (document) => document
  })
})

describe('an outgoing request', () => {
  it('does not reach a private address that is not listed, whatever its spelling', async () => {
    const outgoing = createOutgoing({ allowedHosts: [] })
    for (const url of [
      'https://127.0.0.1/',
      'https://[::1]/',
      'https://169.254.169.254/latest',
      'https://10.0.0.1/',
      'https://[::ffff:127.0.0.1]/',
      'https://2130706433/',
      'https://localhost/',
      'http://example.com/',
      'https://user:pass@example.com/',
      issuer,
    ])
      await expect(outgoing(new URL(url)), url).rejects.toMatchObject({ reason: 'http/outgoing-refused' })
  })

  it('follows no redirect and reads no endless answer', async () => {
    const outgoing = createOutgoing(rules())
    expect((await outgoing(new URL(`${issuer}/redirect`))).status).toBe(302)
    await expect(outgoing(new URL(`${issuer}/huge`))).rejects.toMatchObject({
      reason: 'http/outgoing-failed',
    })
  })
})
