/** Forward-auth as proxies see it: each request of this file is what nginx, Traefik, Caddy or Envoy would ask. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { request } from 'node:http'
import { listEvents } from '#audit'
import { sql } from '#database'
import { findUserByName, updateUser } from '#directory'
import { putInlinePolicy } from '#iam'
import { systemClock } from '#kernel'
import { signHeaders } from '#sigv4'
import { declare } from '../access/world.ts'
import { Browser, textOf } from '../support/browser.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { patiently } from '../support/patience.ts'

const home = '111122223333'
const origin = 'http://wiki.localhost:8443'
const host = 'wiki.localhost:8443'
const env = {
  DORA_PASSWORD: 'violet kettle umbrella',
  DORA_KEY: 'dora-secret-access-key-for-tests-forty00',
}
const text = `
organization: Acme
accounts: [{ name: acme, id: '${home}' }]
groups: [{ name: writers }, { name: staff }]
users:
  - name: dora
    display_name: Dora Dürer
    mail: dora@acme.example
    mail_verified: true
    groups: [writers, staff]
    password: \${DORA_PASSWORD}
    access_keys: [{ id: AKIADORADORADORADORA, secret: "\${DORA_KEY}" }]
    inline_policies:
      wiki:
        Version: '2012-10-17'
        Statement:
          - { Effect: Allow, Action: wiki:Read, Resource: 'arn:aws:wiki::${home}:page/*' }
          - { Effect: Deny, Action: wiki:Read, Resource: 'arn:aws:wiki::${home}:page/secret' }
          - Effect: Allow
            Action: wiki:Publish
            Resource: '*'
            Condition: { Bool: { 'aws:MultiFactorAuthPresent': 'true' } }
          - { Effect: Allow, Action: wiki:File, Resource: 'arn:aws:wiki::${home}:file/a/*' }
  - { name: erik, password: "\${DORA_PASSWORD}" }
apps:
  - name: Wiki
    service_prefix: wiki
    proxy:
      origins: ['${origin}', 'http://other.localhost']
      signed_for: [execute-api]
      rules:
        - { path: '/public/**', access: anyone }
        - { path: '/pages/{name}', methods: [GET, HEAD], action: Read, resource: 'page/{name}' }
        - { path: '/pages/{name}', methods: [POST], action: Publish, resource: 'page/{name}' }
        - { path: '/files/**', action: File, resource: 'file/{rest}' }
        - { path: '/', access: signed-in }
  - name: Closed
    access: policy
    proxy: { origins: ['http://closed.localhost'] }
`

let server: TestServer
beforeAll(async () => {
  server = await startServer()
  await declare(server.database, text, env)
}, 60_000)
afterAll(() => server.close())

type Ask = {
  method?: string
  host?: string
  uri?: string
  headers?: Record<string, string>
  cookies?: Record<string, string>
}
const cookieHeader = (cookies: Record<string, string> = {}): Record<string, string> => {
  const line = Object.entries(cookies)
    .map(([name, value]) => `${name}=${value}`)
    .join('; ')
  return line === '' ? {} : { cookie: line }
}
/** One request, exactly with these headers: `fetch` would add its own `Sec-Fetch-Mode`. */
const send = (path: string, method: string, headers: readonly (readonly [string, string])[]) =>
  new Promise<Response>((resolve, reject) => {
    const { hostname, port } = new URL(server.url)
    const host = headers.some(([name]) => name === 'host') ? [] : [['host', `${hostname}:${port}`]]
    request(
      { hostname, port, method, path, headers: [...host, ...headers].flat(), setHost: false },
      (answer) => {
        const chunks: Buffer[] = []
        answer.on('data', (chunk: Buffer) => chunks.push(chunk))
        answer.on('end', () => {
          const got = new Headers()
          for (let index = 0; index < answer.rawHeaders.length; index += 2)
            got.append(answer.rawHeaders[index] ?? '', answer.rawHeaders[index + 1] ?? '')
          resolve(new Response(Buffer.concat(chunks), { status: answer.statusCode ?? 0, headers: got }))
        })
      },
    )
      .on('error', reject)
      .end()
  })
