import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openVault, sha256 } from '#crypto'
import { type Database, sql } from '#database'
import { Secret } from '#kernel'
import { createAdapter } from '#src/oidc/adapter.ts'
import { remember, sweepArtifacts } from '#src/oidc/artifact.ts'
import { Provider } from '#src/oidc/library.ts'
import { strengthen } from '#src/oidc/strengthen.ts'
import { testDatabase } from '../support/database.ts'

let database: Database
let server: Server
let origin: string
let provider: InstanceType<typeof Provider>
let now = Temporal.Now.instant()
const clock = () => now
const vault = openVault(new Secret('0123456789abcdef0123456789abcdef'))
const clientId = 'web'
const bearers: string[] = []

beforeAll(async () => {
  database = await testDatabase()
  const { privateKey } = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
    'sign',
    'verify',
  ])
  server = createServer((request, response) => void provider.callback()(request, response)).listen(
    0,
    '127.0.0.1',
  )
  await new Promise((resolve) => server.once('listening', resolve))
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const adapter = createAdapter({
    database,
    vault,
    clock,
    findClient,
    findSession: async () => undefined,
  })
  provider = new Provider(origin, {
    adapter,
    jwks: { keys: [await crypto.subtle.exportKey('jwk', privateKey)] },
    cookies: { keys: ['a key for cookies'] },
    features: { devInteractions: { enabled: false } },
    findAccount: async (_ctx, sub) => ({ accountId: sub, claims: async () => ({ sub }) }),
    rotateRefreshToken: () => true,
    issueRefreshToken: async () => true,
    expiresWithSession: async () => false,
    ttl: { DeviceCode: 600, AccessToken: 600, IdToken: 600, RefreshToken: 86_400, Grant: 86_400 },
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
  })
  strengthen(provider, { database, vault, clock, findClient, clientSecretMatches: async () => true })
})

afterAll(async () => {
  server.closeAllConnections()
  server.close()
  await database.close()
})

const metadata = {
  client_id: clientId,
  client_secret: 'unused',
  redirect_uris: ['https://app.example/cb'],
  grant_types: ['authorization_code', 'refresh_token'],
  token_endpoint_auth_method: 'client_secret_post',
  id_token_signed_response_alg: 'ES256',
} as const
const findClient = async (id: string) =>
  id === clientId
    ? { ...metadata, redirect_uris: [...metadata.redirect_uris], grant_types: [...metadata.grant_types] }
    : undefined

async function newCode(): Promise<{ code: string; grantId: string }> {
  const grant = new provider.Grant({ accountId: 'AIDAALICE', clientId })
  grant.addOIDCScope('openid offline_access')
  const grantId = await grant.save()
  const client = await provider.Client.find(clientId)
  const code = await new provider.AuthorizationCode({
    client,
    accountId: 'AIDAALICE',
    grantId,
    scope: 'openid offline_access',
    redirectUri: 'https://app.example/cb',
  } as never).save()
  bearers.push(code)
  return { code, grantId }
}

type Answer = { status: number; body: { access_token: string; refresh_token: string; error?: string } }

async function token(form: Record<string, string>): Promise<Answer> {
  const response = await fetch(`${origin}/token`, {
    method: 'POST',
    body: new URLSearchParams({ client_id: clientId, client_secret: 'x', ...form }),
  })
  const body = (await response.json()) as Answer['body']
  if (body.access_token !== undefined) bearers.push(body.access_token, body.refresh_token)
  return { status: response.status, body }
}

const redeem = (code: string) =>
  token({ grant_type: 'authorization_code', code, redirect_uri: 'https://app.example/cb' })
const refresh = (refreshToken: string) => token({ grant_type: 'refresh_token', refresh_token: refreshToken })
/** The library's types know no constructor of an interaction. */
const newInteraction = (uid: string, payload: object): Promise<unknown> =>
  new (
    provider.Interaction as unknown as new (
      uid: string,
      payload: object,
    ) => {
      save(ttl: number): Promise<unknown>
    }
  )(uid, payload).save(60)
const userinfo = async (accessToken: string) =>
  (await fetch(`${origin}/me`, { headers: { authorization: `Bearer ${accessToken}` } })).status

