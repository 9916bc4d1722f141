/**
 * THE LIST: every slice, in the order a request meets it, each handed exactly what it needs.
 */
import { join } from 'node:path'
import type { RequestListener } from 'node:http'
import Koa from 'koa'
import { createAudit } from '#audit'
import type { Config } from '#config'
import { createPasswordHasher, equal, passwordSettings, type Vault } from '#crypto'
import { type Database, sql } from '#database'
import {
  answering,
  cookieJar,
  formGuard,
  health,
  htmlWire,
  notFound,
  openPages,
  publicHostOnly,
  requestEdge,
  type RequestLog,
  securityHeaders,
  serveAssets,
  trustedProxies,
} from '#http'
import { readBuiltInPolicies } from '#iam'
import type { Clock } from '#kernel'
import { openKeys } from '#keys'
import { createSessions, openEpochs, sessionSettings } from '#sessions'

/** The settings' sections, each owned by its slice. */
export const sections = {
  passwords: passwordSettings,
  sessions: sessionSettings,
}

/** What the application stands on. */
export type AppNeeds = {
  readonly config: Config<typeof sections>
  readonly database: Database
  readonly vault: Vault
  readonly clock: Clock
  readonly log: RequestLog & { child(fields: object): RequestLog }
  /** Where config/ and views/ are. */
  readonly packageDir: string
}

/** What answers requests, and what ends it. The database is closed by who opened it. */
export type App = { readonly handler: RequestListener; close(): Promise<void> }

/** Builds the application over an open database. */
export async function createApp(needs: AppNeeds): Promise<App> {
  const { config, database, vault, clock, log, packageDir } = needs
  const { publicUrl, settings } = config

  const pages = openPages({ viewsDir: join(packageDir, 'views') })
  const builtInPolicies = readBuiltInPolicies(join(packageDir, 'config/policies'))
  const jar = cookieJar(publicUrl)
  const forms = formGuard({ jar, publicUrl, mac: vault.mac, equal })
  const audit = createAudit({ database, clock })
  const [keys, epochs, hasher] = await Promise.all([
    openKeys({ database, vault, clock, publicUrl }),
    openEpochs({ database }),
    createPasswordHasher(
      { clock },
      {
        memoryKib: settings.passwords.memory_kib,
        passes: settings.passwords.passes,
        slots: settings.passwords.slots,
        queue: 50,
        waitMilliseconds: 2_000,
      },
    ),
  ])
  const sessions = createSessions({ database, clock, jar, epochs, settings: settings.sessions })
  const ready = async () => {
    keys.active('oidc')
    await database.query(
      sql`update revocation_epoch set epoch = epoch where kind = 'account' and id = 'ready'`,
    )
  }

  const koa = new Koa()
  koa.use(requestEdge({ clock, log, proxies: trustedProxies(config.trustProxy), publicUrl }))
  koa.use(health(ready))
  koa.use(securityHeaders(publicUrl))
  koa.use(serveAssets(pages.assets))
  koa.use(publicHostOnly(pages, publicUrl))
  koa.use(answering(htmlWire(pages)))
  koa.use(notFound(pages))

  void [builtInPolicies, forms, audit, hasher, sessions]
  const answer = koa.callback()
  return {
    handler: (request, response) => void answer(request, response),
    async close() {
      await epochs.close()
    },
  }
}
