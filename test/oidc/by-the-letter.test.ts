import * as client from 'openid-client'
import { decodeJwt, decodeProtectedHeader, exportJWK, generateKeyPair } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { putApp, putOidcClient } from '#apps'
import { systemClock } from '#kernel'
import { home } from '../support/fixtures.ts'
import { CookieBrowser } from './browser.ts'
import { ask, exchange, relyingParty, signIn, tokensFor } from './relying-party.ts'
import { clientSecret, redirectUri, startWorld, type World } from './world.ts'

let world: World
let wiki: client.Configuration
beforeAll(async () => {
  world = await startWorld()
  wiki = await relyingParty(world, 'wiki')
})
afterAll(() => world.close())

const post = (path: string, body: Record<string, string>, id: string | null = 'wiki') =>
  fetch(world.origin + path, {
    method: 'POST',
    body: new URLSearchParams(body),
    headers:
      id === null
        ? {}
        : { authorization: `Basic ${Buffer.from(`${id}:${clientSecret}`).toString('base64')}` },
  })

describe('a request as a form (OpenID Connect Core §3.1.2.1, RP-Initiated Logout §2)', () => {
  const asForm = (browser: CookieBrowser, url: URL, body: URLSearchParams | string = url.searchParams) =>
    browser.open(url.origin + url.pathname, {
      method: 'POST',
      body: String(body),
      headers: { 'content-type': 'application/x-www-form-urlencoded', origin: 'https://app.example' },
    })

  it('to authorize signs in like one in a URL, and knows who is signed in', async () => {
    const browser = new CookieBrowser()
    await signIn(browser, await ask(wiki))
    const asked = await ask(wiki)
    const page = await asForm(browser, asked.url)
    expect(page.left).toBe(true)
    expect((await exchange(wiki, asked, page.url)).claims()?.sub).toBe(world.alice.userId)
  })

  it('to sign out asks the person', async () => {
    const { browser, tokens } = await tokensFor(wiki)
    const url = client.buildEndSessionUrl(wiki, { id_token_hint: tokens.id_token ?? '' })
    expect((await asForm(browser, url)).body).toContain('Wiki asks to sign you out')
  })

  it('is answered to the app or by a page where it is wrong, like one in a URL', async () => {
    const { url } = await ask(wiki)
    const twice = await asForm(new CookieBrowser(), url, `${url.searchParams.toString()}&state=again`)
    expect(twice.url.searchParams.get('error')).toBe('invalid_request')
    const foreign = new URL(url)
    foreign.searchParams.set('redirect_uri', 'https://evil.example/')
    expect(await asForm(new CookieBrowser(), foreign)).toMatchObject({ status: 400 })
    const long = new URL(url)
    long.searchParams.set('state', 'x'.repeat(8_000))
    await expect(asForm(new CookieBrowser(), long)).resolves.toMatchObject({ status: 400 })
    const json = await fetch(url.origin + url.pathname, { method: 'POST', body: '{}' })
    expect(json.status).toBe(400)
  })
})

describe('offline_access', () => {
  it('needs no prompt of an app that an administrator gave the grant', async () => {
    const { tokens } = await tokensFor(wiki, { scope: 'openid offline_access' })
    expect(tokens.scope).toBe('openid offline_access')
    expect((await client.refreshTokenGrant(wiki, tokens.refresh_token ?? '')).claims()?.sub).toBe(
      world.alice.userId,
    )
  })

  it('needs none when the request was pushed, or with prompt=none', async () => {
    const browser = new CookieBrowser()
    await signIn(browser, await ask(wiki))
    for (const prompt of [{}, { prompt: 'none' }]) {
      const asked = await ask(wiki, { scope: 'openid offline_access', ...prompt })
      const pushed = await client.buildAuthorizationUrlWithPAR(wiki, asked.url.searchParams)
      const end = await browser.open(pushed)
      expect((await exchange(wiki, asked, end.url)).refresh_token).toBeDefined()
    }
  })

  it('is asked for where the app asks for consent, and is nobody’s without the grant', async () => {
    const foreign = await relyingParty(world, 'foreign')
    const page = await signIn(new CookieBrowser(), await ask(foreign, { scope: 'openid offline_access' }))
    expect(page.body).toContain('Allow Foreign to know you?')
    expect(page.body).toContain('while you are away')
    const { tokens } = await tokensFor(wiki, { scope: 'openid' })
    expect(tokens.refresh_token).toBeUndefined()
  })
})

describe('prompt=select_account', () => {
  it('asks who one is although somebody is signed in, once, and takes another person', async () => {
    const browser = new CookieBrowser()
    await signIn(browser, await ask(wiki))
    const asked = await ask(wiki, { prompt: 'select_account' })
    const page = await browser.open(asked.url)
    expect(page.body).toContain('<h1>Sign in</h1>')
    const end = await browser.submit(page, { user: 'alice' })
    expect((await exchange(wiki, asked, end.url)).claims()?.sub).toBe(world.alice.userId)
  })
})

