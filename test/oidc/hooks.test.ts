import * as client from 'openid-client'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { Failure } from '#kernel'
import { CookieBrowser } from './browser.ts'
import { ask, exchange, relyingParty, signIn, type Tokens, tokensFor } from './relying-party.ts'
import { clientSecret, type Fault, startWorld, type World } from './world.ts'

const secretWords = 'secret internal words'
const thrown = {
  'a plain error': () => new Error(secretWords),
  'an error that says it may be shown': () =>
    Object.assign(new Error(secretWords), { expose: true, status: 403, statusCode: 403 }),
  'a refusal': () => new Failure('unavailable', 'test/away', 'Try again later.', { detail: secretWords }),
}

const fault: Fault = {}
let world: World
let wiki: client.Configuration
let browser: CookieBrowser
let tokens: Tokens

beforeAll(async () => {
  world = await startWorld(fault)
  wiki = await relyingParty(world, 'wiki')
  ;({ browser, tokens } = await tokensFor(wiki))
})
afterEach(() => {
  fault.at = undefined
})
afterAll(() => world.close())

const authorize = async () => browser.request((await ask(wiki)).url)
const token = (form: Record<string, string>) =>
  fetch(`${world.origin}/oauth2/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`wiki:${clientSecret}`).toString('base64')}` },
    body: new URLSearchParams(form),
  })
const userinfo = () =>
  fetch(`${world.origin}/oauth2/userinfo`, { headers: { authorization: `Bearer ${tokens.access_token}` } })

/** Every hook by what it stands on, and the request that reaches it. */
const hooks: readonly (readonly [string, NonNullable<Fault['at']>, () => Promise<Response>])[] = [
  ['the login check', 'assess', authorize],
  ['the session', 'session', authorize],
  ['loadExistingGrant', /oidc_participation/, authorize],
  ['findAccount at authorization', /from users/, authorize],
  ['findAccount at userinfo', /from users/, userinfo],
  ['findSession', /from browser_session where family/, userinfo],
  ['claims', /from user_group/, userinfo],
  ['the adapter’s find', /oidc_artifact/, userinfo],
  ['the adapter’s upsert', /insert into oidc_artifact/, authorize],
  ['the audit log', 'audit', authorize],
  ['the error page', 'page', () => browser.request(`${world.origin}/oauth2/authorize?client_id=nobody`)],
  ['the sign-out page', 'page', () => browser.request(`${world.origin}/oauth2/logout`)],
  ['the device page', 'page', () => browser.request(`${world.origin}/device`)],
  [
    'the start of an interaction',
    'begin',
    async () => {
      const fresh = new CookieBrowser()
      const response = await fresh.request((await ask(wiki)).url)
      return fresh.request(new URL(response.headers.get('location') ?? '', world.origin))
    },
  ],
]

describe.each(Object.entries(thrown))('%s thrown', (_name, make) => {
  it.each(hooks)('in %s never shows what it says', async (_hook, at, request) => {
    fault.at = at
    fault.error = make()
    const response = await request()
    const shown = `${response.headers.get('location') ?? ''} ${await response.text()}`
    expect(decodeURIComponent(shown.replaceAll('+', ' '))).not.toContain(secretWords)
    const refused = response.status >= 400 || /[?&]error=(server_error|temporarily_unavailable)/.test(shown)
    expect(refused, `${response.status} ${shown.slice(0, 300)}`).toBe(true)
    expect(shown).not.toContain('code=')
  })
})

describe('the audit log away', () => {
  it('keeps what was granted from being handed out, and lets a refusal stand', async () => {
    const asked = await ask(wiki)
    const page = await signIn(browser, asked)
    fault.at = 'audit'
    fault.error = new Error(secretWords)
    await expect(exchange(wiki, asked, page.url)).rejects.toMatchObject({ cause: { status: 503 } })
    expect((await token({ grant_type: 'refresh_token', refresh_token: 'nonsense' })).status).toBe(400)
  })
})
