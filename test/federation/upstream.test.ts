import * as client from 'openid-client'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { putApp, putOidcClient } from '#apps'
import { sql } from '#database'
import { addToGroup, createGroup, createUser, findUserByMail, groupsOf, updateUser } from '#directory'
import { type ConnectionSettings, connectionSettings, putConnection } from '#federation'
import { Secret, systemClock as clock } from '#kernel'
import { CookieBrowser, type Page } from '../oidc/browser.ts'
import { claim, home } from '../support/fixtures.ts'
import { type OidcIssuer, startOidcIssuer } from '../support/oidc-issuer.ts'
import { startServer, type TestServer } from '../support/server.ts'

const redirectUri = 'https://app.example/cb'
let server: TestServer
let upstream: OidcIssuer
let shop: client.Configuration
let strict: client.Configuration

beforeAll(async () => {
  // The upstream must know our callback, and we must be told that the upstream is on loopback: it comes up first.
  upstream = await startOidcIssuer({ redirectUris: () => [`${server.url}/federation/oidc/callback`] })
  server = await startServer({
    env: { SIGNET_FEDERATION__ALLOWED_HOSTS: JSON.stringify([new URL(upstream.url).host]) },
  })
  await claim(server.database, clock)
  shop = await app('shop', false)
  strict = await app('strict', true)
  await server.database.transaction(async (tx) => {
    await createGroup(tx, clock, { accountId: home, name: 'Engineers' })
    await createGroup(tx, clock, { accountId: home, name: 'Ops' })
  })
})
afterAll(async () => {
  await server.close()
  await upstream.close()
})
beforeEach(() => connect({}))
afterEach(() => {
  upstream.people.clear()
})

async function app(clientId: string, requireMfa: boolean): Promise<client.Configuration> {
  await server.database.transaction(async (tx) => {
    const { appId } = await putApp(tx, clock, { accountId: home, kind: 'oidc', name: clientId, requireMfa })
    await putOidcClient(tx, clock, {
      clientId,
      appId,
      secret: new Secret('a-client-secret-that-is-random-and-long'),
      metadata: { redirect_uris: [redirectUri] },
    })
  })
  return client.discovery(
    new URL(server.url),
    clientId,
    undefined,
    client.ClientSecretBasic('a-client-secret-that-is-random-and-long'),
    {
      execute: [client.allowInsecureRequests],
    },
  )
}

/** Makes the connection like this. `issuer` past the preset's rule, for the Google tests. */
async function connect(settings: Partial<ConnectionSettings>): Promise<void> {
  const plain = connectionSettings.parse({
    issuer: upstream.url,
    label: 'Corp',
    domains: ['corp.example'],
    ...settings,
    preset: 'oidc',
  })
  await server.database.transaction(async (tx) => {
    const { connectionId } = await putConnection(
      tx,
      { clock, vault: server.vault },
      {
        accountId: home,
        name: 'corp',
        clientId: upstream.clientId,
        secret: new Secret(upstream.clientSecret),
        settings: plain,
      },
    )
    if (settings.preset === 'google')
      await tx.query(sql`
        update connection set settings = ${JSON.stringify({ ...plain, preset: 'google' })}
         where connection_id = ${connectionId}`)
  })
}

type Ask = { readonly url: URL; readonly verifier: string; readonly config: client.Configuration }

async function ask(config: client.Configuration, parameters: Record<string, string> = {}): Promise<Ask> {
  const verifier = client.randomPKCECodeVerifier()
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri,
    scope: 'openid profile email groups',
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    ...parameters,
  })
  return { url, verifier, config }
}

/** From the app to the upstream's own page, by typing a mail address. */
async function toUpstream(
  browser: CookieBrowser,
  asked: Ask,
  identifier = 'carol@corp.example',
): Promise<Page> {
  const page = await browser.submit(await browser.open(asked.url), { identifier })
  expect(page.body).toContain('Upstream')
  return page
}

async function through(sub: string, asked?: Ask, browser = new CookieBrowser({ across: true })) {
  const request = asked ?? (await ask(shop))
  const page = await browser.submit(await toUpstream(browser, request), { sub })
  return { page, browser, request }
}

const claimsAfter = async ({ page, request }: { page: Page; request: Ask }) => {
  if (page.left !== true) throw new Error(`still at ${page.url.href}: ${page.body}`)
  const tokens = await client.authorizationCodeGrant(request.config, page.url, {
    pkceCodeVerifier: request.verifier,
  })
  return tokens.claims()
}

const carol = { name: 'Carol C', email: 'carol@corp.example', email_verified: true }

