import '@aws-sdk/signature-v4a'
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import { createLocalJWKSet, type JWK, jwtVerify } from 'jose'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

import { sql } from '#database'
import { createAccessKey, type User } from '#directory'
import { setKeyForm, type Role } from '#iam'
import { Secret } from '#kernel'
import { signHeaders, signHeadersV4a, sigv4aJwk, sigv4aKey, type SignableRequest } from '#sigv4'
import { authenticate } from '#sts'

import { fixedClock, home, testVault } from '../support/fixtures.ts'
import { bugs, refusal, startSts, type Credentials, type StsServer } from './harness.ts'

const clock = fixedClock()
let server: StsServer
let alice: { user: User; credentials: Credentials }
let role: Role

beforeAll(async () => {
  server = await startSts(clock)
  alice = await server.user('alice', { Effect: 'Allow', Action: 'sts:*', Resource: '*' })
  role = await server.role('Any', {
    Effect: 'Allow',
    Principal: { AWS: home },
    Action: ['sts:AssumeRole', 'sts:TagSession'],
  })
})
afterAll(() => server.close())
afterEach(() => expect(bugs).toEqual([]))

/** AWS's own client, told to sign with SigV4A, as AWS_AUTH_SCHEME_PREFERENCE and AWS_SIGV4A_SIGNING_REGION_SET do. */
const sigv4a = (credentials: Credentials): STSClient =>
  server.client(credentials, { authSchemePreference: ['sigv4a'], sigv4aSigningRegionSet: ['*'] })
const who = new GetCallerIdentityCommand({})
const assume = async (by: STSClient, more: object = {}) => {
  const { Credentials: given, ...answer } = await by.send(
    new AssumeRoleCommand({ RoleArn: role.arn, RoleSessionName: 'asym', ...more }),
  )
  return {
    ...answer,
    credentials: {
      accessKeyId: given?.AccessKeyId ?? '',
      secretAccessKey: given?.SecretAccessKey ?? '',
      sessionToken: given?.SessionToken ?? '',
    },
  }
}
const only = async (secret = 'a secret of forty characters, never kept'): Promise<Credentials> => {
  const { user } = await server.user(`bob${Math.floor(performance.now() * 1000)}`)
  const made = await createAccessKey(
    server.database,
    { vault: testVault, clock },
    { accountId: home, userId: user.userId, secret: new Secret(secret), sigv4aOnly: true },
  )
  return { accessKeyId: made.accessKeyId, secretAccessKey: secret }
}

describe("AWS's client that signs with SigV4A", () => {
  it('is known by long-term keys, by a session, and beside SigV4', async () => {
    expect((await sigv4a(alice.credentials).send(who)).Arn).toBe(alice.user.arn)
    const { credentials } = await assume(sigv4a(alice.credentials))
    const arn = `arn:aws:sts::${home}:assumed-role/Any/asym`
    expect((await sigv4a(credentials).send(who)).Arn).toBe(arn)
    expect((await server.client(credentials).send(who)).Arn).toBe(arn)
    const sealed = await assume(server.client(alice.credentials))
    expect((await sigv4a(sealed.credentials).send(who)).Arn).toBe(arn)
  })
})

describe('a key that signs with SigV4A alone', () => {
  it('signs in no other way, and its secret is nowhere in the database', async () => {
    const secret = 'a secret of forty characters, never kept'
    const credentials = await only(secret)
    expect((await sigv4a(credentials).send(who)).Arn).toContain(':user/bob')
    expect(await refusal(server.client(credentials).send(who))).toMatch(/^403 SignatureDoesNotMatch .*SigV4A/)
    const { rows } = await server.database.query<{ row: string; sealed: Buffer | null; point: Buffer }>(
      sql`select access_key::text as row, secret_sealed as sealed, public_key as point from access_key
          where access_key_id = ${credentials.accessKeyId}`,
    )
    expect(rows[0]?.sealed).toBeNull()
    expect(rows[0]?.point).toEqual(sigv4aKey(credentials.accessKeyId, secret).publicKey)
    expect(rows[0]?.row).not.toContain(secret)
    expect(rows[0]?.row).not.toContain(Buffer.from(secret).toString('hex'))
  })

  it('is the only kind an account gets that wants no other', async () => {
    expect(await setKeyForm(server.database, home, true)).toBe(true)
    try {
      const { user } = await server.user('carol')
      const made = await server.key({ accountId: home, userId: user.userId })
      expect((await sigv4a(made).send(who)).Arn).toBe(user.arn)
      expect(await refusal(server.client(made).send(who))).toMatch(/^403 SignatureDoesNotMatch /)
    } finally {
      expect(await setKeyForm(server.database, home, false)).toBe(true)
    }
  })

  it('is slowed down when its signatures keep failing, and no other key is', async () => {
    const credentials = await only()
    const forged = sigv4a({ ...credentials, secretAccessKey: 'guessed' })
    for (let tries = 0; tries < 20; tries++)
      expect(await refusal(forged.send(who))).toMatch(/^403 SignatureDoesNotMatch /)
    expect(await refusal(forged.send(who))).toMatch(/^400 Throttling /)
    expect(await refusal(sigv4a(alice.credentials).send(who))).toBe('accepted')
  })
})

