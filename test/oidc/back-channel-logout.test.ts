import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { putApp, putOidcClient, putServiceProvider, serviceProviderSettings } from '#apps'
import { listEvents } from '#audit'
import { Secret, systemClock } from '#kernel'
import { acme, seedAcme } from '../support/acme.ts'
import { Browser, formsOf, type Page, textOf } from '../support/browser.ts'
import { home } from '../support/fixtures.ts'
import { authnRequest, logoutRequest, redirectQuery, testSp } from '../support/saml-sp.ts'
import { startServer, type TestServer } from '../support/server.ts'

const sp = testSp('https://docs.example.com/saml')
const secret = 'a-client-secret-of-forty-three-characters-xx'
const redirectUri = 'http://localhost:9/callback'
/** What arrived at the apps: path and logout token. */
const heard: { path: string; type: string | undefined; token: string }[] = []
let receiver: Server
let server: TestServer

beforeAll(async () => {
  receiver = createServer((request, response) => {
    const { url: path = '', headers } = request
    void Array.fromAsync(request).then((chunks: Buffer[]) => {
      const token = new URLSearchParams(Buffer.concat(chunks).toString()).get('logout_token') ?? ''
      heard.push({ path, type: headers['content-type'], token })
      response.writeHead(path === '/broken' ? 500 : 200).end()
    })
  })
  receiver.listen(0, '127.0.0.1')
  await new Promise((resolve) => receiver.once('listening', resolve))
  const host = `127.0.0.1:${(receiver.address() as AddressInfo).port}`
  server = await startServer({ env: { SIGNET_OIDC__ALLOWED_HOSTS: JSON.stringify([host]) } })
  await seedAcme(server.database)
  const add = (name: string, logoutUri: string | undefined) =>
    server.database.transaction(async (tx) => {
      const { appId } = await putApp(tx, systemClock, { accountId: home, kind: 'oidc', name })
      await putOidcClient(tx, systemClock, {
        clientId: name.toLowerCase(),
        appId,
        secret: new Secret(secret),
        pkceOptional: true,
        metadata: {
          redirect_uris: [redirectUri],
          ...(logoutUri === undefined
            ? {}
            : { backchannel_logout_uri: logoutUri, backchannel_logout_session_required: true }),
        },
      })
    })
  await add('Chat', `http://${host}/chat`)
  await add('Board', `http://${host}/board`)
  await add('Broken', `http://${host}/broken`)
  await add('Deaf', undefined)
  // The receiver's port under another name: not on the list, so nothing is sent there.
  await add('Inner', `http://localhost:${host.split(':')[1]}/inner`)
  await server.database.transaction(async (tx) => {
    const { appId } = await putApp(tx, systemClock, { accountId: home, kind: 'saml', name: 'Docs' })
    await putServiceProvider(tx, systemClock, {
      entityId: sp.entityId,
      appId,
      settings: serviceProviderSettings.parse({
        acs: [{ url: 'https://docs.example.com/acs' }],
        slo: [{ url: 'https://docs.example.com/slo', binding: 'post' }],
        signingCertificates: [sp.pem],
      }),
    })
  })
})
beforeEach(() => void heard.splice(0))
afterAll(async () => {
  await server.close()
  receiver.close()
})

