import type { AddressInfo } from 'node:net'
import { createServer } from 'node:http'
import Koa from 'koa'
import { putApp, putOidcClient } from '#apps'
import { createAudit } from '#audit'
import { equal } from '#crypto'
import { type Database, sql } from '#database'
import { createUser, updateUser, type User } from '#directory'
import {
  answering,
  cookieJar,
  formGuard,
  htmlWire,
  languageOf,
  notFound,
  openPages,
  requestEdge,
  securityHeaders,
  sendPage,
  trustedProxies,
} from '#http'
import { Secret, systemClock, uuid } from '#kernel'
import { openKeys } from '#keys'
import { createOidc, type Oidc, type OidcNeeds, oidcSettings } from '#oidc'
import type { Requirement } from '#signin'
import { createSessions, type Factor, openEpochs, sessionSettings, signedIn } from '#sessions'
import { testDatabase } from '../support/database.ts'
import { claim, home, testVault } from '../support/fixtures.ts'

/** An OpenID provider on loopback, with real records under it and a sign-in page that only asks who one is. */
export type World = {
  readonly origin: string
  readonly database: Database
  readonly oidc: Oidc
  readonly needs: OidcNeeds
  readonly alice: User
  readonly bob: User
  readonly logged: string[]
  /** User names that the app's rules refuse. */
  readonly refused: Set<string>
  /** How often the sign-in page was shown. */
  readonly shown: { count: number }
  close(): Promise<void>
}

export const clientSecret = 'a-client-secret-that-is-random-and-long'

/** Something under the provider that throws while it is set. */
export type Fault = {
  at?: 'assess' | 'session' | 'audit' | 'page' | 'begin' | RegExp | undefined
  error?: unknown
}

export async function startWorld(fault: Fault = {}): Promise<World> {
  const opened = await testDatabase()
  const failing = (at: Fault['at']) => {
    if (fault.at !== undefined && fault.at === at) throw fault.error
  }
  const database: Database = {
    ...opened,
    query: async (statement) => {
      if (fault.at instanceof RegExp && fault.at.test(statement.chunks.join('?'))) throw fault.error
      return opened.query(statement)
    },
  }
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const publicUrl = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  const clock = systemClock
  await claim(database, clock)
  const { alice, bob } = await people(database)
  await apps(database)

  const vault = testVault
  const jar = cookieJar(publicUrl)
  const guard = formGuard({ jar, publicUrl, mac: vault.mac, equal })
  const pages = openPages({ viewsDir: new URL('../../views/', import.meta.url).pathname })
  const epochs = await openEpochs({ database })
  const sessions = createSessions({ database, clock, jar, epochs, settings: sessionSettings.parse({}) })
  const logged: string[] = []
  const log = {
    info: (fields: object, message: string) => void logged.push(`${message} ${JSON.stringify(fields)}`),
    warn: (fields: object, message: string) => void logged.push(`${message} ${JSON.stringify(fields)}`),
    error: (fields: object, message: string) =>
      void logged.push(
        `${message} ${JSON.stringify(fields, (_, value: unknown) => (value instanceof Error ? value.stack : value))}`,
      ),
    child: () => log,
  }
  const audit = createAudit({ database, clock })
  const refused = new Set<string>()
  const shown = { count: 0 }
  const pending = new Map<string, { reference: string; requirement: Requirement }>()

  const assess: OidcNeeds['assess'] = async ({ session, requirement }) => {
    failing('assess')
    if (session === undefined) return { state: 'interact' }
    const { authTime, mfaAt } = signedIn(session)
    const { maxAgeSeconds, forceSince } = requirement
    if (maxAgeSeconds !== undefined && authTime.until(clock()).total('seconds') > maxAgeSeconds)
      return { state: 'interact' }
    if (forceSince !== undefined && Temporal.Instant.compare(authTime, forceSince) <= 0)
      return { state: 'interact' }
    if (requirement.requireMfa && mfaAt === undefined) return { state: 'interact' }
    const user = session.userId === alice.userId ? alice : bob
    if (refused.has(user.name)) return { state: 'denied', reason: 'No policy allows it.' }
    return { state: 'satisfied', user, session }
  }
  const needs: OidcNeeds = {
    database,
    vault,
    clock,
    audit: {
      ...audit,
      recordSoon: async (entry) => {
        failing('audit')
        return audit.recordSoon(entry)
      },
    },
    keys: await openKeys({ database, vault, clock, publicUrl }),
    sessions: {
      ...sessions,
      current: async (ctx) => {
        failing('session')
        return sessions.current(ctx)
      },
    },
    epochs,
    publicUrl,
    settings: oidcSettings.parse({}),
    guard,
    show(ctx, name, props, status = 200) {
      failing('page')
      ctx.status = status
      sendPage(ctx, pages.render(name, props, { language: languageOf(ctx, pages.messages), theme: 'system' }))
    },
    wire: htmlWire(pages),
    assess,
    async begin({ reference, requirement }) {
      failing('begin')
      const id = uuid()
      pending.set(id, { reference, requirement })
      return `/login/${id}`
    },
  }
  const oidc = await createOidc(needs)

  const koa = new Koa()
  koa.silent = true
  koa.use(requestEdge({ clock, log, proxies: trustedProxies(''), publicUrl }))
  koa.use(securityHeaders(publicUrl))
  koa.use(async (ctx, next) => {
    const id = /^\/login\/([\w-]+)$/.exec(ctx.path)?.[1]
    const asked = id === undefined ? undefined : pending.get(id)
    if (asked === undefined) return next()
    const { reference, requirement } = asked
    const answer = await assess({
      session: await sessions.current(ctx),
      requirement,
      from: { id: '', at: clock(), ip: '', userAgent: '', secure: false },
    })
    if (answer.state === 'satisfied') {
      ctx.redirect(await oidc.resume(reference, { ...answer, state: 'signed-in' }))
      return
    }
    if (ctx.method === 'GET') {
      shown.count++
      ctx.type = 'html'
      ctx.body = `<form method="post" action="${ctx.path}"><h1>Sign in</h1></form>`
      return
    }
    const body = new URLSearchParams(Buffer.concat(await Array.fromAsync(ctx.req)).toString())
    const user = body.get('user') === 'bob' ? bob : alice
    const factors: Factor[] = body.get('mfa') === null ? ['password'] : ['password', 'totp']
    const session = await database.transaction((tx) =>
      sessions.begin(
        tx,
        ctx,
        user,
        factors.map((factor) => ({ factor, at: clock() })),
      ),
    )
    ctx.redirect(
      await oidc.resume(
        reference,
        refused.has(user.name)
          ? { state: 'denied', reason: 'No policy allows it.' }
          : { state: 'signed-in', user, session },
      ),
    )
  })
  koa.use(answering(needs.wire))
  koa.use(oidc.middleware)
  koa.use(notFound(pages))
  const answer = koa.callback()
  server.on('request', (request, response) => void answer(request, response))

  return {
    origin: publicUrl.origin,
    database,
    oidc,
    needs,
    alice,
    bob,
    logged,
    refused,
    shown,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await oidc.close()
      await epochs.close()
      await database.close()
    },
  }
}

