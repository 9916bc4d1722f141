import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import { fromLoginCredentials } from '@aws-sdk/credential-providers'
import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Database, sql } from '#database'
import { setPasswordHash, updateUser, type User } from '#directory'
import { createRole, deleteRole, findRole, updateRole } from '#iam'
import { newPerson, otherAccount, seedRoles, signInAt } from '../aws-sso/world.ts'
import { type LoginAnswer, type LoginClient, loginClient } from '../support/aws-login-client.ts'
import { Browser, type Page, textOf } from '../support/browser.ts'
import { testDatabase } from '../support/database.ts'
import { claim, fixedClock, home } from '../support/fixtures.ts'
import { startServer, type TestServer } from '../support/server.ts'

const clock = fixedClock(Temporal.Now.instant().toString())
let database: Database
let server: TestServer
let phc: string
let user: User
let browser: Browser
let client: LoginClient

const now = () => clock().epochMilliseconds / 1_000

beforeAll(async () => {
  database = await testDatabase()
  await claim(database, clock)
  server = await startServer({ database, clock })
  phc = await seedRoles(database, clock)
})
afterAll(async () => {
  await server.close()
  await database.close()
})
beforeEach(async () => {
  clock.advance({ minutes: 10 })
  browser = new Browser()
  user = await newPerson(database, clock, phc)
  client = loginClient(server.url, { now })
})

const role = (name: string, account = home) => `arn:aws:iam::${account}:role/${name}`
const choose = (page: Page, as: string) => browser.submit(page, { as, do: 'allow' }, { form: () => true })

/** Signs in, chooses, and is sent back. @returns the query of the loopback address */
async function authorize(as = role('ReadOnly'), by = client): Promise<URLSearchParams> {
  const page = await signInAt(browser, by.authorizeUrl(), user)
  expect(page.title).toContain('What shall the command line act as?')
  const target = new URL(Browser.onward(await choose(page, as)) ?? '')
  expect(target.origin + target.pathname).toBe(by.redirectUri)
  return target.searchParams
}
const redeem = (code: string | null, more: object = {}, by = client, options = {}) =>
  by.token(
    {
      clientId: by.clientId,
      grantType: 'authorization_code',
      code: code ?? '',
      codeVerifier: by.verifier,
      redirectUri: by.redirectUri,
      ...more,
    },
    options,
  )
const refresh = (refreshToken: string | undefined, options: { proof?: string } = {}, by = client) =>
  by.token({ clientId: by.clientId, grantType: 'refresh_token', refreshToken: refreshToken ?? '' }, options)
const login = async (as?: string): Promise<LoginAnswer['body']> =>
  (await redeem((await authorize(as)).get('code'))).body
const told = ({ status, exception, body }: LoginAnswer) => [status, exception, body.error]
const over = [401, 'AccessDeniedException', 'TOKEN_EXPIRED']
const codeOver = [401, 'AccessDeniedException', 'AUTHCODE_EXPIRED']
const invalid = [400, 'ValidationException', 'INVALID_REQUEST']

async function whoAmI(
  keys: { accessKeyId: string; secretAccessKey: string; sessionToken?: string } | undefined,
) {
  const sts = new STSClient({
    region: 'us-east-1',
    endpoint: server.url,
    maxAttempts: 1,
    systemClockOffset: clock().epochMilliseconds - Temporal.Now.instant().epochMilliseconds,
    credentials: keys ?? { accessKeyId: '', secretAccessKey: '' },
  })
  try {
    return (await sts.send(new GetCallerIdentityCommand({}))).Arn
  } catch (thrown) {
    return (thrown as Error).name
  } finally {
    sts.destroy()
  }
}

