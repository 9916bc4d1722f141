import { createLocalJWKSet, jwtVerify } from 'jose'
import * as client from 'openid-client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sql } from '#database'
import { CookieBrowser } from './browser.ts'
import { ask, exchange, relyingParty, signIn, tokensFor } from './relying-party.ts'
import { clientSecret, startWorld, type World } from './world.ts'
import { tampered } from '../support/tampered.ts'

let world: World
let wiki: client.Configuration
beforeAll(async () => {
  world = await startWorld()
  wiki = await relyingParty(world, 'wiki')
})
afterAll(() => world.close())

const userinfo = async (accessToken: string): Promise<number> =>
  (await fetch(`${world.origin}/oauth2/userinfo`, { headers: { authorization: `Bearer ${accessToken}` } }))
    .status

describe('client credentials', () => {
  it('give an ES256 JWT of ten minutes for our own APIs, and our own APIs know it', async () => {
    const pipeline = await relyingParty(world, 'pipeline')
    const tokens = await client.clientCredentialsGrant(pipeline)
    expect(tokens.expires_in).toBe(600)
    const jwks = (await (await fetch(`${world.origin}/.well-known/jwks.json`)).json()) as { keys: [] }
    const { payload, protectedHeader } = await jwtVerify(tokens.access_token, createLocalJWKSet(jwks), {
      issuer: world.origin,
      audience: world.origin,
      typ: 'at+jwt',
    })
    expect(protectedHeader.alg).toBe('ES256')
    expect(payload).toMatchObject({ sub: 'pipeline', client_id: 'pipeline' })
    const bearer = await world.oidc.authenticateBearer(tokens.access_token)
    expect(bearer).toMatchObject({ kind: 'client', clientId: 'pipeline', app: { name: 'Pipeline' } })
  })

  it('are refused for another resource, for a client without the grant, and with a wrong secret', async () => {
    const pipeline = await relyingParty(world, 'pipeline')
    await expect(
      client.clientCredentialsGrant(pipeline, { resource: 'https://elsewhere.example' }),
    ).rejects.toMatchObject({ error: 'invalid_target' })
    await expect(client.clientCredentialsGrant(wiki)).rejects.toMatchObject({ error: 'invalid_request' })
    await expect(world.oidc.authenticateClient('pipeline', 'wrong')).rejects.toMatchObject({
      reason: 'oidc/client',
    })
    expect(await world.oidc.authenticateClient('pipeline', clientSecret)).toMatchObject({
      app: { name: 'Pipeline' },
    })
  })

  it('a token with one byte changed, of another issuer’s key, or made up is nobody’s', async () => {
    const pipeline = await relyingParty(world, 'pipeline')
    const { access_token: token } = await client.clientCredentialsGrant(pipeline)
    const { tokens } = await tokensFor(wiki)
    for (const bad of [tampered(token), 'a.b.c', 'nonsense', tokens.id_token ?? '', `${token}.x`])
      await expect(world.oidc.authenticateBearer(bad)).rejects.toMatchObject({ reason: 'oidc/bearer' })
  })
})

describe('refresh', () => {
  it('gives new tokens of the same person and sign-in, never a wider scope, never to another client', async () => {
    const browser = new CookieBrowser()
    const asked = await ask(wiki, { scope: 'openid email offline_access', prompt: 'consent' })
    const page = await browser.submit(await signIn(browser, asked), { decision: 'allow' })
    const first = await exchange(wiki, asked, page.url)
    const refreshToken = first.refresh_token ?? ''
    const second = await client.refreshTokenGrant(wiki, refreshToken)
    const [before, after] = [first.claims(), second.claims()]
    expect(after?.sub).toBe(before?.sub)
    expect(after?.['auth_time']).toBe(before?.['auth_time'])
    await expect(
      client.refreshTokenGrant(wiki, refreshToken, { scope: 'openid email groups' }),
    ).rejects.toMatchObject({ error: 'invalid_scope' })
    const other = await relyingParty(world, 'wiki2', client.ClientSecretPost(clientSecret))
    await expect(client.refreshTokenGrant(other, refreshToken)).rejects.toMatchObject({
      error: 'invalid_grant',
    })
  })
})

describe('introspection and revocation', () => {
  it('tell a client about its own tokens only, and end them', async () => {
    const { tokens } = await tokensFor(wiki)
    expect(await client.tokenIntrospection(wiki, tokens.access_token)).toMatchObject({
      active: true,
      sub: world.alice.userId,
      client_id: 'wiki',
      acr: 'urn:signet:aal:1',
    })
    const stranger = await relyingParty(world, 'pipeline')
    expect(await client.tokenIntrospection(stranger, tokens.access_token)).toEqual({ active: false })
    await client.tokenRevocation(wiki, tokens.access_token)
    expect(await userinfo(tokens.access_token)).toBe(401)
    expect(await client.tokenIntrospection(wiki, tokens.access_token)).toEqual({ active: false })
  })
})