/** Opens an app, signing in where that is asked. @returns the ID token */
async function open(browser: Browser, clientId: string): Promise<string> {
  const query = new URLSearchParams({
    client_id: clientId,
    response_type: 'code',
    scope: 'openid',
    redirect_uri: redirectUri,
  })
  let page = await walk(browser, `${server.url}/oauth2/authorize?${query}`)
  if (typeof page !== 'string') page = await signIn(browser, page)
  const answer = await fetch(`${server.url}/oauth2/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      code: new URL(page).searchParams.get('code') ?? '',
      redirect_uri: redirectUri,
      client_id: clientId,
      client_secret: secret,
    }),
  })
  return ((await answer.json()) as { id_token: string }).id_token
}

async function signIn(browser: Browser, page: Page): Promise<string> {
  const password = await browser.submit(page, { identifier: 'alice' })
  const go = await browser.submit(password, { password: acme.password })
  const end = await walk(browser, Browser.onward(go) ?? go.url)
  if (typeof end !== 'string') throw new Error(textOf(end))
  return end
}

/** Follows redirects up to the app's border. */
async function walk(browser: Browser, url: string): Promise<Page | string> {
  const page = await browser.request(url, { follow: false })
  const next = page.headers.get('location') ?? Browser.onward(page)
  if (next === undefined || next === null) return page
  const target = new URL(next, url).href
  return target.startsWith(server.url) ? walk(browser, target) : target
}

const verified = async (token: string, audience: string) =>
  jwtVerify(token, createRemoteJWKSet(new URL(`${server.url}/.well-known/jwks.json`)), {
    issuer: server.url,
    audience,
    typ: 'logout+jwt',
    requiredClaims: ['iat', 'exp', 'jti', 'sub', 'sid'],
  })

it('is offered by discovery', async () => {
  const answer = await fetch(`${server.url}/.well-known/openid-configuration`)
  expect(await answer.json()).toMatchObject({
    backchannel_logout_supported: true,
    backchannel_logout_session_supported: true,
  })
})

it('tells every app of the session by a logout token that says which one, and the person which apps heard it', async () => {
  const browser = new Browser()
  const chat = decodeJwt(await open(browser, 'chat'))
  for (const clientId of ['board', 'broken', 'deaf', 'inner']) await open(browser, clientId)
  await open(new Browser(), 'chat')
  const page = await browser.submit(await browser.open(`${server.url}/signout`))
  expect(heard.map(({ path }) => path).toSorted()).toEqual(['/board', '/broken', '/chat'])
  const token = heard.find(({ path }) => path === '/chat')
  expect(token?.type).toMatch(/^application\/x-www-form-urlencoded/)
  const { payload } = await verified(token?.token ?? '', 'chat')
  expect(payload).toMatchObject({
    sub: chat.sub,
    sid: chat['sid'],
    events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
  })
  expect(payload).not.toHaveProperty('nonce')
  expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBeLessThanOrEqual(120)
  expect(textOf(page)).toMatch(/Board Chat .*Broken Deaf Inner/)
  const events = (await listEvents(server.database, { name: 'SendLogoutToken' })).map(({ body }) => body)
  expect(events.filter((body) => body.includes('oidc/logout-not-told')).length).toBe(2)
  expect(events.length).toBe(4)
})

it('is sent when an app signs the person out', async () => {
  const browser = new Browser()
  const hint = await open(browser, 'board')
  await open(browser, 'chat')
  const page = await browser.open(`${server.url}/oauth2/logout?id_token_hint=${hint}`)
  await browser.submit(page, { logout: 'yes' }, { form: ({ fields }) => 'xsrf' in fields })
  expect(heard.map(({ path }) => path).toSorted()).toEqual(['/board', '/chat'])
})

it('is sent when a SAML app signs the person out, which hears PartialLogout where somebody did not', async () => {
  for (const [clientId, partial] of [
    ['chat', false],
    ['deaf', true],
  ] as const) {
    const browser = new Browser()
    await open(browser, clientId)
    const request = authnRequest(sp, { now: systemClock() })
    const answer = samlOf(await browser.open(`${server.url}/saml/sso?${redirectQuery(request)}`))
    const [, format = '', nameId = ''] = /<saml:NameID Format="([^"]*)"[^>]*>([^<]*)</.exec(answer) ?? []
    const logout = logoutRequest(sp, {
      now: systemClock(),
      destination: `${server.url}/saml/slo`,
      nameId,
      format,
    })
    const end = samlOf(
      await browser.open(`${server.url}/saml/slo?${redirectQuery(logout, { key: sp.privateKey })}`),
    )
    expect(end.includes('status:PartialLogout')).toBe(partial)
  }
  expect(heard.map(({ path }) => path)).toEqual(['/chat'])
})

const samlOf = (page: Page): string =>
  Buffer.from(
    formsOf(page).find(({ fields }) => 'SAMLResponse' in fields)?.fields['SAMLResponse'] ?? '',
    'base64',
  ).toString()