async function people(database: Database): Promise<{ alice: User; bob: User }> {
  return database.transaction(async (tx) => {
    const alice = await createUser(tx, systemClock, {
      accountId: home,
      name: 'alice',
      displayName: 'Alice Example',
      mail: 'alice@example.com',
      mailVerified: true,
    })
    const bob = await createUser(tx, systemClock, { accountId: home, name: 'bob' })
    await tx.query(sql`
      insert into user_group (group_id, account_id, name, name_key, path, created_at)
      values ('AGPATEST', ${home}, 'Engineers', 'engineers', '/', ${systemClock()})`)
    await tx.query(sql`insert into group_member (group_id, user_id) values ('AGPATEST', ${alice.userId})`)
    return { alice: await updateUser(tx, alice.userId, {}), bob }
  })
}

/** The redirect URI of every client here: nobody listens, a browser stops at the border. */
export const redirectUri = 'https://app.example/cb'

async function apps(database: Database): Promise<void> {
  const add = async (
    name: string,
    client: Partial<Parameters<typeof putOidcClient>[2]> & { metadata?: object },
    requireMfa = false,
  ) =>
    database.transaction(async (tx) => {
      const app = await putApp(tx, systemClock, { accountId: home, kind: 'oidc', name, requireMfa })
      await putOidcClient(tx, systemClock, {
        clientId: name.toLowerCase(),
        appId: app.appId,
        secret: new Secret(clientSecret),
        ...client,
        metadata: {
          redirect_uris: [redirectUri],
          post_logout_redirect_uris: ['https://app.example/bye'],
          grant_types: ['authorization_code', 'refresh_token'],
          ...client.metadata,
        },
      })
    })
  await add('Wiki', {})
  await add('Wiki2', { metadata: { token_endpoint_auth_method: 'client_secret_post' } })
  await add('Spa', { secret: undefined, metadata: { token_endpoint_auth_method: 'none' } })
  await add('Old', {
    pkceOptional: true,
    metadata: { id_token_signed_response_alg: 'RS256', signet_id_token_claims: 'minimal' },
  })
  await add('Vault', {}, true)
  await add('Foreign', { consent: true })
  await add('Pipeline', { metadata: { redirect_uris: [], grant_types: ['client_credentials'] } })
}