/** What a proxy asks: nginx writes `X-Original-…`, Traefik and Caddy `X-Forwarded-…`. */
const ask = (
  dialect: 'nginx' | 'traefik' | 'caddy',
  { method = 'GET', host: at = host, uri = '/', headers, cookies }: Ask,
) =>
  send(
    `/forward-auth/${dialect}`,
    'GET',
    Object.entries({
      accept: 'text/html',
      ...(dialect === 'nginx'
        ? { 'x-original-method': method, 'x-original-host': at, 'x-original-uri': uri }
        : { 'x-forwarded-method': method, 'x-forwarded-host': at, 'x-forwarded-uri': uri }),
      ...cookieHeader(cookies),
      ...headers,
    }),
  )
const takeCookies = (answer: Response, cookies: Record<string, string>) => {
  for (const line of answer.headers.getSetCookie()) {
    const [pair = ''] = line.split(';')
    const name = pair.slice(0, pair.indexOf('='))
    if (/max-age=0/i.test(line)) delete cookies[name]
    else cookies[name] = pair.slice(pair.indexOf('=') + 1)
  }
}

/** A browser that goes to a page of the app, signs in, and is back. @returns its cookies at the app's host */
async function enter(
  browser: Browser,
  given: { uri?: string; user?: string; cookies?: Record<string, string> } = {},
): Promise<Record<string, string>> {
  const { uri = '/', user = 'dora', cookies = {} } = given
  const first = await ask('caddy', { uri, cookies })
  expect(first.status).toBe(302)
  takeCookies(first, cookies)
  let page = await browser.request(first.headers.get('location') ?? '', { follow: false })
  for (let step = 0; step < 10; step++) {
    const next = page.headers.get('location') ?? Browser.onward(page)
    if (next?.startsWith(`${origin}/`)) {
      const { pathname, search } = new URL(next)
      const back = await ask('caddy', { uri: `${pathname}${search}`, cookies })
      takeCookies(back, cookies)
      expect(back.headers.get('location')).toBe(`${origin}${uri}`)
      return cookies
    }
    if (next !== undefined && next !== null)
      page = await browser.request(new URL(next, server.url).href, { follow: false })
    else if (page.html.includes('name="identifier"') || page.html.includes('name="password"'))
      page = await browser.submit(
        page,
        page.html.includes('name="password"')
          ? {
              ...(page.html.includes('name="identifier"') ? { identifier: user } : {}),
              password: env.DORA_PASSWORD,
            }
          : { identifier: user },
        { follow: false },
      )
    else throw new Error(`stuck at ${page.url}: ${textOf(page)}`)
  }
  throw new Error('too many steps')
}

describe('a browser without a session', () => {
  it('is sent to sign in, comes back to where it was, and the app hears who it is', async () => {
    const cookies = await enter(new Browser(), { uri: '/pages/home?a=1&b=%20' })
    const answer = await ask('caddy', { uri: '/pages/home', cookies })
    expect(answer.status).toBe(200)
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'remote-user': 'dora',
      'remote-name': 'Dora D%C3%BCrer',
      'remote-email': 'dora@acme.example',
      'remote-groups': 'staff,writers',
      'x-signet-arn': `arn:aws:iam::${home}:user/dora`,
      'x-signet-acr': 'urn:signet:aal:1',
    })
    // nginx asks in other words and hears the same.
    const nginx = await ask('nginx', { uri: '/pages/home', cookies })
    expect([nginx.status, nginx.headers.get('remote-user')]).toEqual([200, 'dora'])
  })

  it('has a cookie of the host alone, and none when only a program asks', async () => {
    const page = await ask('traefik', {})
    expect(page.status).toBe(302)
    for (const line of page.headers.getSetCookie()) {
      expect(line).toMatch(/; HttpOnly; SameSite=Lax/)
      expect(line).not.toMatch(/domain=/i)
    }
    for (const headers of [{ accept: 'application/json' }, { 'sec-fetch-mode': 'cors' }]) {
      const program = await ask('traefik', { headers })
      expect([program.status, program.headers.getSetCookie(), program.headers.get('location')]).toEqual([
        401,
        [],
        null,
      ])
    }
    expect((await ask('traefik', { method: 'POST' })).status).toBe(401)
  })

  it('nginx gets 401 and the place in a header, since it passes on no redirect', async () => {
    const answer = await ask('nginx', { uri: '/pages/home?x=1' })
    expect([answer.status, answer.headers.get('location')]).toEqual([401, null])
    const place = new URL(answer.headers.get('x-signet-location') ?? '')
    expect([place.origin, place.searchParams.get('to')]).toEqual([server.url, `${origin}/pages/home?x=1`])
  })

  it('a second app of the same browser asks for nothing', async () => {
    const browser = new Browser()
    await enter(browser)
    const answer = await ask('caddy', { host: 'other.localhost' })
    const page = await browser.request(answer.headers.get('location') ?? '', { follow: false })
    expect(page.headers.get('location')).toMatch(/^http:\/\/other\.localhost\/\.signet\/callback\?code=/)
  })
})

