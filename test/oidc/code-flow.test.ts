import * as client from 'openid-client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sql } from '#database'
import { updateUser } from '#directory'
import { CookieBrowser, type Page } from './browser.ts'
import { ask, exchange, relyingParty, signIn, tokensFor } from './relying-party.ts'
import { clientSecret, redirectUri, startWorld, type World } from './world.ts'

let world: World
let wiki: client.Configuration
beforeAll(async () => {
  world = await startWorld()
  wiki = await relyingParty(world, 'wiki')
})
afterAll(() => world.close())

describe('discovery', () => {
  it('names this issuer, its endpoints and nothing that is not there', async () => {
    const response = await fetch(`${world.origin}/.well-known/openid-configuration`)
    const found = (await response.json()) as Record<string, unknown>
    expect(response.headers.get('cache-control')).toBe('public, max-age=300')
    expect(found).toMatchObject({
      issuer: world.origin,
      authorization_endpoint: `${world.origin}/oauth2/authorize`,
      token_endpoint: `${world.origin}/oauth2/token`,
      userinfo_endpoint: `${world.origin}/oauth2/userinfo`,
      jwks_uri: `${world.origin}/.well-known/jwks.json`,
      end_session_endpoint: `${world.origin}/oauth2/logout`,
      device_authorization_endpoint: `${world.origin}/oauth2/device`,
      introspection_endpoint: `${world.origin}/oauth2/introspect`,
      revocation_endpoint: `${world.origin}/oauth2/revoke`,
      pushed_authorization_request_endpoint: `${world.origin}/oauth2/par`,
      code_challenge_methods_supported: ['S256'],
      claims_parameter_supported: true,
      request_uri_parameter_supported: false,
      response_types_supported: ['code', 'none'],
      authorization_response_iss_parameter_supported: true,
    })
    expect(JSON.stringify(found)).not.toMatch(/HS256|client_secret_jwt/)
    const oauth = await fetch(`${world.origin}/.well-known/oauth-authorization-server`)
    expect(await oauth.json()).toEqual(found)
  })

  it('says PUBLIC_URL’s name, whatever the request’s Host and forwarded headers say', async () => {
    const response = await fetch(`${world.origin}/.well-known/openid-configuration`, {
      headers: { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' },
    })
    expect(await response.text()).not.toContain('evil.example')
  })

  it('publishes public keys only', async () => {
    const { keys } = (await (await fetch(`${world.origin}/.well-known/jwks.json`)).json()) as {
      keys: Record<string, unknown>[]
    }
    expect(new Set(keys.map(({ alg }) => alg))).toEqual(new Set(['ES256', 'ES384', 'RS256']))
    for (const key of keys) expect(Object.keys(key)).not.toContain('d')
  })
})

describe('a sign-in', () => {
  it('by code and PKCE answers the app with who it is, since when and how', async () => {
    const { tokens } = await tokensFor(wiki)
    expect(tokens.claims()).toMatchObject({
      iss: world.origin,
      aud: 'wiki',
      sub: world.alice.userId,
      name: 'Alice Example',
      preferred_username: 'alice',
      email: 'alice@example.com',
      email_verified: true,
      groups: ['Engineers'],
      acr: 'urn:signet:aal:1',
      amr: ['pwd'],
    })
    expect(tokens.claims()?.['auth_time']).toBeTypeOf('number')
    const info = await client.fetchUserInfo(wiki, tokens.access_token, world.alice.userId)
    expect(info).toMatchObject({ sub: world.alice.userId, email: 'alice@example.com', groups: ['Engineers'] })
  })

  it('works for a client that posts its secret, for a public client, and for one that asks for RS256', async () => {
    const posting = await relyingParty(world, 'wiki2', client.ClientSecretPost(clientSecret))
    expect((await tokensFor(posting)).tokens.claims()?.aud).toBe('wiki2')
    const spa = await relyingParty(world, 'spa', client.None())
    expect((await tokensFor(spa)).tokens.claims()?.aud).toBe('spa')
    const old = await relyingParty(world, 'old')
    const asked = await ask(old, {}, { pkce: false })
    const page = await signIn(new CookieBrowser(), asked)
    const tokens = await exchange(old, asked, page.url)
    const header = JSON.parse(
      Buffer.from(tokens.id_token?.split('.')[0] ?? '', 'base64url').toString(),
    ) as object
    expect(header).toMatchObject({ alg: 'RS256' })
    expect(tokens.claims()).not.toHaveProperty('email')
    expect(await client.fetchUserInfo(old, tokens.access_token, world.alice.userId)).toHaveProperty('email')
  })

  it('to a second app asks for nothing, and prompt=none succeeds', async () => {
    const { browser } = await tokensFor(wiki)
    const before = world.shown.count
    const spa = await relyingParty(world, 'spa', client.None())
    const asked = await ask(spa, { prompt: 'none' })
    const page = await browser.open(asked.url)
    expect(page.left).toBe(true)
    expect((await exchange(spa, asked, page.url)).claims()?.sub).toBe(world.alice.userId)
    expect(world.shown.count).toBe(before)
  })

  it('that began elsewhere is enough for prompt=none: the browser session is the truth', async () => {
    const browser = new CookieBrowser()
    await signIn(browser, await ask(wiki))
    // A fresh provider session: only the browser session’s cookie is left.
    const only = new CookieBrowser()
    const cookie = (await browserCookies(browser, world)).find((each) => each.startsWith('session='))
    const asked = await ask(wiki, { prompt: 'none' })
    const response = await only.request(asked.url, { headers: { cookie: cookie ?? '' } })
    expect(new URL(response.headers.get('location') ?? '').searchParams.get('code')).toBeTypeOf('string')
  })

  it('is login_required with prompt=none and no session', async () => {
    const page = await new CookieBrowser().open((await ask(wiki, { prompt: 'none' })).url)
    expect(page.url.searchParams.get('error')).toBe('login_required')
    expect(page.url.searchParams.get('iss')).toBe(world.origin)
  })

  it('works in five tabs at once', async () => {
    const browser = new CookieBrowser()
    const asked = await Promise.all(Array.from({ length: 5 }, () => ask(wiki)))
    const pages = await Promise.all(asked.map(({ url }) => browser.open(url)))
    const ends: Page[] = []
    for (const page of pages) ends.push(await browser.submit(page, { user: 'alice' }))
    expect(ends.map(({ left }) => left)).toEqual([true, true, true, true, true])
    const tokens = await Promise.all(
      asked.map((each, index) => exchange(wiki, each, ends[index]?.url ?? each.url)),
    )
    expect(tokens.map((each) => each.claims()?.sub)).toEqual(
      Array.from({ length: 5 }, () => world.alice.userId),
    )
  })

  it('signs its cookies', async () => {
    const browser = new CookieBrowser()
    await browser.request((await ask(wiki)).url)
    for (const name of browser.cookieNames.filter((each) => each.startsWith('op') && !each.endsWith('.sig')))
      expect(browser.cookieNames).toContain(`${name}.sig`)
    expect(browser.cookieNames.filter((each) => each.startsWith('op'))).not.toEqual([])
  })
})

describe('signing in again', () => {
  it('is asked for by prompt=login, visibly, and gives a later auth_time', async () => {
    const { browser, tokens } = await tokensFor(wiki)
    await new Promise((resolve) => setTimeout(resolve, 1_100))
    const asked = await ask(wiki, { prompt: 'login' })
    const page = await browser.open(asked.url)
    expect(page.body).toContain('Sign in')
    const again = await exchange(wiki, asked, (await browser.submit(page, { user: 'alice' })).url)
    expect(Number(again.claims()?.['auth_time'])).toBeGreaterThan(Number(tokens.claims()?.['auth_time']))
  })

  it('is asked for by max_age when the proof is older, not when it is fresh enough', async () => {
    const { browser } = await tokensFor(wiki)
    await new Promise((resolve) => setTimeout(resolve, 5_100))
    expect((await browser.open((await ask(wiki, { max_age: '10000' })).url)).left).toBe(true)
    const page = await browser.open((await ask(wiki, { max_age: '4' })).url)
    expect(page.body).toContain('Sign in')
    expect((await browser.submit(page, { user: 'alice' })).left).toBe(true)
  })

  it('with a second factor is asked for by acr_values and by the app', async () => {
    const { browser } = await tokensFor(wiki)
    const stepUp = await browser.open((await ask(wiki, { acr_values: 'urn:signet:aal:2' })).url)
    expect(stepUp.body).toContain('Sign in')
    const vault = await relyingParty(world, 'vault')
    const asked = await ask(vault)
    const page = await browser.open(asked.url)
    expect(page.body).toContain('Sign in')
    const end = await browser.submit(page, { user: 'alice', mfa: 'yes' })
    expect((await exchange(vault, asked, end.url)).claims()).toMatchObject({
      acr: 'urn:signet:aal:2',
      amr: ['pwd', 'otp', 'mfa'],
    })
    expect((await browser.open((await ask(wiki, { acr_values: 'urn:signet:aal:2' })).url)).left).toBe(true)
  })

  it('as another user ends in login_required when the hint named the first one, without a loop', async () => {
    const { browser, tokens } = await tokensFor(wiki)
    const page = await browser.open((await ask(wiki, { id_token_hint: tokens.id_token ?? '' })).url)
    expect(page.left).toBe(true)
    const other = new CookieBrowser()
    const end = await signIn(other, await ask(wiki, { id_token_hint: tokens.id_token ?? '' }), {
      user: 'bob',
    })
    expect(end.url.searchParams.get('error')).toBe('login_required')
  })

  it('an essential level that nobody can reach is refused', async () => {
    const claims = JSON.stringify({ id_token: { acr: { essential: true, values: ['urn:none'] } } })
    const { browser } = await tokensFor(wiki)
    const page = await browser.open((await ask(wiki, { claims })).url)
    expect(page.url.searchParams.get('error')).toBe('unmet_authentication_requirements')
  })
})

describe('refuses', () => {
  it('a redirect URI that is not registered, with a page and no redirect', async () => {
    const page = await new CookieBrowser().open((await ask(wiki, { redirect_uri: `${redirectUri}/x` })).url)
    expect(page.status).toBe(400)
    expect(page.left).toBeUndefined()
    expect(page.body).toContain('wrong return address')
  })

  it('a confidential client without PKCE, unless it is a recorded exception', async () => {
    const page = await new CookieBrowser().open((await ask(wiki, {}, { pkce: false })).url)
    expect(page.url.searchParams.get('error')).toBe('invalid_request')
    const old = await relyingParty(world, 'old')
    expect((await new CookieBrowser().open((await ask(old, {}, { pkce: false })).url)).body).toContain(
      'Sign in',
    )
  })

  it('a wrong verifier, a wrong secret, and another client’s code', async () => {
    const asked = await ask(wiki)
    const { url } = await signIn(new CookieBrowser(), asked)
    const wrong = { ...asked, verifier: client.randomPKCECodeVerifier() }
    await expect(exchange(wiki, wrong, url)).rejects.toMatchObject({ error: 'invalid_grant' })
    const bad = await relyingParty(world, 'wiki', client.ClientSecretBasic('wrong'))
    await expect(exchange(bad, asked, url)).rejects.toMatchObject({ status: 401 })
    const posting = await relyingParty(world, 'wiki2', client.ClientSecretPost(clientSecret))
    await expect(exchange(posting, asked, url)).rejects.toMatchObject({ error: 'invalid_grant' })
  })

  it('request objects, a missing response type, and an unknown client', async () => {
    const by = async (parameters: Record<string, string>) => {
      const page = await new CookieBrowser().open((await ask(wiki, parameters)).url)
      return page.url.searchParams.get('error')
    }
    expect(await by({ request: 'e30.e30.' })).toBe('request_not_supported')
    expect(await by({ request_uri: 'https://app.example/request' })).toBe('request_uri_not_supported')
    expect(await by({ response_type: '' })).toMatch(/invalid_request|unsupported_response_type/)
    const page = await new CookieBrowser().open(
      `${world.origin}/oauth2/authorize?client_id=nobody&response_type=code`,
    )
    expect(page.status).toBe(400)
    expect(page.body).toContain('not known here')
  })

  it('whom the app’s rules refuse, before and after signing in', async () => {
    world.refused.add('bob')
    const end = await signIn(new CookieBrowser(), await ask(wiki), { user: 'bob' })
    expect(end.url.searchParams.get('error')).toBe('access_denied')
    world.refused.delete('bob')
    const browser = new CookieBrowser()
    await signIn(browser, await ask(wiki), { user: 'bob' })
    world.refused.add('bob')
    expect((await browser.open((await ask(wiki)).url)).url.searchParams.get('error')).toBe('access_denied')
    world.refused.clear()
  })

  it('an interaction of another browser', async () => {
    const response = await new CookieBrowser().request((await ask(wiki)).url)
    const interaction = new URL(response.headers.get('location') ?? '', world.origin)
    const stranger = await new CookieBrowser().open(interaction)
    expect(stranger.status).toBe(410)
    expect(stranger.body).toContain('another browser')
  })
})

describe('a disabled user', () => {
  it('has no working token within the same breath, and old ones stay dead when the user comes back', async () => {
    const asked = await ask(wiki, { scope: 'openid offline_access', prompt: 'consent' })
    const browser = new CookieBrowser()
    let page = await signIn(browser, asked, { user: 'bob' })
    page = page.left === true ? page : await browser.submit(page, { decision: 'allow' })
    const tokens = await exchange(wiki, asked, page.url)
    expect(await userinfo(tokens.access_token)).toBe(200)
    await world.database.transaction((tx) => updateUser(tx, world.bob.userId, { status: 'disabled' }))
    expect(await userinfo(tokens.access_token)).toBe(401)
    await expect(client.refreshTokenGrant(wiki, tokens.refresh_token ?? '')).rejects.toMatchObject({
      error: 'invalid_grant',
    })
    expect((await client.tokenIntrospection(wiki, tokens.access_token)).active).toBe(false)
    expect(
      (await browser.open((await ask(wiki, { prompt: 'none' })).url)).url.searchParams.get('error'),
    ).toBe('login_required')
    await world.database.transaction((tx) => updateUser(tx, world.bob.userId, { status: 'active' }))
    await world.needs.epochs.catchUp()
    expect(await userinfo(tokens.access_token)).toBe(401)
    await expect(client.refreshTokenGrant(wiki, tokens.refresh_token ?? '')).rejects.toMatchObject({
      error: 'invalid_grant',
    })
  })
})

const userinfo = async (accessToken: string): Promise<number> =>
  (await fetch(`${world.origin}/oauth2/userinfo`, { headers: { authorization: `Bearer ${accessToken}` } }))
    .status

it('every step leaves an event, without any token in it', async () => {
  const { tokens } = await tokensFor(wiki)
  await expect(client.refreshTokenGrant(wiki, 'nonsense')).rejects.toThrow()
  const { rows } = await world.database.query<{ event_name: string; body: string }>(
    sql`select event_name, body from audit_event order by event_id desc limit 4`,
  )
  expect(rows.map(({ event_name }) => event_name)).toEqual(
    expect.arrayContaining(['CreateToken', 'Authorize']),
  )
  const dump = JSON.stringify(rows)
  expect(dump).toContain(world.alice.arn)
  expect(dump).toContain('invalid_grant')
  for (const token of [tokens.access_token, tokens.id_token, clientSecret]) expect(dump).not.toContain(token)
})

async function browserCookies(browser: CookieBrowser, { origin }: World): Promise<readonly string[]> {
  const echoed: string[] = []
  const original = globalThis.fetch
  globalThis.fetch = async (_url, init) => {
    echoed.push(...(new Headers(init?.headers).get('cookie') ?? '').split('; '))
    return new Response('')
  }
  try {
    await browser.request(`${origin}/`)
  } finally {
    globalThis.fetch = original
  }
  return echoed
}