describe('a session token of the signed form', () => {
  it('is verified with public keys alone, and says who may sign with which key', async () => {
    const { credentials, SessionTokenSize } = await assume(sigv4a(alice.credentials), {
      Tags: [{ Key: 'team', Value: 'payments' }],
    })
    const jwks = createLocalJWKSet({
      keys: server.keys.list('session').map(({ publicJwk }) => publicJwk as unknown as JWK),
    })
    const { payload, protectedHeader } = await jwtVerify(credentials.sessionToken, jwks, {
      issuer: 'http://localhost:4000',
      currentDate: new Date(clock().epochMilliseconds),
    })
    expect(protectedHeader).toMatchObject({ alg: 'ES256', typ: 'session+jwt' })
    expect(payload).toMatchObject({
      sub: `arn:aws:sts::${home}:assumed-role/Any/asym`,
      account: home,
      user_id: `${role.roleId}:asym`,
      tags: { team: 'payments' },
      akid: credentials.accessKeyId,
      cnf: { jwk: sigv4aJwk(sigv4aKey(credentials.accessKeyId, credentials.secretAccessKey).publicKey) },
    })
    expect(JSON.stringify(payload)).not.toContain(credentials.secretAccessKey)
    expect(SessionTokenSize).toBe(credentials.sessionToken.length)
  })

  it('is padded where a minimum is asked for, and refused where it would be too long', async () => {
    const { credentials } = await assume(sigv4a(alice.credentials), { MinimumSessionTokenSize: 3_000 })
    expect(credentials.sessionToken.length).toBeGreaterThanOrEqual(3_000)
    expect(await refusal(sigv4a(credentials).send(who))).toBe('accepted')
    const Tags = Array.from({ length: 50 }, (_, index) => ({ Key: `key-${index}`, Value: 'a'.repeat(100) }))
    expect(await refusal(assume(sigv4a(alice.credentials), { Tags }))).toMatch(/^400 PackedPolicyTooLarge/)
  })

  it('is refused with any part changed, cut, or of another key', async () => {
    const { credentials } = await assume(sigv4a(alice.credentials))
    const other = await assume(sigv4a(alice.credentials))
    const [head = '', body = '', signature = ''] = credentials.sessionToken.split('.')
    const otherBody = other.credentials.sessionToken.split('.')[1] ?? ''
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as Record<string, unknown>
    const tokens = [
      `${head}.${body}.`,
      `${head}.${body}`,
      `${head}.${body}.${signature}.x`,
      `${head}.${body}.${signature.slice(0, -2)}`,
      `${head}.${body}.${signature}=`,
      `${head}.${otherBody}.${signature}`,
      `${encode({ alg: 'none', typ: 'session+jwt', kid: 'x' })}.${body}.`,
      `${encode({ alg: 'ES256', typ: 'session+jwt', kid: 'x' })}.${body}.${signature}`,
      `${head}.${encode({ ...claims, sub: 'arn:aws:iam::1:root' })}.${signature}`,
      other.credentials.sessionToken,
    ]
    const raw = Buffer.from(signature, 'base64url')
    for (let bit = 0; bit < raw.length * 8; bit += 7) {
      const changed = Buffer.from(raw)
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      tokens.push(`${head}.${body}.${changed.toString('base64url')}`)
    }
    const request: SignableRequest = {
      method: 'GET',
      rawUrl: '/',
      headers: [['host', 'localhost']],
      body: new Uint8Array(),
    }
    for (const sessionToken of tokens) {
      for (const headers of [
        signHeadersV4a(
          request,
          { ...credentials, sessionToken },
          { at: clock(), service: 'sts', regionSet: '*' },
        ),
        signHeaders(request, { ...credentials, sessionToken }, { at: clock(), service: 'sts', region: 'x' }),
      ]) {
        await expect(
          authenticate(server.sts, { ...request, headers }, { services: ['sts'] }),
        ).rejects.toMatchObject({ reason: 'sts/invalid-token' })
      }
    }
  })
})