describe('rules', () => {
  let cookies: Record<string, string>
  beforeAll(async () => {
    cookies = await enter(new Browser())
  })
  const status = async (uri: string, method = 'GET', more: Ask = {}) =>
    (await ask('traefik', { uri, method, cookies, ...more })).status

  it('turn path and method into action and resource, which the policies decide', async () => {
    expect(await status('/pages/home')).toBe(200)
    expect(await status('/pages/secret')).toBe(403)
    expect(await status('/pages/secret?x=/pages/home')).toBe(403)
    expect(await status('/files/a/b/c.txt')).toBe(200)
    expect(await status('/files/b')).toBe(403)
    expect(await status('/')).toBe(200)
    // No rule: refused. HEAD is as GET where the rule says so.
    expect(await status('/elsewhere')).toBe(403)
    expect(await status('/pages/home', 'HEAD')).toBe(200)
    expect(await status('/pages/home', 'DELETE')).toBe(403)
  })

  it('let anyone in where they say so, and still tell who it is', async () => {
    const anyone = await ask('traefik', { uri: '/public/logo.png' })
    expect([anyone.status, anyone.headers.get('remote-user')]).toEqual([200, ''])
    const known = await ask('traefik', { uri: '/public/logo.png', cookies })
    expect(known.headers.get('remote-user')).toBe('dora')
  })

  it('are not got round by an address that can be read in two ways', async () => {
    for (const uri of [
      '/public/../pages/secret',
      '/public/%2e%2e/pages/secret',
      '/public/%252e%252e/pages/secret',
      '/public/..;/pages/secret',
      '/public/.%2e/pages/secret',
      '/public//../pages/secret',
      '//pages/secret',
      '/public/..\\pages/secret',
      '/public/%5c..%5cpages/secret',
      '/public%2fpages%2fsecret',
      '/files/a/%2e%2e%2fb',
      '/public/%00',
      '/public/%zz',
      '/pages/./secret',
      '/pages/secret;x=1',
      '/pages/secret#x',
      '/pages/s\u00c3\u00a9cret',
    ]) {
      const answer = await ask('traefik', { uri, cookies })
      expect([uri, answer.status]).toEqual([uri, 400])
      expect((await ask('nginx', { uri, cookies })).status).toBe(403)
    }
    // What is only encoded needlessly is the page that it names.
    expect(await status('/pages/%73ecret')).toBe(403)
    expect(await status('/pages/h%6fme')).toBe(200)
    expect(await status('/pages/*')).toBe(200)
  })

  it('send a browser to show a second factor when that is all that is missing', async () => {
    const answer = await ask('traefik', { uri: '/pages/home', method: 'POST', cookies })
    expect(answer.status).toBe(401)
    expect(await answer.text()).toContain('second factor')
  })

  it('are decided anew each time: a policy that changes counts at the next request', async () => {
    const erik = await findUserByName(server.database, home, 'erik')
    const his = await enter(new Browser(), { user: 'erik' })
    expect(await status('/pages/home', 'GET', { cookies: his })).toBe(403)
    await server.database.transaction((tx) =>
      putInlinePolicy(
        tx,
        erik?.userId ?? '',
        'read',
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"wiki:Read","Resource":"*"}]}',
      ),
    )
    expect(await status('/pages/home', 'GET', { cookies: his })).toBe(200)
    await server.database.transaction((tx) => updateUser(tx, erik?.userId ?? '', { status: 'disabled' }))
    expect(await status('/pages/home', 'GET', { cookies: his })).toBe(302)
  })

  it('an app that only a policy opens refuses before its rules are read', async () => {
    const browser = new Browser()
    await enter(browser)
    const answer = await ask('caddy', { host: 'closed.localhost' })
    const page = await browser.request(answer.headers.get('location') ?? '', { follow: false })
    expect(page.status).toBe(403)
  })

  it('decisions and refusals are in the audit log', async () => {
    await ask('traefik', { uri: '/pages/secret', cookies })
    // Written down within a moment of the answer.
    await vi.waitFor(async () => {
      const events = (await listEvents(server.database, { limit: 10_000 })).map(
        ({ body }) =>
          JSON.parse(body) as { eventName: string; requestParameters: object; responseElements: object },
      )
      expect(events.filter(({ eventName }) => eventName === 'AuthorizeProxied').at(-1)).toMatchObject({
        requestParameters: { action: 'wiki:Read', resource: `arn:aws:wiki::${home}:page/secret` },
        responseElements: { decision: 'Deny' },
      })
      expect(events.some(({ eventName }) => eventName === 'RefuseProxied')).toBe(true)
    }, patiently)
  })
})

