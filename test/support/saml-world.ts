import Koa from 'koa'
import { putApp, putServiceProvider, serviceProviderSettings } from '#apps'
import type { App, NewApp } from '#apps'
import { createAudit, listEvents } from '#audit'
import { equal } from '#crypto'
import { createUser, findUserById } from '#directory'
import type { NewUser, User } from '#directory'
import {
  cookieJar,
  formGuard,
  listen,
  openPages,
  requestEdge,
  Router,
  securityHeaders,
  trustedProxies,
} from '#http'
import type { Context, FormGuard } from '#http'
import type { Clock } from '#kernel'
import { openKeys } from '#keys'
import type { Keys } from '#keys'
import { createSamlIdp, launchPurpose, samlUrls } from '#saml'
import type { SamlIdp, SamlRequirement } from '#saml'
import { createSessions, openEpochs, sessionSettings, signedIn } from '#sessions'
import type { Factor, Sessions } from '#sessions'
import type { Database } from '#database'
import { testDatabase } from './database.ts'
import { claim, fixedClock, home, testVault } from './fixtures.ts'

const silent = { info() {}, warn() {}, error() {}, child: () => silent }

/** How the next sign-in page answers: as a user with these proofs, or not at all. */
export type NextSignIn =
  { readonly user: User; readonly factors: readonly Factor[] } | { readonly refuse: 'denied' | 'cancelled' }

/**
 * The SAML identity provider over a real database, real sessions and real HTTP. In signin's place stands a page that
 * signs in whoever the test says, over the contract that signin has.
 */
export async function samlWorld(
  clock: Clock = fixedClock(),
  place: { readonly publicUrl: string; readonly port: number } = {
    publicUrl: 'https://signet.example/',
    port: 0,
  },
): Promise<SamlWorld> {
  const database = await testDatabase()
  await claim(database, clock)
  const publicUrl = new URL(place.publicUrl)
  const jar = cookieJar(publicUrl)
  const epochs = await openEpochs({ database })
  const sessions = createSessions({ database, clock, jar, epochs, settings: sessionSettings.parse({}) })
  const guard: FormGuard = formGuard({ jar, publicUrl, mac: testVault.mac, equal })
  const pages = openPages({ viewsDir: new URL('../../views/', import.meta.url).pathname })
  const keys = await openKeys({ database, vault: testVault, clock, publicUrl })
  const audit = createAudit({ database, clock })
  const state: { next: NextSignIn | undefined; begun: SamlRequirement[]; denied: Set<string> } = {
    next: undefined,
    begun: [],
    denied: new Set(),
  }
  const saml: SamlIdp = createSamlIdp({
    database,
    clock,
    publicUrl,
    keys,
    audit,
    sessions,
    jar,
    guard,
    pages,
    tellOthers: () => Promise.resolve([]),
    signIn: {
      async assess(ctx, requirement) {
        const session = await sessions.current(ctx)
        const user = session && (await findUserById(database, session.userId))
        if (!session || !user) return { state: 'interact' }
        if (state.denied.has(user.userId)) return { state: 'denied', reason: 'not assigned' }
        const proofs = signedIn(session)
        if (requirement.requireMfa && proofs.mfaAt === undefined) return { state: 'interact' }
        const { forceSince } = requirement
        if (forceSince && Temporal.Instant.compare(proofs.authTime, forceSince) < 0)
          return { state: 'interact' }
        return { state: 'satisfied', user, session }
      },
      begin(_, { reference, requirement }) {
        state.begun.push(requirement)
        return Promise.resolve(`/sign-in/${reference}`)
      },
    },
  })

  const router = new Router()
  router.get('/sign-in/:reference', async (ctx: Context & { params: Record<string, string> }) => {
    const reference = ctx.params['reference'] ?? ''
    const { next } = state
    if (!next) throw new Error('nobody was to sign in')
    if ('refuse' in next) ctx.redirect(await saml.resume(reference, { state: next.refuse, reason: 'test' }))
    else {
      const proofs = next.factors.map((factor) => ({ factor, at: clock() }))
      await database.transaction((tx) => sessions.begin(tx, ctx, next.user, proofs))
      ctx.redirect(await saml.resume(reference, { state: 'signed-in' }))
    }
  })
  router.get('/launch-token/:app', (ctx) => {
    ctx.body = guard.token(ctx, launchPurpose(ctx.params['app'] ?? ''))
  })
  const app = new Koa()
  app.use(requestEdge({ clock, log: silent, proxies: trustedProxies(''), publicUrl }))
  app.use(securityHeaders(publicUrl))
  app.use(saml.router.routes())
  app.use(router.routes())
  const handler = app.callback()
  const server = await listen((request, response) => void handler(request, response), {
    host: '127.0.0.1',
    port: place.port,
  })

  return {
    database,
    clock,
    keys,
    sessions,
    state,
    urls: samlUrls(publicUrl),
    browser: () => testBrowser(`http://127.0.0.1:${server.port}`),
    user: (user) => database.transaction((tx) => createUser(tx, clock, { accountId: home, ...user })),
    async app(entityId, settings, more = {}) {
      return database.transaction(async (tx) => {
        const made = await putApp(tx, clock, {
          accountId: home,
          kind: 'saml',
          name: entityId.replaceAll(/\W+/g, '-'),
          ...more,
        })
        await putServiceProvider(tx, clock, {
          entityId,
          appId: made.appId,
          settings: serviceProviderSettings.parse(settings),
        })
        return made
      })
    },
    events: async () =>
      (await listEvents(database)).map(({ body }) => JSON.parse(body) as Record<string, unknown>),
    async close() {
      await server.drain(1)
      await epochs.close()
      await database.close()
    },
  }
}