describe('introspection (RFC 7662 §2.2)', () => {
  it('tells a client about its own JWT, and nobody else', async () => {
    const pipeline = await relyingParty(world, 'pipeline')
    const { access_token: token } = await client.clientCredentialsGrant(pipeline)
    expect(decodeProtectedHeader(token).typ).toBe('at+jwt')
    expect(await client.tokenIntrospection(pipeline, token)).toEqual({
      active: true,
      ...decodeJwt(token),
      token_type: 'Bearer',
    })
    expect(await client.tokenIntrospection(wiki, token)).toEqual({ active: false })
  })

  it('calls every other JWT inactive: a changed one, an ID token', async () => {
    const pipeline = await relyingParty(world, 'pipeline')
    const { access_token: token } = await client.clientCredentialsGrant(pipeline)
    const [head = '', , signature = ''] = token.split('.')
    const payload = Buffer.from(JSON.stringify({ ...decodeJwt(token), sub: 'wiki', client_id: 'wiki' }))
    const { tokens } = await tokensFor(wiki)
    for (const jwt of [`${head}.${payload.toString('base64url')}.${signature}`, tokens.id_token ?? '']) {
      const answer = await post('/oauth2/introspect', { token: jwt })
      expect([answer.status, await answer.json()]).toEqual([200, { active: false }])
    }
  })
})

describe('a request without any client authentication', () => {
  it.each(['/oauth2/token', '/oauth2/introspect', '/oauth2/revoke', '/oauth2/par'])(
    'is invalid_client with 401 at %s (RFC 6749 §5.2)',
    async (path) => {
      const answer = await fetch(world.origin + path, {
        method: 'POST',
        body: new URLSearchParams({ token: 'x', grant_type: 'client_credentials' }),
      })
      expect(answer.status).toBe(401)
      expect(answer.headers.get('www-authenticate')).toMatch(/^Basic realm=/)
      expect(await answer.json()).toMatchObject({ error: 'invalid_client' })
    },
  )
})

it.each(['token', 'introspect', 'revoke', 'device', 'par'])(
  'a GET to %s is answered with 405 and the method that there is',
  async (path) => {
    const answer = await fetch(`${world.origin}/oauth2/${path}?client_id=wiki`)
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST'])
    expect(await answer.json()).toMatchObject({ error: 'invalid_request' })
  },
)

describe('a device (RFC 8628)', () => {
  it('is told its interval, and to slow down when it asks again at once', async () => {
    const started = (await (await post('/oauth2/device', { client_id: 'signet-cli' }, null)).json()) as {
      device_code: string
      interval: number
    }
    expect(started.interval).toBe(5)
    const poll = async () =>
      (
        await post(
          '/oauth2/token',
          {
            client_id: 'signet-cli',
            grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
            device_code: started.device_code,
          },
          null,
        )
      ).json()
    expect(await poll()).toMatchObject({ error: 'authorization_pending' })
    expect(await poll()).toMatchObject({ error: 'slow_down' })
  })
})

describe('an app that proves itself by a key (RFC 7523, 9126, 9449)', () => {
  it('pushes its request, gets tokens bound to its key, and nobody uses them without it', async () => {
    const [own, proof] = await Promise.all([generateKeyPair('ES256'), client.randomDPoPKeyPair('ES256')])
    await world.database.transaction(async (tx) => {
      const { appId } = await putApp(tx, systemClock, { accountId: home, kind: 'oidc', name: 'Bank' })
      await putOidcClient(tx, systemClock, {
        clientId: 'bank',
        appId,
        metadata: {
          redirect_uris: [redirectUri],
          token_endpoint_auth_method: 'private_key_jwt',
          jwks: { keys: [{ ...(await exportJWK(own.publicKey)), alg: 'ES256' }] },
          dpop_bound_access_tokens: true,
          require_pushed_authorization_requests: true,
        },
      })
    })
    const bank = await relyingParty(world, 'bank', client.PrivateKeyJwt(own.privateKey))
    const asked = await ask(bank, { scope: 'openid email' })
    const direct = await signIn(new CookieBrowser(), asked)
    expect(direct.url.searchParams.get('error')).toBe('invalid_request')

    const url = await client.buildAuthorizationUrlWithPAR(bank, asked.url.searchParams)
    const end = await signIn(new CookieBrowser(), { ...asked, url })
    await expect(exchange(bank, asked, end.url)).rejects.toMatchObject({ error: 'invalid_grant' })
    const DPoP = client.getDPoPHandle(bank, proof)
    const tokens = await client.authorizationCodeGrant(
      bank,
      end.url,
      { expectedState: asked.state, expectedNonce: asked.nonce, pkceCodeVerifier: asked.verifier ?? '' },
      undefined,
      { DPoP },
    )
    expect(tokens.token_type).toBe('dpop')
    const subject = tokens.claims()?.sub ?? ''
    expect(await client.fetchUserInfo(bank, tokens.access_token, subject, { DPoP })).toMatchObject({
      email: 'alice@example.com',
    })
    await expect(client.fetchUserInfo(bank, tokens.access_token, subject)).rejects.toThrow()

    const stranger = await relyingParty(
      world,
      'bank',
      client.PrivateKeyJwt((await generateKeyPair('ES256')).privateKey),
    )
    await expect(client.buildAuthorizationUrlWithPAR(stranger, asked.url.searchParams)).rejects.toMatchObject(
      { error: 'invalid_client' },
    )
  })
})