describe('an authorization code', () => {
  it('is redeemed by exactly one of 64 parallel callers, and the race revokes what the winner got', async () => {
    const { code } = await newCode()
    const answers = await Promise.all(Array.from({ length: 64 }, () => redeem(code)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(new Set(answers.filter(({ status }) => status !== 200).map(({ body }) => body.error))).toEqual(
      new Set(['invalid_grant']),
    )
    const winner = answers.find(({ status }) => status === 200)
    expect(await userinfo(winner?.body.access_token ?? '')).toBe(401)
  })

  it('used again later is refused, and its access token dies', async () => {
    const { code } = await newCode()
    const first = await redeem(code)
    expect(await userinfo(first.body.access_token)).toBe(200)
    expect((await redeem(code)).body.error).toBe('invalid_grant')
    expect(await userinfo(first.body.access_token)).toBe(401)
    expect((await refresh(first.body.refresh_token)).body.error).toBe('invalid_grant')
  })
})

describe('a rotating refresh token', () => {
  it('gives 64 parallel callers one and the same successor', async () => {
    const { body } = await redeem((await newCode()).code)
    const answers = await Promise.all(Array.from({ length: 64 }, () => refresh(body.refresh_token)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(64)
    expect(new Set(answers.map((answer) => answer.body.refresh_token)).size).toBe(1)
  })

  it('is refused once its successor was used, and the family is gone', async () => {
    const { body } = await redeem((await newCode()).code)
    const second = await refresh(body.refresh_token)
    const third = await refresh(second.body.refresh_token)
    expect(third.status).toBe(200)
    expect((await refresh(body.refresh_token)).body.error).toBe('invalid_grant')
    expect((await refresh(third.body.refresh_token)).body.error).toBe('invalid_grant')
  })

  it('is refused after the leeway, and the family is gone', async () => {
    const { body } = await redeem((await newCode()).code)
    const second = await refresh(body.refresh_token)
    now = now.add({ seconds: 11 })
    expect((await refresh(body.refresh_token)).body.error).toBe('invalid_grant')
    expect((await refresh(second.body.refresh_token)).body.error).toBe('invalid_grant')
  })
})

describe('a replayed id', () => {
  it('is new to exactly one of 64 parallel callers', async () => {
    const until = now.add({ minutes: 1 })
    const told = await Promise.all(Array.from({ length: 64 }, () => remember(database, 'jti-1', until)))
    expect(told.filter(Boolean)).toHaveLength(1)
  })

  it('is refused by the library’s own check as well', async () => {
    const exp = Math.floor(now.epochMilliseconds / 1000) + 60
    const check = () => provider.ReplayDetection.unique('issuer', 'jti-2', exp)
    expect(await check()).toBe(true)
    expect(await check()).toBe(false)
  })
})

describe('a device code', () => {
  it('keeps its own id when it is found by its user code and saved again', async () => {
    const client = await provider.Client.find(clientId)
    const deviceCode = await new provider.DeviceCode({
      client,
      userCode: 'BCDFGHJK',
      params: {},
    } as never).save()
    bearers.push(deviceCode, 'BCDFGHJK')
    const found = await provider.DeviceCode.findByUserCode('BCDFGHJK', { ignoreExpiration: true })
    if (found === undefined) throw new Error('not found')
    Object.assign(found, { error: 'access_denied' })
    await found.save()
    expect((await provider.DeviceCode.find(deviceCode))?.error).toBe('access_denied')
  })
})

describe('the database', () => {
  it('shows no bearer value in a dump', async () => {
    await newInteraction('uid-of-the-interaction', {
      returnTo: 'https://op.example/oauth2/authorize/uid-of-the-interaction',
      deviceCode: 'the-device-code-of-an-interaction',
      params: { id_token_hint: 'eyJ.an.id-token' },
    })
    bearers.push('uid-of-the-interaction', 'the-device-code-of-an-interaction', 'eyJ.an.id-token')
    const { rows } = await database.query(sql`
      select grant_id, account_id, client_id, payload, encode(sealed, 'escape') as sealed,
             encode(id_hash, 'escape') as id_hash, encode(user_code_hash, 'escape') as user_code_hash
        from oidc_artifact`)
    const dump = JSON.stringify(rows)
    expect(rows.length).toBeGreaterThan(20)
    expect(dump).toContain('AIDAALICE')
    expect(bearers.filter((bearer) => dump.includes(bearer))).toEqual([])
  })

  it('gives an artifact back as it was put in, with the id restored', async () => {
    const found = await provider.Interaction.find('uid-of-the-interaction')
    expect(found).toMatchObject({
      jti: 'uid-of-the-interaction',
      deviceCode: 'the-device-code-of-an-interaction',
      returnTo: 'https://op.example/oauth2/authorize/uid-of-the-interaction',
      params: { id_token_hint: 'eyJ.an.id-token' },
    })
  })

  it('does not open a sealed value that was moved to another row', async () => {
    await newInteraction('another-interaction', { returnTo: 'x', params: {} })
    await database.query(sql`
      update oidc_artifact set sealed = (
        select sealed from oidc_artifact where id_hash = ${sha256('uid-of-the-interaction')})
       where id_hash = ${sha256('another-interaction')}`)
    await expect(provider.Interaction.adapter.find('another-interaction')).rejects.toThrow()
  })

  it('refuses one artifact with a NUL byte and keeps those written at the same moment', async () => {
    const told = await Promise.allSettled([
      new provider.Grant({ accountId: 'AIDA\0', clientId }).save(),
      ...Array.from({ length: 5 }, () => new provider.Grant({ accountId: 'AIDABOB', clientId }).save()),
    ])
    expect(told.map(({ status }) => status)).toEqual([
      'rejected',
      ...Array.from({ length: 5 }, () => 'fulfilled'),
    ])
  })

  it('forgets what expired, in batches', async () => {
    const later = now.add({ hours: 24 * 30 })
    expect(await sweepArtifacts(database, later)).toBeGreaterThan(20)
    expect((await database.query(sql`select 1 from oidc_artifact`)).rows).toEqual([])
  })
})
