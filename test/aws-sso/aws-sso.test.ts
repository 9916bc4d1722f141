import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  CreateTokenCommand,
  RegisterClientCommand,
  type RegisterClientCommandInput,
  SSOOIDCClient,
  StartDeviceAuthorizationCommand,
} from '@aws-sdk/client-sso-oidc'
import {
  GetRoleCredentialsCommand,
  ListAccountRolesCommand,
  ListAccountsCommand,
  LogoutCommand,
  SSOClient,
} from '@aws-sdk/client-sso'
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import { fromSSO } from '@aws-sdk/credential-providers'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { listEvents } from '#audit'
import { type Database, sql } from '#database'
import { updateUser, type User } from '#directory'
import { Browser, textOf } from '../support/browser.ts'
import { testDatabase } from '../support/database.ts'
import { claim, fixedClock, home } from '../support/fixtures.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { newPerson, otherAccount, seedRoles, signInAt } from './world.ts'
import { tampered } from '../support/tampered.ts'

const clock = fixedClock(Temporal.Now.instant().toString())
let database: Database
let server: TestServer
let phc: string
let user: User
let browser: Browser
let oidc: SSOOIDCClient
let portal: SSOClient

const region = 'us-east-1'

beforeAll(async () => {
  database = await testDatabase()
  await claim(database, clock)
  server = await startServer({ database, clock })
  phc = await seedRoles(database, clock)
  const options = { region, endpoint: server.url, maxAttempts: 1 }
  oidc = new SSOOIDCClient(options)
  portal = new SSOClient(options)
})
afterAll(async () => {
  oidc.destroy()
  portal.destroy()
  await server.close()
  await database.close()
})
beforeEach(async () => {
  clock.advance({ minutes: 10 })
  browser = new Browser()
  user = await newPerson(database, clock, phc)
})

const redirectUri = 'http://127.0.0.1:41234/oauth/callback'
const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code'
const startUrl = 'https://signet-7f3a91c2.awsapps.com/start'

type Client = { clientId: string; clientSecret: string }

async function register(more: Partial<RegisterClientCommandInput> = {}): Promise<Client> {
  const { clientId = '', clientSecret = '' } = await oidc.send(
    new RegisterClientCommand({
      clientName: 'botocore-client-signet',
      clientType: 'public',
      scopes: ['sso:account:access'],
      ...more,
    }),
  )
  return { clientId, clientSecret }
}
const forCode = {
  grantTypes: ['authorization_code', 'refresh_token'],
  redirectUris: ['http://127.0.0.1/oauth/callback'],
  issuerUrl: startUrl,
}
const startDevice = (client: Client) =>
  oidc.send(new StartDeviceAuthorizationCommand({ ...client, startUrl }))
const poll = (client: Client, deviceCode: string | undefined) =>
  oidc.send(new CreateTokenCommand({ ...client, grantType: deviceGrant, deviceCode }))
const refresh = (client: Client, refreshToken: string | undefined) =>
  oidc.send(new CreateTokenCommand({ ...client, grantType: 'refresh_token', refreshToken }))

/** The exception's name and its OAuth error, as the SDK parsed them. */
const refusalOf = async (
  sent: Promise<unknown>,
): Promise<{ name: string; error: unknown; status: unknown }> => {
  try {
    await sent
  } catch (thrown) {
    const { name, error, $metadata } = thrown as {
      name: string
      error: unknown
      $metadata: { httpStatusCode: number }
    }
    return { name, error, status: $metadata.httpStatusCode }
  }
  throw new Error('it was not refused')
}

/** The device flow to its end. */
async function connect(who = user): Promise<{ client: Client; accessToken: string; refreshToken: string }> {
  const client = await register()
  const started = await startDevice(client)
  const page = await signInAt(browser, started.verificationUriComplete ?? '', who)
  await browser.submit(page, { user_code: started.userCode ?? '', do: 'allow' }, { form: () => true })
  const { accessToken = '', refreshToken = '' } = await poll(client, started.deviceCode)
  return { client, accessToken, refreshToken }
}