describe('the device flow of signet-cli', () => {
  it('connects a command line after the person compared the code', async () => {
    const cli = await relyingParty(world, 'signet-cli', client.None())
    const started = await client.initiateDeviceAuthorization(cli, { scope: 'openid profile' })
    await expect(poll(cli, started)).rejects.toMatchObject({ error: 'authorization_pending' })
    expect(started.verification_uri).toBe(`${world.origin}/device`)

    const browser = new CookieBrowser()
    const typed = await browser.submit(await browser.open(started.verification_uri), {
      user_code: started.user_code.toLowerCase(),
    })
    expect(typed.body).toContain('Connect Signet command line?')
    expect(typed.body).toContain(started.user_code)
    let page = await browser.submit(typed)
    page = await browser.submit(page, { user: 'alice' })
    expect(page.body).toContain('You can close this page')

    const tokens = await poll(cli, started)
    expect(tokens.claims()).toMatchObject({ sub: world.alice.userId, aud: 'signet-cli' })
    const bearer = await world.oidc.authenticateBearer(tokens.access_token)
    expect(bearer).toMatchObject({
      kind: 'user',
      clientId: 'signet-cli',
      user: { name: 'alice' },
      amr: ['pwd'],
      acr: 'urn:signet:aal:1',
    })
    await expect(poll(cli, started)).rejects.toMatchObject({ error: 'invalid_grant' })
  })

  it('tells a wrong code and a stopped one, and the device hears access_denied', async () => {
    const cli = await relyingParty(world, 'signet-cli', client.None())
    const browser = new CookieBrowser()
    const wrong = await browser.submit(await browser.open(`${world.origin}/device`), {
      user_code: 'BBBB-BBBB',
    })
    expect(wrong.status).toBe(400)
    expect(wrong.body).toContain('That code is not right')
    const started = await client.initiateDeviceAuthorization(cli, { scope: 'openid' })
    const typed = await browser.submit(wrong, { user_code: started.user_code })
    expect((await browser.submit(typed, { abort: 'yes' })).body).toContain('The device was not connected')
    await expect(poll(cli, started)).rejects.toMatchObject({ error: 'access_denied' })
  })
})

const poll = (config: client.Configuration, started: client.DeviceAuthorizationResponse) =>
  client.genericGrantRequest(config, 'urn:ietf:params:oauth:grant-type:device_code', {
    device_code: started.device_code,
  })

describe('an app that asks for consent', () => {
  it('is allowed once, and not asked for again', async () => {
    const foreign = await relyingParty(world, 'foreign')
    const browser = new CookieBrowser()
    const asked = await ask(foreign, { scope: 'openid email' })
    const page = await signIn(browser, asked)
    expect(page.body).toContain('Allow Foreign to know you?')
    expect(page.body).not.toContain('groups you are in')
    const end = await browser.submit(page, { decision: 'allow' })
    expect((await exchange(foreign, asked, end.url)).claims()?.['email']).toBe('alice@example.com')
    const later = new CookieBrowser()
    expect((await signIn(later, await ask(foreign, { scope: 'openid email' }))).left).toBe(true)
    expect((await later.open((await ask(foreign, { scope: 'openid groups' })).url)).body).toContain(
      'groups you are in',
    )
  })

  it('hears access_denied when the person says no', async () => {
    const foreign = await relyingParty(world, 'foreign')
    const browser = new CookieBrowser()
    const page = await signIn(browser, await ask(foreign), { user: 'bob' })
    const end = await browser.submit(page, { decision: 'deny' })
    expect(end.url.searchParams.get('error')).toBe('access_denied')
  })

  it('refuses a consent form that another site sent', async () => {
    const foreign = await relyingParty(world, 'foreign')
    const browser = new CookieBrowser()
    const page = await signIn(browser, await ask(foreign), { user: 'bob' })
    const response = await browser.request(page.url, {
      method: 'POST',
      body: new URLSearchParams({ decision: 'allow', _csrf: 'x' }),
      headers: { 'sec-fetch-site': 'cross-site' },
    })
    expect(response.status).toBe(403)
  })
})