describe('somebody of an upstream', () => {
  it('is created at the first sign-in, and is the same user at the second', async () => {
    upstream.people.set('u-carol', carol)
    const first = await claimsAfter(await through('u-carol'))
    expect(first).toMatchObject({ email: 'carol@corp.example', email_verified: true, name: 'Carol C' })
    // The upstream renames her: the subject decides, not the mail.
    upstream.people.set('u-carol', { ...carol, email: 'carol.new@corp.example' })
    const second = await claimsAfter(await through('u-carol'))
    expect(second?.sub).toBe(first?.sub)
    const { rows } = await server.database.query<{ event_name: string }>(
      sql`select event_name from audit_event where body like '%corp%' order by event_id`,
    )
    expect(rows.map(({ event_name }) => event_name)).toEqual(
      expect.arrayContaining(['CreateUser', 'LinkIdentity']),
    )
  })

  it('may come by the button', async () => {
    upstream.people.set('u-carol', carol)
    const browser = new CookieBrowser({ across: true })
    const asked = await ask(shop)
    const page = await browser.open(asked.url)
    expect(page.body).toContain('Continue with Corp')
    const connection = /name="connection" value="([^"]+)"/.exec(page.body)?.[1] ?? ''
    const away = await browser.submit(page, { connection })
    expect(away.body).toContain('Upstream')
    expect((await browser.submit(away, { sub: 'u-carol' })).left).toBe(true)
  })

  it('gets the groups that the upstream names and we know; a missing claim changes nothing', async () => {
    await connect({ groups_claim: 'groups', groups: { eng: 'Engineers', ops: 'Ops' } })
    upstream.people.set('u-carol', { ...carol, groups: ['eng', 'unknown'] })
    expect((await claimsAfter(await through('u-carol')))?.['groups']).toEqual(['Engineers'])
    const user = await findUserByMail(server.database, home, 'carol@corp.example')
    await server.database.transaction(async (tx) => {
      const [ops] = (
        await tx.query<{ group_id: string }>(sql`select group_id from user_group where name = 'Ops'`)
      ).rows
      await addToGroup(tx, ops?.group_id ?? '', user?.userId ?? '')
    })
    upstream.people.set('u-carol', carol)
    expect((await claimsAfter(await through('u-carol')))?.['groups']).toEqual(['Engineers', 'Ops'])
    upstream.people.set('u-carol', { ...carol, groups: [] })
    await through('u-carol')
    expect((await groupsOf(server.database, user?.userId ?? '')).map(({ name }) => name)).toEqual(['Ops'])
  })

  it('is still asked for a second factor where the app wants one, unless the connection is trusted with it', async () => {
    upstream.people.set('u-carol', carol)
    const { page } = await through('u-carol', await ask(strict))
    expect(page.left).toBeUndefined()
    expect(page.body).toContain('second factor')
    await connect({ trusts_mfa: true })
    upstream.people.set('u-carol', { ...carol, amr: ['mfa'] })
    expect(await claimsAfter(await through('u-carol', await ask(strict)))).toMatchObject({
      acr: 'urn:signet:aal:2',
    })
  })

  it('that says no there can choose another way here', async () => {
    const browser = new CookieBrowser({ across: true })
    const page = await browser.submit(await toUpstream(browser, await ask(shop)), { sub: '' })
    expect(page.url.pathname).toMatch(/^\/login\//)
    expect(page.body).toContain('name="identifier"')
  })
})

describe('an existing user', () => {
  it('is linked by a verified mail of a domain that the connection owns', async () => {
    const dave = await server.database.transaction((tx) =>
      createUser(tx, clock, { accountId: home, name: 'dave', mail: 'dave@corp.example', mailVerified: true }),
    )
    upstream.people.set('u-dave', { email: 'dave@corp.example', email_verified: true })
    expect((await claimsAfter(await through('u-dave')))?.sub).toBe(dave.userId)
    upstream.people.set('u-dave-2', { email: 'dave@corp.example', email_verified: true })
    expect(await refusedAs(await through('u-dave-2'))).toBe('federation/other-identity')
  })

  it('is never linked by a mail that the upstream did not verify', async () => {
    await server.database.transaction((tx) =>
      createUser(tx, clock, { accountId: home, name: 'erin', mail: 'erin@corp.example', mailVerified: true }),
    )
    upstream.people.set('u-erin', { email: 'erin@corp.example', email_verified: false })
    expect(await refusedAs(await through('u-erin'))).toBe('federation/mail-in-use')
  })

  it('is never linked by a mail of a domain that is not the connection’s', async () => {
    await connect({ create_users: 'everybody' })
    await server.database.transaction((tx) =>
      createUser(tx, clock, {
        accountId: home,
        name: 'root2',
        mail: 'boss@other.example',
        mailVerified: true,
      }),
    )
    upstream.people.set('u-evil', { email: 'boss@other.example', email_verified: true })
    expect(await refusedAs(await through('u-evil'))).toBe('federation/mail-in-use')
  })

  it('whose own mail was never verified is not taken over: a new user is made beside it', async () => {
    const squatter = await server.database.transaction((tx) =>
      createUser(tx, clock, { accountId: home, name: 'frank@corp.example', mail: 'frank@corp.example' }),
    )
    upstream.people.set('u-frank', { email: 'frank@corp.example', email_verified: true })
    const claims = await claimsAfter(await through('u-frank'))
    expect(claims?.sub).not.toBe(squatter.userId)
    expect(claims?.['preferred_username']).toMatch(/^frank@corp\.example-/)
  })

  it('that is disabled stays out', async () => {
    upstream.people.set('u-gina', { email: 'gina@corp.example', email_verified: true })
    const claims = await claimsAfter(await through('u-gina'))
    await server.database.transaction((tx) => updateUser(tx, claims?.sub ?? '', { status: 'disabled' }))
    expect(await refusedAs(await through('u-gina'))).toBe('federation/disabled')
  })
})