describe('aws sso login with a device code', () => {
  it('registers, shows a code, is allowed in the browser and gets tokens', async () => {
    const client = await register()
    const started = await startDevice(client)
    expect(started).toMatchObject({
      expiresIn: 600,
      interval: 5,
      verificationUri: `${server.url}/aws/device`,
    })
    expect(started.userCode).toMatch(/^[B-Z]{4}-[B-Z]{4}$/)
    expect(await refusalOf(poll(client, started.deviceCode))).toEqual({
      name: 'AuthorizationPendingException',
      error: 'authorization_pending',
      status: 400,
    })

    const page = await signInAt(browser, started.verificationUriComplete ?? '', user)
    expect(page.title).toBe('Connect this command line? · Signet')
    expect(textOf(page)).toContain(`Shows this code ${started.userCode}`)
    expect(textOf(page)).toContain('Calls itself signet')
    const done = await browser.submit(
      page,
      { user_code: started.userCode ?? '', do: 'allow' },
      { form: () => true },
    )
    expect(textOf(done)).toContain('signet is signed in as you')

    const tokens = await poll(client, started.deviceCode)
    expect(tokens).toMatchObject({ tokenType: 'Bearer', expiresIn: 28_800 })
    expect(tokens.refreshToken).not.toBe(tokens.accessToken)
    // The code is good once; the client that polls on hears that it is over.
    expect((await refusalOf(poll(client, started.deviceCode))).name).toBe('ExpiredTokenException')
  })

  it('ends the session when its device code is presented a second time: one of the two was stolen', async () => {
    const client = await register()
    const started = await startDevice(client)
    const page = await signInAt(browser, started.verificationUriComplete ?? '', user)
    await browser.submit(page, { user_code: started.userCode ?? '', do: 'allow' }, { form: () => true })
    const { accessToken } = await poll(client, started.deviceCode)
    await portal.send(new ListAccountsCommand({ accessToken }))
    await refusalOf(poll(client, started.deviceCode))
    expect((await refusalOf(portal.send(new ListAccountsCommand({ accessToken })))).name).toBe(
      'UnauthorizedException',
    )
  })

  it('lets a person type the code, in small letters and without the dash', async () => {
    const started = await startDevice(await register())
    const page = await signInAt(browser, `${server.url}/aws/device`, user)
    const typed = (started.userCode ?? '').toLowerCase().replace('-', ' ')
    expect(textOf(await browser.submit(page, { user_code: typed }))).toContain(started.userCode ?? '-')
  })

  it('tells the client when the person says no', async () => {
    const client = await register()
    const started = await startDevice(client)
    const page = await signInAt(browser, started.verificationUriComplete ?? '', user)
    const said = await browser.submit(
      page,
      { user_code: started.userCode ?? '', do: 'deny' },
      { form: () => true },
    )
    expect(textOf(said)).toContain('The command line was not connected')
    expect(await refusalOf(poll(client, started.deviceCode))).toMatchObject({
      name: 'AccessDeniedException',
      error: 'access_denied',
    })
  })

  it('asks a client that polls too fast to slow down, but not at its first two polls', async () => {
    const client = await register()
    const { deviceCode } = await startDevice(client)
    const names = []
    for (let times = 0; times < 3; times++) names.push((await refusalOf(poll(client, deviceCode))).name)
    clock.advance({ seconds: 5 })
    names.push((await refusalOf(poll(client, deviceCode))).name)
    expect(names).toEqual([
      'AuthorizationPendingException',
      'AuthorizationPendingException',
      'SlowDownException',
      'AuthorizationPendingException',
    ])
  })

  it('forgets a code after ten minutes, for the page and for the client', async () => {
    const client = await register()
    const started = await startDevice(client)
    await signInAt(browser, `${server.url}/aws/device`, user)
    clock.advance({ minutes: 10, seconds: 1 })
    expect((await refusalOf(poll(client, started.deviceCode))).name).toBe('ExpiredTokenException')
    expect(textOf(await browser.open(started.verificationUriComplete ?? ''))).toContain(
      'That code is not right',
    )
  })

  it('counts wrong codes, and stops listening after ten', async () => {
    const { verificationUriComplete } = await startDevice(await register())
    const page = await signInAt(browser, `${server.url}/aws/device`, user)
    for (let times = 0; times < 10; times++)
      expect(textOf(await browser.submit(page, { user_code: 'BBBB-BBBB' }))).toContain('not right')
    expect(textOf(await browser.submit(page, { user_code: 'BBBB-BBBB' }))).toContain('Too many wrong codes')
    expect(textOf(await browser.open(verificationUriComplete ?? ''))).toContain('Too many wrong codes')
  })

  it('refuses the form of another site', async () => {
    const started = await startDevice(await register())
    const page = await signInAt(browser, started.verificationUriComplete ?? '', user)
    const forged = await browser.submit(
      page,
      { user_code: started.userCode ?? '', do: 'allow', _csrf: 'forged' },
      { form: () => true },
    )
    expect(forged.status).toBe(403)
  })

  it('refuses a device code that was given to another client', async () => {
    const { deviceCode } = await startDevice(await register())
    expect(await refusalOf(poll(await register(), deviceCode))).toMatchObject({
      name: 'InvalidGrantException',
      error: 'invalid_grant',
    })
  })
})