describe('signing out by an app', () => {
  it('asks, ends the browser session and its tokens, and goes back with the state', async () => {
    const { browser, tokens } = await tokensFor(wiki)
    const url = client.buildEndSessionUrl(wiki, {
      id_token_hint: tokens.id_token ?? '',
      post_logout_redirect_uri: 'https://app.example/bye',
      state: 'abc',
    })
    const page = await browser.open(url)
    expect(page.body).toContain('Wiki asks to sign you out')
    expect(await userinfo(tokens.access_token)).toBe(200)
    const end = await browser.submit(page, { logout: 'yes' })
    expect(end.left).toBe(true)
    expect(end.url.href).toBe('https://app.example/bye?state=abc')
    // A page that goes on, not a redirect: a form may not lead to another origin.
    expect(end.status).toBe(200)
    expect(await userinfo(tokens.access_token)).toBe(401)
    expect((await browser.open((await ask(wiki)).url)).body).toContain('Sign in')
    const { rows } = await world.database.query(
      sql`select 1 from audit_event where event_name = 'Logout' and body like ${`%${world.alice.userId}%`}`,
    )
    expect(rows).not.toEqual([])
  })

  it('shows a page without a hint, and ends nothing until it is confirmed', async () => {
    const { browser, tokens } = await tokensFor(wiki)
    const page = await browser.open(`${world.origin}/oauth2/logout`)
    expect(page.body).toContain('Your session here ends')
    expect(await userinfo(tokens.access_token)).toBe(200)
    const end = await browser.submit(page, { logout: 'yes' })
    expect(end.body).toContain('You are signed out')
    expect(await userinfo(tokens.access_token)).toBe(401)
  })

  it('goes nowhere else: a URI that is not registered, a hint that was changed', async () => {
    const { browser, tokens } = await tokensFor(wiki)
    const hint = tokens.id_token ?? ''
    const by = (parameters: Record<string, string>) =>
      browser.open(`${world.origin}/oauth2/logout?${new URLSearchParams(parameters).toString()}`)
    const elsewhere = await by({ id_token_hint: hint, post_logout_redirect_uri: 'https://evil.example/' })
    expect(elsewhere.status).toBe(400)
    expect(elsewhere.body).not.toContain('href="https://evil.example')
    const changed = tampered(hint)
    expect((await by({ id_token_hint: changed })).status).toBe(400)
    expect(await userinfo(tokens.access_token)).toBe(200)
  })
})

describe('the end of the browser session elsewhere', () => {
  it('ends the tokens that came from it', async () => {
    const { tokens } = await tokensFor(wiki)
    const [session] = await world.needs.sessions.list(world.alice.userId)
    await world.database.transaction((tx) =>
      world.needs.sessions.revoke(tx, world.alice.userId, session?.family ?? ''),
    )
    expect(await userinfo(tokens.access_token)).toBe(401)
  })
})

describe('form_post', () => {
  it('may post to the app and nowhere else', async () => {
    const { browser } = await tokensFor(wiki)
    const response = await browser.request((await ask(wiki, { response_mode: 'form_post' })).url)
    expect(response.status).toBe(200)
    expect(await response.text()).toContain('action="https://app.example/cb"')
    expect(response.headers.get('content-security-policy')).toMatch(/form-action https:\/\/app\.example(;|$)/)
  })
})

describe('a pushed authorization request', () => {
  it('is used once', async () => {
    const asked = await ask(wiki)
    const url = await client.buildAuthorizationUrlWithPAR(wiki, Object.fromEntries(asked.url.searchParams))
    const browser = new CookieBrowser()
    const page = await signIn(browser, { ...asked, url })
    expect((await exchange(wiki, asked, page.url)).claims()?.sub).toBe(world.alice.userId)
    const again = await browser.open(url)
    expect(again.url.searchParams.get('error')).toBe('invalid_request_uri')
    expect(again.url.searchParams.get('code')).toBeNull()
  })
})

describe('rotating the keys', () => {
  it('needs no restart: tokens of the old key still verify, new ones have the new key', async () => {
    const pipeline = await relyingParty(world, 'pipeline')
    const before = await client.clientCredentialsGrant(pipeline)
    await world.database.transaction(async (tx) => {
      await tx.query(sql`update signing_key set state = 'retiring' where purpose = 'oidc' and alg = 'ES256'`)
    })
    const { openKeys } = await import('#keys')
    await openKeys(world.needs)
    await world.oidc.refresh()
    const after = await client.clientCredentialsGrant(pipeline)
    const kid = (token: string) =>
      (JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()) as { kid: string }).kid
    expect(kid(after.access_token)).not.toBe(kid(before.access_token))
    const jwks = (await (await fetch(`${world.origin}/.well-known/jwks.json`)).json()) as { keys: [] }
    for (const { access_token: token } of [before, after])
      await expect(jwtVerify(token, createLocalJWKSet(jwks))).resolves.toBeDefined()
  })
})