/** What a test holds of it. */
export type SamlWorld = {
  readonly database: Database
  readonly clock: Clock
  readonly keys: Keys
  readonly sessions: Sessions
  readonly state: { next: NextSignIn | undefined; begun: SamlRequirement[]; readonly denied: Set<string> }
  readonly urls: { readonly sso: string; readonly slo: string; readonly entityId: string }
  readonly browser: () => TestBrowser
  readonly user: (user: Partial<NewUser> & { name: string }) => Promise<User>
  readonly app: (entityId: string, settings: object, more?: Partial<NewApp>) => Promise<App>
  readonly events: () => Promise<readonly Record<string, unknown>[]>
  readonly close: () => Promise<void>
}

/** What a test does with a browser. */
export type TestBrowser = {
  readonly get: (path: string) => Promise<Response>
  /** The same without following redirects. */
  readonly stop: (path: string) => Promise<Response>
  /** A cross-site form post: Lax cookies stay at home. */
  readonly post: (path: string, body: string, headers?: Record<string, string>) => Promise<Response>
  readonly ownPost: (path: string, body: string) => Promise<Response>
}

/** A browser without script: keeps cookies, follows redirects on the server, reads the form of a page. */
function testBrowser(origin: string): TestBrowser {
  const cookies = new Map<string, string>()
  const go = async (
    path: string,
    init: RequestInit & { withoutCookies?: boolean; stop?: boolean } = {},
  ): Promise<Response> => {
    const headers = new Headers(init.headers)
    if (cookies.size > 0 && !init.withoutCookies)
      headers.set('cookie', [...cookies].map(([name, value]) => `${name}=${value}`).join('; '))
    const response = await fetch(new URL(path, origin), { ...init, headers, redirect: 'manual' })
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (value === '') cookies.delete(name)
      else cookies.set(name, value)
    }
    const location = response.headers.get('location')
    if (location === null || !location.startsWith('/') || init.stop) return response
    await response.body?.cancel()
    return go(location)
  }
  return {
    get: (path) => go(path),
    stop: (path) => go(path, { stop: true }),
    post: (path, body, headers = {}) =>
      go(path, {
        method: 'POST',
        body,
        withoutCookies: true,
        headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      }),
    ownPost: (path, body) =>
      go(path, { method: 'POST', body, headers: { 'content-type': 'application/x-www-form-urlencoded' } }),
  }
}

const plain = (text: string): string =>
  text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&')

/** The form of a page that posts a message: where to, and its fields. */
export async function postedForm(
  response: Response,
): Promise<{ action: string; fields: Record<string, string>; xml: string }> {
  const html = await response.text()
  const action = /<form method="post" action="([^"]*)"/.exec(html)?.[1]
  if (action === undefined)
    throw new Error(`no form: ${response.status} ${html.replaceAll(/<[^>]*>|\s+/g, ' ').slice(0, 300)}`)
  const fields = Object.fromEntries(
    [...html.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)].map(
      ([, name = '', value = '']) => [name, plain(value)],
    ),
  )
  return {
    action: plain(action),
    fields,
    xml: Buffer.from(fields['SAMLResponse'] ?? '', 'base64').toString(),
  }
}

/** The code on a refusal page. */
export async function refusalOf(response: Response): Promise<string> {
  return `${response.status} ${/\((saml\/[\w-]+|http\/[\w-]+)\)/.exec(await response.text())?.[1] ?? 'no code'}`
}
