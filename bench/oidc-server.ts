/**
 * One of the two servers that bench/oidc.ts compares, in a process of its own: `signet` on PostgreSQL with the audit log,
 * or `bare`, oidc-provider with its memory adapter. Tells its port, and its CPU time when asked.
 */
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import Koa from 'koa'
import { putApp, putOidcClient } from '#apps'
import { createAudit } from '#audit'
import { equal, openVault } from '#crypto'
import { openPostgres, sql } from '#database'
import {
  cookieJar,
  formGuard,
  htmlWire,
  openPages,
  requestEdge,
  securityHeaders,
  trustedProxies,
} from '#http'
import { Secret, systemClock as clock } from '#kernel'
import { openKeys } from '#keys'
import { createOidc, oidcSettings } from '#oidc'
import { createSessions, openEpochs, sessionSettings } from '#sessions'
import { Provider } from '#src/oidc/library.ts'

const [kind, databaseUrl = ''] = process.argv.slice(2)
const server = createServer()
server.listen(0, '127.0.0.1')
await new Promise((resolve) => server.once('listening', resolve))
const { port } = server.address() as AddressInfo
const origin = `http://127.0.0.1:${port}`

async function bare(): Promise<RequestListener> {
  const { privateKey } = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
    'sign',
    'verify',
  ])
  const { default: MemoryAdapter } = await import('oidc-provider/lib/adapters/memory_adapter.js')
  const provider = new Provider(origin, {
    adapter: MemoryAdapter,
    clients: [
      {
        client_id: 'bench',
        client_secret: 'a-client-secret-that-is-random-and-long',
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
      },
    ],
    jwks: { keys: [await crypto.subtle.exportKey('jwk', privateKey)] },
    cookies: { keys: ['a key'] },
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    ttl: { ClientCredentials: 600 },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: async () => origin,
        getResourceServerInfo: async () => ({
          scope: 'api',
          audience: origin,
          accessTokenFormat: 'jwt',
          accessTokenTTL: 600,
          jwt: { sign: { alg: 'ES256' } },
        }),
      },
    },
  })
  const answer = provider.callback()
  return (request, response) => void answer(request, response)
}

async function signet(): Promise<RequestListener> {
  const database = await openPostgres(new Secret(databaseUrl))
  const vault = openVault(new Secret('a key for benchmarks, thirty-two bytes or more'))
  const publicUrl = new URL(origin)
  await database.transaction(async (tx) => {
    await tx.query(sql`insert into account (account_id, name, created_at) values ('111122223333', 'Bench', ${clock()})
                       on conflict do nothing`)
    const app = await putApp(tx, clock, { accountId: '111122223333', kind: 'oidc', name: 'Bench' })
    await putOidcClient(tx, clock, {
      clientId: 'bench',
      appId: app.appId,
      secret: new Secret('a-client-secret-that-is-random-and-long'),
      metadata: { grant_types: ['client_credentials'] },
    })
  })
  const jar = cookieJar(publicUrl)
  const pages = openPages({ viewsDir: new URL('../views/', import.meta.url).pathname })
  const epochs = await openEpochs({ database })
  const log = { info: () => {}, warn: () => {}, error: () => {}, child: () => log }
  const oidc = await createOidc({
    database,
    vault,
    clock,
    audit: createAudit({ database, clock }),
    keys: await openKeys({ database, vault, clock, publicUrl }),
    sessions: createSessions({ database, clock, jar, epochs, settings: sessionSettings.parse({}) }),
    epochs,
    publicUrl,
    settings: oidcSettings.parse({}),
    guard: formGuard({ jar, publicUrl, mac: vault.mac, equal }),
    show: () => {},
    wire: htmlWire(pages),
    assess: async () => ({ state: 'interact' }),
    begin: async () => '/',
  })
  const koa = new Koa()
  koa.use(requestEdge({ clock, log, proxies: trustedProxies(''), publicUrl }))
  koa.use(securityHeaders(publicUrl))
  koa.use(oidc.middleware)
  const answer = koa.callback()
  return (request, response) => void answer(request, response)
}

server.on('request', kind === 'bare' ? await bare() : await signet())
process.on('message', () => process.send?.({ cpuMicroseconds: process.cpuUsage() }))
process.on('disconnect', () => process.exit(0))
process.send?.({ port })