describe('aws sso login with PKCE', () => {
  const verifier = randomBytes(32).toString('base64url')
  const challenge = createHash('sha256').update(verifier).digest('base64url')
  const authorizeUrl = (client: Client, more: Record<string, string> = {}): string =>
    `${server.url}/authorize?${new URLSearchParams({
      response_type: 'code',
      client_id: client.clientId,
      redirect_uri: redirectUri,
      state: 'a-state',
      code_challenge_method: 'S256',
      scopes: 'sso:account:access',
      code_challenge: challenge,
      ...more,
    }).toString()}`
  const trade = (client: Client, code: string, more: { codeVerifier?: string; redirectUri?: string } = {}) =>
    oidc.send(
      new CreateTokenCommand({
        ...client,
        grantType: 'authorization_code',
        code,
        redirectUri,
        codeVerifier: verifier,
        ...more,
      }),
    )
  /** Signs in and allows. @returns the query of the address that the browser is sent to */
  async function allow(client: Client): Promise<URLSearchParams> {
    const page = await signInAt(browser, authorizeUrl(client), user)
    expect(page.title).toBe('Connect this command line? · Signet')
    const going = await browser.submit(page, { do: 'allow' }, { form: () => true })
    const target = new URL(Browser.onward(going) ?? '')
    expect(target.origin + target.pathname).toBe(redirectUri)
    return target.searchParams
  }

  it('comes back to the loopback address on any port, and trades the code once', async () => {
    const client = await register(forCode)
    const answered = await allow(client)
    expect(answered.get('state')).toBe('a-state')
    const code = answered.get('code') ?? ''
    const { accessToken } = await trade(client, code)
    expect((await portal.send(new ListAccountsCommand({ accessToken }))).accountList).toHaveLength(2)
    expect((await refusalOf(trade(client, code))).name).toBe('InvalidGrantException')
    // A second use says that the code was stolen: what the first one got ends.
    expect((await refusalOf(portal.send(new ListAccountsCommand({ accessToken })))).name).toBe(
      'UnauthorizedException',
    )
  })

  it('tells the client by its own address when the person says no', async () => {
    const page = await signInAt(browser, authorizeUrl(await register(forCode)), user)
    const going = await browser.submit(page, { do: 'deny' }, { form: () => true })
    expect(new URL(Browser.onward(going) ?? '').search).toBe('?error=access_denied&state=a-state')
  })

  it.each([
    ['another verifier', { codeVerifier: randomBytes(32).toString('base64url') }],
    ['another redirect address', { redirectUri: 'http://127.0.0.1:41235/oauth/callback' }],
  ])('refuses the code with %s, and still takes it with the right one', async (_what, wrong) => {
    const client = await register(forCode)
    const code = (await allow(client)).get('code') ?? ''
    expect((await refusalOf(trade(client, code, wrong))).name).toBe('InvalidGrantException')
    await trade(client, code)
  })

  it('refuses the code of another client, and a code that is too old', async () => {
    const client = await register(forCode)
    const code = (await allow(client)).get('code') ?? ''
    expect((await refusalOf(trade(await register(forCode), code))).name).toBe('InvalidGrantException')
    clock.advance({ minutes: 11 })
    expect((await refusalOf(trade(client, code))).name).toBe('InvalidGrantException')
  })

  it.each([
    ['response_type', 'token', 'unsupported_response_type'],
    ['code_challenge_method', 'plain', 'invalid_request'],
    ['code_challenge', 'short', 'invalid_request'],
    ['scopes', 'everything', 'invalid_scope'],
  ])('answers a wrong %s at the redirect address', async (name, value, error) => {
    const { headers, status } = await browser.request(
      authorizeUrl(await register(forCode), { [name]: value }),
      {
        follow: false,
      },
    )
    expect(status).toBe(302)
    expect(headers.get('location')).toBe(`${redirectUri}?error=${error}&state=a-state`)
  })

  it.each([
    'https://evil.example/oauth/callback',
    'http://127.0.0.1@evil.example/oauth/callback',
    'http://127.0.0.1:41234/other',
    'http://localhost:41234/oauth/callback',
    'javascript:alert(1)',
  ])('shows a page, and redirects nowhere, for the return address %s', async (address) => {
    const { headers, status, html } = await browser.request(
      authorizeUrl(await register(forCode), { redirect_uri: address }),
      { follow: false },
    )
    expect([status, headers.get('location')]).toEqual([400, null])
    expect(html).toContain('a return address that is not its own')
  })

  it('shows a page for a client that was never registered', async () => {
    const { status } = await browser.open(authorizeUrl({ clientId: 'bm90LW91cnM', clientSecret: '' }))
    expect(status).toBe(400)
  })

  it('belongs to the browser that opened it first', async () => {
    const { headers } = await browser.request(authorizeUrl(await register(forCode)), { follow: false })
    const path = headers.get('location') ?? ''
    await browser.open(server.url + path)
    expect((await new Browser().open(server.url + path)).status).toBe(410)
  })

  it('leaves /authorize without scopes and /token with a form to the words that name the right address', async () => {
    const page = await browser.open(`${server.url}/authorize?response_type=code&client_id=x`)
    expect([page.status, textOf(page).includes('/oauth2/authorize')]).toEqual([404, true])
    const form = await fetch(`${server.url}/token`, {
      method: 'POST',
      body: new URLSearchParams({ grant_type: 'authorization_code' }),
    })
    expect([form.status, await form.text()]).toEqual([400, expect.stringContaining('/oauth2/token')])
  })
})