describe('refuses', () => {
  it('identity that the client wrote itself: every identity header is in every answer', async () => {
    const forged = { 'remote-user': 'admin', 'x-signet-arn': 'arn:aws:iam::1:root' }
    const answer = await ask('caddy', { uri: '/public/x', headers: forged })
    expect([answer.headers.get('remote-user'), answer.headers.get('x-signet-arn')]).toEqual(['', ''])
  })

  it('a host that no app has, an app’s session at another host, and two cookies of one name', async () => {
    const cookies = await enter(new Browser())
    expect((await ask('caddy', { host: 'evil.example', cookies })).status).toBe(403)
    expect((await ask('caddy', { host: 'other.localhost', cookies })).status).toBe(302)
    const id = cookies['signet-site'] ?? ''
    const twice = await ask('caddy', { headers: { cookie: `signet-site=${id}; signet-site=${id}` } })
    expect(twice.status).toBe(302)
  })

  it('a code that is used twice, belongs to another browser, or to another host', async () => {
    const browser = new Browser()
    await enter(browser)
    const cookies: Record<string, string> = {}
    const first = await ask('caddy', { cookies })
    takeCookies(first, cookies)
    const link = first.headers.get('location') ?? ''
    const codeFor = async () => {
      const { headers } = await browser.request(link, { follow: false })
      const { pathname, search } = new URL(headers.get('location') ?? '')
      return `${pathname}${search}`
    }
    const getsIn = async (uri: string, jar: Record<string, string>, at = host) => {
      const answer = await ask('caddy', { uri, cookies: jar, host: at })
      return answer.headers.getSetCookie().some((line) => line.startsWith('signet-site='))
    }
    // Somebody else's link in a victim's browser: it does not hold the flow cookie.
    expect(await getsIn(await codeFor(), {})).toBe(false)
    expect(await getsIn(await codeFor(), { 'signet-flow': 'a'.repeat(43) })).toBe(false)
    expect(await getsIn(await codeFor(), cookies, 'other.localhost')).toBe(false)
    const code = await codeFor()
    expect(await getsIn(code, cookies)).toBe(true)
    expect(await getsIn(code, cookies)).toBe(false)
    await server.database.query(sql`update proxy_code set expires_at = now() - interval '1 second'`)
    const late = await codeFor()
    await server.database.query(sql`update proxy_code set expires_at = now() - interval '1 second'`)
    expect(await getsIn(late, cookies)).toBe(false)
  })

  it('to lead anywhere but to a registered origin', async () => {
    const browser = new Browser()
    const flow = Buffer.alloc(32).toString('base64url')
    for (const to of [
      'https://evil.example/',
      'https://wiki.localhost:8443/',
      'http://wiki.localhost:8443@evil.example/',
      'http://user:pass@wiki.localhost:8443/',
      '//wiki.localhost:8443/',
      'javascript:alert(1)',
      '',
    ]) {
      const page = await browser.request(
        `${server.url}/forward-auth/start?to=${encodeURIComponent(to)}&flow=${flow}`,
        { follow: false },
      )
      expect([to, page.status]).toEqual([to, 400])
    }
    const cookies = await enter(browser)
    for (const to of ['//evil.example', '/\\evil.example', 'https://evil.example/']) {
      const answer = await ask('caddy', {
        uri: `/.signet/callback?code=x&to=${encodeURIComponent(to)}`,
        cookies,
      })
      expect(answer.headers.get('location')).toBe(`${origin}/`)
    }
  })

  it('what a proxy does not say exactly once', async () => {
    const answer = await fetch(`${server.url}/forward-auth/caddy`, { headers: { accept: 'text/html' } })
    expect(answer.status).toBe(403)
    const twice = await send('/forward-auth/caddy', 'GET', [
      ['x-forwarded-method', 'GET'],
      ['x-forwarded-host', host],
      ['x-forwarded-uri', '/public/a'],
      ['x-forwarded-uri', '/pages/secret'],
    ])
    expect(twice.status).toBe(403)
    expect((await fetch(`${server.url}/forward-auth/unknown`)).status).toBe(404)
  })
})