describe('aws login on the same machine', () => {
  it('gives credentials of the role that the person chose, for 15 minutes', async () => {
    const query = await authorize()
    expect(query.get('state')).toBe(client.state)
    const { status, body } = await redeem(query.get('code'))
    expect(status).toBe(200)
    expect(body).toMatchObject({ tokenType: 'aws_sigv4', expiresIn: 900 })
    const arn = `arn:aws:sts::${home}:assumed-role/ReadOnly/${user.name}`
    expect(await whoAmI(body.accessToken)).toBe(arn)
    expect((body.refreshToken ?? '').length).toBeLessThanOrEqual(2_048)

    // The command line takes the account from the fifth field of the subject.
    const { sub } = decodeJwt(body.idToken ?? '')
    expect([sub, sub?.split(':')[4]]).toEqual([arn, home])
    const keys = createRemoteJWKSet(new URL(`${server.url}/.well-known/jwks.json`))
    await jwtVerify(body.idToken ?? '', keys, {
      audience: client.clientId,
      currentDate: new Date(now() * 1_000),
    })
  })

  it('gives a session of the user’s own, or of a role in another account', async () => {
    const own = await login('self')
    expect(await whoAmI(own.accessToken)).toBe(user.arn)
    expect(decodeJwt(own.idToken ?? '').sub).toBe(user.arn)
    client = loginClient(server.url, { now })
    const page = await browser.open(client.authorizeUrl())
    const target = new URL(Browser.onward(await choose(page, role('Deploy', otherAccount))) ?? '')
    const { body } = await redeem(target.searchParams.get('code'))
    expect(await whoAmI(body.accessToken)).toBe(
      `arn:aws:sts::${otherAccount}:assumed-role/Deploy/${user.name}`,
    )
  })

  it('lists only roles that trust the person, and refuses any other', async () => {
    const page = await signInAt(browser, client.authorizeUrl(), user)
    expect(page.html).toContain(role('ReadOnly'))
    expect(page.html).not.toContain(role('Others'))
    expect((await choose(page, role('Others'))).status).toBe(422)
    expect(textOf(await choose(page, ''))).toContain('Choose one of them')
  })

  it('asks for the second factor when the role wants one', async () => {
    const page = await signInAt(browser, client.authorizeUrl(), user)
    expect(textOf(page)).toContain('Refunds needs a second factor')
    expect((await choose(page, role('Refunds'))).title).toContain('second factor')
  })

  it('trades a code once; a second time ends what the first one got', async () => {
    const code = (await authorize()).get('code')
    const { body } = await redeem(code)
    expect(told(await redeem(code))).toEqual(codeOver)
    expect(told(await refresh(body.refreshToken))).toEqual(over)
    await expect.poll(() => whoAmI(body.accessToken)).toBe('ExpiredToken')
  })

  it('takes one of twenty that trade the same code at once', async () => {
    const code = (await authorize()).get('code')
    const answers = await Promise.all(Array.from({ length: 20 }, () => redeem(code)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
  })

  it('takes the request as a form as well', async () => {
    const code = (await authorize()).get('code')
    expect((await redeem(code, {}, client, { form: true })).status).toBe(200)
  })

  it.each([
    ['another verifier', () => ({ codeVerifier: randomBytes(48).toString('base64url') }), codeOver],
    ['another port', () => ({ redirectUri: 'http://127.0.0.1:41235/oauth/callback' }), codeOver],
    ['the other client', () => ({ clientId: 'arn:aws:signin:::devtools/cross-device' }), codeOver],
    ['an unknown client', () => ({ clientId: 'arn:aws:signin:::devtools/any-device' }), invalid],
    ['another grant', () => ({ grantType: 'password' }), invalid],
    ['no verifier', () => ({ codeVerifier: null }), invalid],
    ['a number for a code', () => ({ code: 1 }), invalid],
  ])('refuses a code with %s', async (_what, more, expected) => {
    expect(told(await redeem((await authorize()).get('code'), more()))).toEqual(expected)
  })

  it('refuses a code that is too old', async () => {
    const code = (await authorize()).get('code')
    clock.advance({ minutes: 11 })
    expect(told(await redeem(code))).toEqual(codeOver)
  })

  it('tells the command line when the person stops', async () => {
    const page = await signInAt(browser, client.authorizeUrl(), user)
    const going = await browser.submit(page, { do: 'deny' }, { form: () => true })
    expect(new URL(Browser.onward(going) ?? '').searchParams.get('error')).toBe('access_denied')
  })

  it.each([
    ['response_type', 'token', 'unsupported_response_type'],
    ['scope', 'openid profile', 'invalid_scope'],
    ['code_challenge_method', 'S256', 'invalid_request'],
    ['code_challenge', 'short', 'invalid_request'],
  ])('answers a wrong %s at the return address', async (name, value, error) => {
    const { status, headers } = await browser.request(client.authorizeUrl({ [name]: value }), {
      follow: false,
    })
    expect([status, headers.get('location')]).toEqual([
      302,
      `${client.redirectUri}?error=${error}&state=${client.state}`,
    ])
  })

  it.each([
    'https://evil.example/oauth/callback',
    'http://127.0.0.1:41234/elsewhere',
    'http://127.0.0.1:41234@evil.example/oauth/callback',
    'http://localhost:41234/oauth/callback',
    'http://127.0.0.1:99999/oauth/callback',
  ])('shows a page, and redirects nowhere, for the return address %s', async (address) => {
    const { status, headers } = await browser.request(client.authorizeUrl({ redirect_uri: address }), {
      follow: false,
    })
    expect([status, headers.get('location')]).toEqual([400, null])
  })

  it('refuses a form that another site made', async () => {
    const page = await signInAt(browser, client.authorizeUrl(), user)
    const forged = await browser.submit(page, { as: 'self', do: 'allow', _csrf: 'x' }, { form: () => true })
    expect(forged.status).toBe(403)
  })

  it('belongs to the browser that opened it first', async () => {
    const { headers } = await browser.request(client.authorizeUrl(), { follow: false })
    const path = headers.get('location') ?? ''
    await browser.open(server.url + path)
    expect((await new Browser().open(server.url + path)).status).toBe(410)
  })
})

describe('the proof of possession', () => {
  const wrong: readonly (readonly [string, (by: LoginClient) => string])[] = [
    ['none', () => ''],
    ['for another address', (by) => by.proof({ claims: { htu: 'https://evil.example/v1/token' } })],
    ['for another path', (by) => by.proof({ claims: { htu: `${server.url}/v1/authorize` } })],
    ['for another method', (by) => by.proof({ claims: { htm: 'GET' } })],
    ['too old', (by) => by.proof({ claims: { iat: Math.floor(now()) - 301 } })],
    ['from the future', (by) => by.proof({ claims: { iat: Math.floor(now()) + 301 } })],
    ['of another type', (by) => by.proof({ header: { typ: 'jwt' } })],
    ['without a number', (by) => by.proof({ claims: { jti: undefined } })],
    ['with a private key in it', (by) => by.proof({ header: { jwk: by.key.export({ format: 'jwk' }) } })],
    [
      'signed by another key than it carries',
      (by) => by.proof({ key: otherKey(), header: { jwk: loginClientJwk(by) } }),
    ],
    [
      'with alg none',
      (by) =>
        `${by
          .proof({ header: { alg: 'none' } })
          .split('.')
          .slice(0, 2)
          .join('.')}.`,
    ],
  ]
  it.each(wrong)('refuses one %s, and the code is still good', async (_what, proof) => {
    const code = (await authorize()).get('code')
    expect(told(await redeem(code, {}, client, { proof: proof(client) }))).toEqual(invalid)
    expect((await redeem(code)).status).toBe(200)
  })

  it('counts once', async () => {
    const { refreshToken } = await login()
    const proof = client.proof()
    expect((await refresh(refreshToken, { proof })).status).toBe(200)
    expect(told(await refresh(refreshToken, { proof }))).toEqual(invalid)
  })
})

describe('refreshing', () => {
  it('gives new credentials and the next token, without an ID token', async () => {
    const first = await login()
    const { status, body } = await refresh(first.refreshToken)
    expect([status, body.idToken, body.refreshToken === first.refreshToken]).toEqual([200, undefined, false])
    expect(await whoAmI(body.accessToken)).toBe(`arn:aws:sts::${home}:assumed-role/ReadOnly/${user.name}`)
    expect((await refresh(body.refreshToken)).status).toBe(200)
  })

  it('gives twenty processes that share a cache the same next token', async () => {
    const { refreshToken } = await login()
    const answers = await Promise.all(Array.from({ length: 20 }, () => refresh(refreshToken)))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
    expect(new Set(answers.map(({ body }) => body.refreshToken)).size).toBe(1)
  })

  it('ends the session when an old token comes back later', async () => {
    const { refreshToken } = await login()
    const { body } = await refresh(refreshToken)
    clock.advance({ seconds: 61 })
    expect(told(await refresh(refreshToken))).toEqual(over)
    expect(told(await refresh(body.refreshToken))).toEqual(over)
    await expect.poll(() => whoAmI(body.accessToken)).toBe('ExpiredToken')
  })

  it('is refused to whoever has the token and not the key, and harms nobody', async () => {
    const { refreshToken } = await login()
    const thief = loginClient(server.url, { now })
    expect(told(await refresh(refreshToken, {}, thief))).toEqual(over)
    expect((await refresh(refreshToken)).status).toBe(200)
  })

  it('is over after twelve hours', async () => {
    const { refreshToken } = await login()
    clock.advance({ hours: 12, seconds: 1 })
    expect(told(await refresh(refreshToken))).toEqual(over)
  })

  it.each(['', 'x', 'login-refresh.x.0.y'])('refuses the token "%s"', async (token) => {
    expect((await refresh(token)).status).toBeGreaterThanOrEqual(400)
  })

  it('says that the password was changed', async () => {
    const { refreshToken } = await login()
    clock.advance({ seconds: 1 })
    await setPasswordHash(database, clock, { userId: user.userId, phc })
    await expect
      .poll(async () => told(await refresh(refreshToken)))
      .toEqual([401, 'AccessDeniedException', 'USER_CREDENTIALS_CHANGED'])
  })

  it('says that the role may not be taken any more', async () => {
    const { refreshToken } = await login(role('Deploy', otherAccount))
    const deploy = await findRole(database, otherAccount, 'Deploy')
    const before = deploy?.trustDocument ?? ''
    await updateRole(database, deploy?.roleId ?? '', { trustDocument: before.replaceAll(home, otherAccount) })
    expect(told(await refresh(refreshToken))).toEqual([
      403,
      'AccessDeniedException',
      'INSUFFICIENT_PERMISSIONS',
    ])
    await updateRole(database, deploy?.roleId ?? '', { trustDocument: before })
  })
})

describe('revocation', () => {
  it.each([
    ['the user is disabled', () => updateUser(database, user.userId, { status: 'disabled' })],
    ['the user is revoked', () => database.query(sql`select raise_epoch('user', ${user.userId})`)],
    ['the browser signs out', async () => browser.submit(await browser.open(`${server.url}/signout`))],
  ])('reaches refresh and credentials, of the role and of the user, when %s', async (_what, revoke) => {
    const taken = await login()
    const own = loginClient(server.url, { now })
    const page = await browser.open(own.authorizeUrl())
    const target = new URL(Browser.onward(await choose(page, 'self')) ?? '')
    const { body } = await redeem(target.searchParams.get('code'), {}, own)
    expect(await whoAmI(body.accessToken)).toBe(user.arn)
    await revoke()
    await expect
      .poll(async () =>
        Promise.all([
          refresh(taken.refreshToken).then(({ status }) => status),
          refresh(body.refreshToken, {}, own).then(({ status }) => status),
          whoAmI(taken.accessToken),
          whoAmI(body.accessToken),
        ]),
      )
      .toEqual([
        401,
        401,
        expect.stringMatching(/^ExpiredToken/),
        expect.stringMatching(/^(ExpiredToken|InvalidClientTokenId)/),
      ])
  })
})

describe('revoking what the command line got, and not the person', () => {
  const raise = (kind: string, id: string) => database.query(sql`select raise_epoch(${kind}, ${id})`)
  const readOnly = async () => (await findRole(database, home, 'ReadOnly'))?.roleId ?? ''

  it.each([
    ['the account is revoked', () => raise('account', home)],
    ['the role is revoked', async () => raise('role', await readOnly())],
    ['the credentials are revoked', (accessKeyId: string) => raise('key', accessKeyId)],
  ])('ends the credentials when %s; the person may have new ones', async (_what, end) => {
    const { accessToken, refreshToken } = await login()
    expect(await whoAmI(accessToken)).toContain('assumed-role/ReadOnly/')
    await end(accessToken?.accessKeyId ?? '')
    await expect.poll(() => whoAmI(accessToken)).toMatch(/^ExpiredToken/)
    const next = await refresh(refreshToken)
    expect(await whoAmI(next.body.accessToken)).toContain('assumed-role/ReadOnly/')
  })

  it('ends all of it when the person ends that command line', async () => {
    const { accessToken, refreshToken } = await login()
    const { rows } = await database.query<{ session_id: string }>(
      sql`select session_id from cli_session where user_id = ${user.userId}`,
    )
    await raise('session', rows[0]?.session_id ?? '')
    await expect.poll(() => whoAmI(accessToken)).toMatch(/^ExpiredToken/)
    expect((await refresh(refreshToken)).status).toBe(401)
  })

  it('reaches a code that was allowed and not traded yet', async () => {
    const code = (await authorize()).get('code')
    const own = loginClient(server.url, { now })
    const chosen = Browser.onward(await choose(await browser.open(own.authorizeUrl()), 'self'))
    const { body } = await redeem(new URL(chosen ?? '').searchParams.get('code'), {}, own)
    await raise('user', user.userId)
    // The code is tried once: what was traded already tells when the server has heard of it.
    await expect.poll(() => whoAmI(body.accessToken)).toMatch(/^(ExpiredToken|InvalidClientTokenId)/)
    expect(told(await redeem(code))).toEqual(codeOver)
  })

  it('gives no new credentials when the role is deleted', async () => {
    const { accessToken, refreshToken } = await login(role('Deploy', otherAccount))
    const deploy = await findRole(database, otherAccount, 'Deploy')
    await database.transaction((tx) => deleteRole(tx, deploy?.roleId ?? ''))
    await expect.poll(() => whoAmI(accessToken)).toMatch(/^(ExpiredToken|InvalidClientTokenId)/)
    expect((await refresh(refreshToken)).status).toBe(403)
    await createRole(database, clock, {
      accountId: otherAccount,
      name: 'Deploy',
      trustDocument: deploy?.trustDocument ?? '',
    })
  })
})

describe('aws login --remote', () => {
  /** The code as it is pasted: base64 of `state=…&code=…`. */
  const shown = (page: Page): URLSearchParams =>
    new URLSearchParams(
      Buffer.from(/<code>([\w+/=]+)<\/code>/.exec(page.html)?.[1] ?? '', 'base64').toString(),
    )

  beforeEach(() => {
    client = loginClient(server.url, { now, remote: true })
  })

  it('shows the code to the browser that allowed it, which the other machine trades once', async () => {
    const page = await signInAt(browser, client.authorizeUrl(), user)
    expect(textOf(page)).toContain('If somebody sent you this link')
    const confirmed = await choose(page, role('ReadOnly'))
    expect(new URL(confirmed.url).pathname).toBe('/v1/sessions/confirmation')
    expect(confirmed.url).not.toContain(shown(confirmed).get('code') ?? '-')
    expect(shown(confirmed).get('state')).toBe(client.state)
    const { status, body } = await redeem(shown(confirmed).get('code'))
    expect(status).toBe(200)
    expect(await whoAmI(body.accessToken)).toBe(`arn:aws:sts::${home}:assumed-role/ReadOnly/${user.name}`)
    expect((await browser.open(confirmed.url)).status).toBe(410)
  })

  it('shows the code to no other browser, and not after signing out', async () => {
    const confirmed = await choose(await signInAt(browser, client.authorizeUrl(), user), 'self')
    expect((await new Browser().open(confirmed.url)).status).toBe(410)
    await browser.submit(await browser.open(`${server.url}/signout`))
    expect((await browser.open(confirmed.url)).status).toBe(410)
  })

  it('returns nowhere else', async () => {
    for (const redirect of [
      'http://127.0.0.1:41234/oauth/callback',
      `${server.url}/v1/sessions/confirmation/`,
    ])
      expect((await browser.open(client.authorizeUrl({ redirect_uri: redirect }))).status).toBe(400)
  })

  it('gives nothing when the person stops', async () => {
    const page = await signInAt(browser, client.authorizeUrl(), user)
    expect(textOf(await browser.submit(page, { do: 'deny' }, { form: () => true }))).toContain(
      'was not logged in',
    )
  })
})

it.each(['/v1/token?x-amz-client-auth-method=iam', '/v1/introspect', '/v1/revoke'])(
  'answers %s as known and not offered',
  async (path) => {
    const answer = await fetch(server.url + path, { method: 'POST', body: 'grant_type=client_credentials' })
    expect([answer.status, answer.headers.get('x-amzn-errortype')]).toEqual([400, 'ValidationException'])
  },
)

it('is refreshed by the SDK’s own provider, which writes the next token down', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'signet-login-'))
  const [homeBefore, endpointBefore] = [process.env['HOME'], process.env['AWS_ENDPOINT_URL']]
  try {
    // The provider makes its proof by the clock of the machine.
    clock.advance(clock().until(Temporal.Now.instant()))
    const { accessToken, refreshToken } = await login()
    const session = user.arn
    const cache = join(folder, '.aws/login/cache')
    mkdirSync(cache, { recursive: true })
    writeFileSync(
      join(folder, '.aws/config'),
      `[profile work]\nlogin_session = ${session}\nregion = us-east-1\n`,
    )
    const file = join(cache, `${createHash('sha256').update(session).digest('hex')}.json`)
    writeFileSync(
      file,
      JSON.stringify({
        // Nearly over: it renews first.
        accessToken: {
          ...accessToken,
          accountId: home,
          expiresAt: Temporal.Now.instant().add({ seconds: 60 }).toString(),
        },
        tokenType: 'aws_sigv4',
        clientId: client.clientId,
        refreshToken,
        dpopKey: client.key.export({ format: 'pem', type: 'sec1' }),
      }),
    )
    process.env['HOME'] = folder
    process.env['AWS_ENDPOINT_URL'] = server.url
    const credentials = await fromLoginCredentials({
      profile: 'work',
      configFilepath: join(folder, '.aws/config'),
    })()
    expect(credentials.accessKeyId).not.toBe(accessToken?.accessKeyId)
    expect(await whoAmI(credentials)).toBe(`arn:aws:sts::${home}:assumed-role/ReadOnly/${user.name}`)
    expect(JSON.parse(readFileSync(file, 'utf8'))).not.toMatchObject({ refreshToken })
  } finally {
    process.env['HOME'] = homeBefore
    if (endpointBefore === undefined) delete process.env['AWS_ENDPOINT_URL']
    rmSync(folder, { recursive: true, force: true })
  }
})

const otherKey = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
function loginClientJwk({ key }: LoginClient): object {
  const { kty, crv, x, y } = key.export({ format: 'jwk' })
  return { kty, crv, x, y }
}