describe('registering a client', () => {
  it('answers in seconds, for at least 90 days', async () => {
    const answer = await oidc.send(new RegisterClientCommand({ clientName: 'x', clientType: 'public' }))
    const now = Math.floor(clock().epochMilliseconds / 1_000)
    expect(answer.clientIdIssuedAt).toBe(now)
    expect(answer.clientSecretExpiresAt).toBe(now + 90 * 86_400)
  })

  it.each([
    ['another client type', { clientType: 'confidential' }, 'InvalidClientMetadataException'],
    ['an unknown scope', { scopes: ['codewhisperer:completions'] }, 'InvalidScopeException'],
    ['an unknown grant', { grantTypes: ['password'] }, 'UnsupportedGrantTypeException'],
    ['a redirect to elsewhere', { redirectUris: ['https://evil.example/'] }, 'InvalidRedirectUriException'],
    [
      'the code grant without a redirect',
      { grantTypes: ['authorization_code'] },
      'InvalidRedirectUriException',
    ],
    ['no name', { clientName: '' }, 'InvalidRequestException'],
  ])('refuses %s', async (_what, more, name) => {
    expect(await refusalOf(register(more))).toMatchObject({ name, status: 400 })
  })

  it('refuses a client with another secret, a changed id, or a registration that is over', async () => {
    const client = await register()
    const other = await register()
    for (const wrong of [
      { ...client, clientSecret: other.clientSecret },
      { ...client, clientId: tampered(client.clientId) },
      { ...client, clientSecret: client.clientId },
    ])
      expect(await refusalOf(startDevice(wrong))).toEqual({
        name: 'InvalidClientException',
        error: 'invalid_client',
        status: 401,
      })
    clock.advance({ hours: 90 * 24 })
    expect((await refusalOf(startDevice(client))).name).toBe('InvalidClientException')
  })

  it('refuses a grant that the client was not registered for', async () => {
    expect((await refusalOf(startDevice(await register(forCode)))).name).toBe('UnauthorizedClientException')
  })

  it.each(['', '{', '[]', '{"clientName":1}', '"\\u0000"'])('answers the body %s with 400', async (body) => {
    for (const path of ['/client/register', '/device_authorization', '/token']) {
      const answer = await fetch(server.url + path, {
        method: 'POST',
        body,
        headers: { 'content-type': 'application/json' },
      })
      expect([answer.status, answer.headers.get('x-amzn-errortype')]).toEqual([
        400,
        'InvalidRequestException',
      ])
    }
  })

  it('answers a grant that is signed by IAM as not offered', async () => {
    const answer = await fetch(`${server.url}/token?aws_iam=t`, {
      method: 'POST',
      body: '{}',
      headers: { 'content-type': 'application/json' },
    })
    expect([answer.status, answer.headers.get('x-amzn-errortype')]).toEqual([
      400,
      'UnsupportedGrantTypeException',
    ])
  })
})