describe('sign-out and revocation', () => {
  it('end the session at the app’s host at once', async () => {
    const browser = new Browser()
    const cookies = await enter(browser)
    expect((await ask('caddy', { cookies })).status).toBe(200)
    const leave = await ask('caddy', { uri: '/.signet/signout', cookies })
    const page = await browser.open(leave.headers.get('location') ?? '')
    await browser.submit(page)
    expect((await ask('caddy', { cookies })).status).toBe(302)
  })
})

describe('a program with credentials', () => {
  const signed = (uri: string, method = 'GET', service = 'wiki') =>
    Object.fromEntries(
      signHeaders(
        { method, rawUrl: uri, headers: [['host', host]], body: Buffer.alloc(0) },
        { accessKeyId: 'AKIADORADORADORADORA', secretAccessKey: env.DORA_KEY },
        { at: systemClock(), region: 'us-east-1', service },
      ).filter(([name]) => name !== 'host'),
    )

  it('signs the request itself (SigV4), which is decided for who signed', async () => {
    const answer = await ask('traefik', { uri: '/pages/home?x=1', headers: signed('/pages/home?x=1') })
    expect([answer.status, answer.headers.get('remote-user')]).toEqual([200, 'dora'])
    const denied = await ask('traefik', { uri: '/pages/secret', headers: signed('/pages/secret') })
    expect(denied.status).toBe(403)
  })

  it('may sign for a service that the app names, and the policies decide as ever', async () => {
    const status = async (uri: string) =>
      (await ask('traefik', { uri, headers: signed(uri, 'GET', 'execute-api') })).status
    expect([await status('/pages/home'), await status('/pages/secret')]).toEqual([200, 403])
  })

  it('with a signature for another path, method, host or service it is nobody', async () => {
    for (const asked of [
      { uri: '/pages/other', headers: signed('/pages/home') },
      { uri: '/pages/home', method: 'HEAD', headers: signed('/pages/home') },
      { uri: '/pages/home', host: 'other.localhost', headers: signed('/pages/home') },
      { uri: '/pages/home', headers: signed('/pages/home', 'GET', 's3') },
    ])
      expect((await ask('traefik', asked)).status).toBe(401)
  })

  it('a bearer token that is none is refused, not taken for nobody', async () => {
    expect((await ask('traefik', { headers: { authorization: 'Bearer nonsense' } })).status).toBe(401)
  })
})

describe('Envoy', () => {
  it('asks with the request’s own method, host and path below a prefix', async () => {
    const call = async (path: string, method = 'GET', headers: Record<string, string> = {}) =>
      (
        await send(
          `/forward-auth/envoy${path}`,
          method,
          Object.entries({ host, accept: 'text/html', ...headers }),
        )
      ).status
    expect(await call('/public/a')).toBe(200)
    expect(await call('/pages/home')).toBe(302)
    expect(await call('/pages/home', 'POST')).toBe(401)
    expect(await call('/public/a', 'GET', { host: 'evil.example' })).toBe(403)
    const cookies = await enter(new Browser())
    expect(await call('/pages/home', 'GET', cookieHeader(cookies))).toBe(200)
    expect(await call('/pages/secret', 'GET', cookieHeader(cookies))).toBe(403)
  })
})
