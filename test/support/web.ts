import Koa from 'koa'
import { createAudit } from '#audit'
import { createPasswordHasher } from '#crypto'
import type { Database } from '#database'
import {
  answering,
  cookieJar,
  createPageSender,
  formGuard,
  htmlWire,
  listen,
  type Middleware,
  openPages,
  requestEdge,
  type Router,
  securityHeaders,
  serveAssets,
  trustedProxies,
} from '#http'
import { readBuiltInPolicies } from '#iam'
import { createSessions, openEpochs, sessionSettings } from '#sessions'
import { noUpstream, type SigninNeeds } from '#signin'
import { equal } from '#crypto'
import { type fixedClock, testVault } from './fixtures.ts'

/** A web server of the pages, over a test database: what app.ts builds, without the protocols. */
export type Web = {
  readonly url: string
  readonly needs: SigninNeeds
  readonly errors: unknown[]
  close(): Promise<void>
}

const quiet = { info() {}, warn() {} }

/** @param routers builds the routers under test from the needs of `signin` */
export async function openWeb(
  database: Database,
  clock: ReturnType<typeof fixedClock>,
  routers: (needs: SigninNeeds) => readonly (Router | Middleware)[],
  more: Partial<SigninNeeds> = {},
): Promise<Web> {
  const errors: unknown[] = []
  const log = { ...quiet, error: (fields: object) => void errors.push(fields), child: () => log }
  const app = new Koa()
  let handler: ReturnType<typeof app.callback> | undefined
  const listening = await listen((incoming, outgoing) => void handler?.(incoming, outgoing), {
    host: '127.0.0.1',
    port: 0,
  })
  const publicUrl = new URL(`http://127.0.0.1:${listening.port}`)
  const jar = cookieJar(publicUrl)
  const pages = openPages({ viewsDir: new URL('../../views/', import.meta.url).pathname })
  const epochs = await openEpochs({ database })
  const needs: SigninNeeds = {
    database,
    clock,
    vault: testVault,
    jar,
    audit: createAudit({ database, clock }),
    hasher: await createPasswordHasher(
      { clock },
      { memoryKib: 8, passes: 1, slots: 2, queue: 50, waitMilliseconds: 10_000 },
    ),
    sessions: createSessions({ database, clock, jar, epochs, settings: sessionSettings.parse({}) }),
    forms: formGuard({ jar, publicUrl, mac: testVault.mac, equal }),
    pages: createPageSender({ pages, jar }),
    builtInPolicies: readBuiltInPolicies(new URL('../../config/policies/', import.meta.url).pathname),
    upstream: noUpstream,
    resumers: {},
    signOut: async () => ({ told: [], notTold: [] }),
    ...more,
  }
  app.use(requestEdge({ clock, log, proxies: trustedProxies(''), publicUrl }))
  app.use(securityHeaders(publicUrl))
  app.use(serveAssets(pages.assets))
  app.use(answering(htmlWire(pages)))
  for (const each of routers(needs)) app.use(typeof each === 'function' ? each : each.routes())
  handler = app.callback()
  return {
    url: publicUrl.origin,
    needs,
    errors,
    async close() {
      await listening.drain(1)
      await epochs.close()
    },
  }
}