describe('the access portal', () => {
  it('lists the accounts and roles that the policies allow, and gives credentials that work', async () => {
    const { accessToken } = await connect()
    const accounts = await portal.send(new ListAccountsCommand({ accessToken }))
    expect(accounts.accountList?.map(({ accountId, accountName }) => [accountId, accountName])).toEqual([
      [home, 'Acme'],
      [otherAccount, 'staging'],
    ])
    const roles = await portal.send(new ListAccountRolesCommand({ accessToken, accountId: home }))
    expect(roles.roleList).toEqual([{ roleName: 'ReadOnly', accountId: home }])

    const { roleCredentials } = await portal.send(
      new GetRoleCredentialsCommand({ accessToken, accountId: otherAccount, roleName: 'Deploy' }),
    )
    expect((roleCredentials?.expiration ?? 0) - clock().epochMilliseconds).toBeGreaterThan(3_590_000)
    expect(await whoAmI(roleCredentials)).toBe(
      `arn:aws:sts::${otherAccount}:assumed-role/Deploy/${user.name}`,
    )
  })

  it('pages, with tokens that are good for one list and one person', async () => {
    const { accessToken } = await connect()
    const first = await portal.send(new ListAccountsCommand({ accessToken, maxResults: 1 }))
    expect(first.accountList).toHaveLength(1)
    const { nextToken } = first
    const second = await portal.send(new ListAccountsCommand({ accessToken, maxResults: 1, nextToken }))
    expect([second.accountList?.[0]?.accountId, second.nextToken]).toEqual([otherAccount, undefined])
    const elsewhere = portal.send(new ListAccountRolesCommand({ accessToken, accountId: home, nextToken }))
    expect((await refusalOf(elsewhere)).name).toBe('InvalidRequestException')
  })

  it.each([
    ['a role that wants a second factor', home, 'Refunds', 'ResourceNotFoundException'],
    ['a role that trusts somebody else', home, 'Others', 'ResourceNotFoundException'],
    ['a role that is not there', home, 'Nothing', 'ResourceNotFoundException'],
    ['an account that is none', '12', 'ReadOnly', 'InvalidRequestException'],
  ])('refuses %s', async (_what, accountId, roleName, name) => {
    const { accessToken } = await connect()
    const sent = portal.send(new GetRoleCredentialsCommand({ accessToken, accountId, roleName }))
    expect((await refusalOf(sent)).name).toBe(name)
  })

  it('audits the refusal with its reason', async () => {
    const { accessToken } = await connect()
    await refusalOf(
      portal.send(new GetRoleCredentialsCommand({ accessToken, accountId: home, roleName: 'Others' })),
    )
    const [event] = await listEvents(database, { actor: user.arn, name: 'AssumeRole', limit: 1 })
    expect(JSON.parse(event?.body ?? '{}')).toMatchObject({
      errorCode: 'AccessDenied',
      sourceIPAddress: expect.any(String),
    })
  })

  it.each(['', 'garbage', 'sso-access.x.99999999999.AAAA'])('refuses the token "%s"', async (accessToken) => {
    const { status } = await fetch(`${server.url}/assignment/accounts`, {
      headers: { 'x-amz-sso_bearer_token': accessToken },
    })
    expect(status).toBe(401)
  })

  it('refuses a refresh token where an access token belongs, a changed one, and one that is over', async () => {
    const { accessToken, refreshToken } = await connect()
    const [kind, session, until, mac] = accessToken.split('.')
    const longer = `${kind}.${session}.${Number(until) + 3_600}.${mac}`
    for (const wrong of [refreshToken, longer])
      expect((await refusalOf(portal.send(new ListAccountsCommand({ accessToken: wrong })))).name).toBe(
        'UnauthorizedException',
      )
    clock.advance({ hours: 8 })
    expect((await refusalOf(portal.send(new ListAccountsCommand({ accessToken })))).name).toBe(
      'UnauthorizedException',
    )
  })

  it('ends at logout: access, refresh and the role sessions that were taken', async () => {
    const { client, accessToken, refreshToken } = await connect()
    const { roleCredentials } = await portal.send(
      new GetRoleCredentialsCommand({ accessToken, accountId: home, roleName: 'ReadOnly' }),
    )
    await whoAmI(roleCredentials)
    await portal.send(new LogoutCommand({ accessToken }))
    expect((await refusalOf(portal.send(new ListAccountsCommand({ accessToken })))).name).toBe(
      'UnauthorizedException',
    )
    expect((await refusalOf(refresh(client, refreshToken))).name).toBe('InvalidGrantException')
    await expect
      .poll(() =>
        refusalOf(whoAmI(roleCredentials)).then(
          ({ name }) => name,
          () => 'works',
        ),
      )
      .toBe('ExpiredToken')
  })

  it('takes a logout that is signed all the same, as older command lines send it', async () => {
    const { accessToken } = await connect()
    const answer = await fetch(`${server.url}/logout`, {
      method: 'POST',
      headers: {
        'x-amz-sso_bearer_token': accessToken,
        authorization:
          'AWS4-HMAC-SHA256 Credential=AKIAX/20260101/us-east-1/awsssoportal/aws4_request, SignedHeaders=host, Signature=00',
      },
    })
    expect([answer.status, await answer.text()]).toEqual([200, ''])
  })
})