describe('refuses', () => {
  it('a stranger where the connection makes no new users', async () => {
    upstream.people.set('u-henry', { email: 'henry@corp.example', email_verified: true })
    await connect({ create_users: 'off' })
    expect(await refusedAs(await through('u-henry'))).toBe('federation/unknown-user')
    await connect({})
    upstream.people.set('u-ivan', { email: 'ivan@elsewhere.example', email_verified: true })
    expect(await refusedAs(await through('u-ivan'))).toBe('federation/unknown-user')
  })

  it('a Google account without the hosted domain, or of another one', async () => {
    await connect({ preset: 'google', hosted_domains: ['corp.example'] })
    upstream.people.set('u-alias', { email: 'alias@corp.example', email_verified: true })
    expect(await refusedAs(await through('u-alias'))).toBe('federation/hosted-domain')
    upstream.people.set('u-alias', { email: 'alias@corp.example', email_verified: true, hd: 'evil.example' })
    expect(await refusedAs(await through('u-alias'))).toBe('federation/hosted-domain')
    upstream.people.set('u-alias', { email: 'alias@corp.example', email_verified: true, hd: 'corp.example' })
    expect((await through('u-alias')).page.left).toBe(true)
  })

  it('an answer in another browser, a second time, with another issuer, or made up', async () => {
    upstream.people.set('u-carol', carol)
    const browser = new CookieBrowser({ across: true })
    const page = await toUpstream(browser, await ask(shop))
    const answers: URL[] = []
    const original = browser.request.bind(browser)
    browser.request = async (url, init) => {
      const at = new URL(url)
      if (at.pathname === '/federation/oidc/callback') {
        answers.push(at)
        return new Response('held')
      }
      return original(url, init)
    }
    await browser.submit(page, { sub: 'u-carol' })
    const [answer] = answers
    if (answer === undefined) throw new Error('no answer')

    const stranger = await new CookieBrowser().open(answer)
    expect(stranger.status).toBe(410)
    const mixedUp = new URL(answer)
    mixedUp.searchParams.set('iss', 'https://evil.example')
    expect((await original(mixedUp)).status).toBe(403)
    // The state was spent by that: even the true answer comes too late.
    expect((await original(answer)).status).toBe(410)
    expect((await original(`${server.url}/federation/oidc/callback?state=made-up&code=x`)).status).toBe(410)
    expect((await original(`${server.url}/federation/oidc/callback`)).status).toBe(410)
  })

  it('an upstream on a private address that the operator did not list', async () => {
    await connect({ issuer: 'http://127.0.0.1:9' })
    const browser = new CookieBrowser({ across: true })
    const page = await browser.submit(await browser.open((await ask(shop)).url), {
      identifier: 'a@corp.example',
    })
    expect(page.status).toBe(503)
    expect(page.body).not.toContain('127.0.0.1:9')
  })
})

async function refusedAs({ page }: { page: Page }): Promise<string> {
  expect(page.left).toBeUndefined()
  expect(page.status).toBe(403)
  const { rows } = await server.database.query<{ body: string }>(
    sql`select body from audit_event where event_name = 'FederatedSignIn' order by event_id desc limit 1`,
  )
  return (JSON.parse(rows[0]?.body ?? '{}') as { errorCode: string }).errorCode
}

it('keeps no secret, state or verifier readable in the database', async () => {
  upstream.people.set('u-carol', carol)
  const browser = new CookieBrowser({ across: true })
  const page = await toUpstream(browser, await ask(shop))
  expect(page.url.origin).toBe(upstream.url)
  const { rows } = await server.database.query(sql`
    select encode(f.sealed, 'escape') as sealed, encode(f.state_hash, 'escape') as state, c.settings,
           encode(c.secret_sealed, 'escape') as secret
      from federation_flow f join connection c using (connection_id)`)
  expect(rows.length).toBeGreaterThan(0)
  expect(JSON.stringify(rows)).not.toContain(upstream.clientSecret)
  expect(JSON.stringify(rows)).not.toContain('verifier')
})