describe('refreshing', () => {
  it('gives new tokens, and the same again for a moment, since processes share a cache', async () => {
    const { client, refreshToken } = await connect()
    const one = await refresh(client, refreshToken)
    const again = await refresh(client, refreshToken)
    expect(again.refreshToken).toBe(one.refreshToken)
    await portal.send(new ListAccountsCommand({ accessToken: one.accessToken }))
    await refresh(client, one.refreshToken)
  })

  it('ends the session when an old refresh token comes back', async () => {
    const { client, refreshToken } = await connect()
    const { accessToken, refreshToken: next } = await refresh(client, refreshToken)
    clock.advance({ seconds: 61 })
    expect((await refusalOf(refresh(client, refreshToken))).name).toBe('InvalidGrantException')
    expect((await refusalOf(refresh(client, next))).name).toBe('InvalidGrantException')
    expect((await refusalOf(portal.send(new ListAccountsCommand({ accessToken })))).name).toBe(
      'UnauthorizedException',
    )
  })

  it('rotates once for twenty at the same moment', async () => {
    const { client, refreshToken } = await connect()
    const answers = await Promise.all(Array.from({ length: 20 }, () => refresh(client, refreshToken)))
    expect(new Set(answers.map((answer) => answer.refreshToken)).size).toBe(1)
  })

  it('is refused to another client, and after the session is over', async () => {
    const { client, refreshToken } = await connect()
    expect((await refusalOf(refresh(await register(), refreshToken))).name).toBe('InvalidGrantException')
    clock.advance({ hours: 12 })
    expect((await refusalOf(refresh(client, refreshToken))).name).toBe('InvalidGrantException')
  })
})

describe('revocation', () => {
  it.each([
    ['the user is disabled', () => updateUser(database, user.userId, { status: 'disabled' })],
    ['the user is revoked', () => database.query(sql`select raise_epoch('user', ${user.userId})`)],
    ['the browser that allowed it signs out', () => signOut()],
  ])('reaches access, refresh and role credentials when %s', async (_what, revoke) => {
    const { client, accessToken, refreshToken } = await connect()
    const { roleCredentials } = await portal.send(
      new GetRoleCredentialsCommand({ accessToken, accountId: home, roleName: 'ReadOnly' }),
    )
    await whoAmI(roleCredentials)
    await revoke()
    const namesNow = async () =>
      Promise.all(
        [
          () => portal.send(new ListAccountsCommand({ accessToken })),
          () =>
            portal.send(
              new GetRoleCredentialsCommand({ accessToken, accountId: home, roleName: 'ReadOnly' }),
            ),
          () => refresh(client, refreshToken),
          () => whoAmI(roleCredentials),
        ].map((send) =>
          refusalOf(send()).then(
            ({ name }) => name,
            () => 'works',
          ),
        ),
      )
    await expect
      .poll(namesNow)
      .toEqual([
        'UnauthorizedException',
        'UnauthorizedException',
        'InvalidGrantException',
        expect.stringMatching(/ExpiredToken|InvalidClientTokenId/),
      ])
  })

  it('reaches a code that was allowed and not traded yet', async () => {
    const client = await register()
    const started = await startDevice(client)
    const page = await signInAt(browser, started.verificationUriComplete ?? '', user)
    await browser.submit(page, { user_code: started.userCode ?? '', do: 'allow' }, { form: () => true })
    const traded = await startDevice(client)
    const next = await browser.open(traded.verificationUriComplete ?? '')
    await browser.submit(next, { user_code: traded.userCode ?? '', do: 'allow' }, { form: () => true })
    const { accessToken } = await poll(client, traded.deviceCode)
    await database.query(sql`select raise_epoch('user', ${user.userId})`)
    // The code is tried once: what was traded already tells when the server has heard of it.
    const accounts = () => portal.send(new ListAccountsCommand({ accessToken })).then(() => 'works')
    await expect.poll(() => accounts().catch((thrown: Error) => thrown.name)).toBe('UnauthorizedException')
    expect((await refusalOf(poll(client, started.deviceCode))).name).toBe('ExpiredTokenException')
  })

  const signOut = async () => {
    await browser.submit(await browser.open(`${server.url}/signout`))
  }
})

describe('the SDK’s own provider', () => {
  it('turns the cached token of a profile into role credentials, and renews it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'signet-sso-'))
    const before = { ...process.env }
    try {
      const { client, accessToken, refreshToken } = await connect()
      mkdirSync(join(folder, '.aws/sso/cache'), { recursive: true })
      const config = join(folder, '.aws/config')
      writeFileSync(
        config,
        [
          '[sso-session signet]',
          'sso_region = us-east-1',
          `sso_start_url = ${startUrl}`,
          'sso_registration_scopes = sso:account:access',
          '[profile work]',
          'sso_session = signet',
          `sso_account_id = ${home}`,
          'sso_role_name = ReadOnly',
          'region = us-east-1',
        ].join('\n'),
      )
      const inSeconds = (seconds: number) =>
        new Date(Temporal.Now.instant().epochMilliseconds + seconds * 1_000).toISOString()
      writeFileSync(
        join(folder, '.aws/sso/cache', `${createHash('sha1').update('signet').digest('hex')}.json`),
        JSON.stringify({
          startUrl,
          region,
          accessToken,
          // Nearly over: the provider renews it first.
          expiresAt: inSeconds(120),
          ...client,
          registrationExpiresAt: inSeconds(86_400),
          refreshToken,
        }),
      )
      process.env['HOME'] = folder
      process.env['AWS_ENDPOINT_URL'] = server.url
      const credentials = await fromSSO({ profile: 'work', configFilepath: config })()
      expect(await whoAmI(credentials)).toBe(`arn:aws:sts::${home}:assumed-role/ReadOnly/${user.name}`)
    } finally {
      process.env['HOME'] = before['HOME']
      delete process.env['AWS_ENDPOINT_URL']
      rmSync(folder, { recursive: true, force: true })
    }
  })
})

async function whoAmI(
  credentials:
    | {
        accessKeyId?: string | undefined
        secretAccessKey?: string | undefined
        sessionToken?: string | undefined
      }
    | undefined,
): Promise<string | undefined> {
  const client = new STSClient({
    region,
    endpoint: server.url,
    maxAttempts: 1,
    // The server's clock is the test's.
    systemClockOffset: clock().epochMilliseconds - Temporal.Now.instant().epochMilliseconds,
    credentials: {
      accessKeyId: credentials?.accessKeyId ?? '',
      secretAccessKey: credentials?.secretAccessKey ?? '',
      ...(credentials?.sessionToken === undefined ? {} : { sessionToken: credentials.sessionToken }),
    },
  })
  try {
    return (await client.send(new GetCallerIdentityCommand({}))).Arn
  } finally {
    client.destroy()
  }
}

it('asks for the second factor where roles are behind one', async () => {
  const started = await startDevice(await register())
  const page = await signInAt(browser, started.verificationUriComplete ?? '', user)
  expect(textOf(page)).toContain('One role needs a second factor')
  const asked = await browser.submit(
    page,
    { user_code: started.userCode ?? '', do: 'mfa' },
    { form: () => true },
  )
  expect(asked.title).toContain('second factor')
})

it('slows down an address that registers without end', async () => {
  const answers = await Promise.all(
    Array.from({ length: 320 }, () =>
      fetch(`${server.url}/client/register`, {
        method: 'POST',
        body: '{"clientName":"x","clientType":"public"}',
      }),
    ),
  )
  const refused = answers.filter(({ status }) => status === 400)
  expect(refused.length).toBeGreaterThanOrEqual(20)
  expect(refused[0]?.headers.get('x-amzn-errortype')).toBe('SlowDownException')
})
