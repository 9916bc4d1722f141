import Koa from 'koa'

import type { Database } from '#database'
import { createAccessKey } from '#directory'
import { listen, requestEdge, trustedProxies } from '#http'
import type { Clock } from '#kernel'

import type { TestCredentials } from './api-call.ts'
import { testVault } from './fixtures.ts'

/** AWS faces on a loopback port, with the Date that SDKs set their clock by taken from the test's. */
export async function listenForAws(needs: {
  readonly clock: Clock
  readonly log: Parameters<typeof requestEdge>[0]['log']
  readonly publicUrl: URL
  readonly faces: readonly Koa.Middleware[]
}): Promise<{ readonly url: string; close(): Promise<void> }> {
  const { clock, log, publicUrl, faces } = needs
  const koa = new Koa()
  koa.use(async (ctx, next) => {
    ctx.set('Date', new Date(clock().epochMilliseconds).toUTCString())
    await next()
  })
  koa.use(requestEdge({ clock, log, proxies: trustedProxies(''), publicUrl }))
  for (const face of faces) koa.use(face)
  const answer = koa.callback()
  const listening = await listen((request, response) => void answer(request, response), {
    host: '127.0.0.1',
    port: 0,
  })
  return { url: `http://127.0.0.1:${listening.port}`, close: () => listening.drain(0) }
}

/** Makes a long-term key of a user, or without one of the root user. */
export async function newKey(
  database: Database,
  clock: Clock,
  owner: { accountId: string; userId?: string },
): Promise<TestCredentials> {
  const made = await createAccessKey(database, { vault: testVault, clock }, owner)
  return { accessKeyId: made.accessKeyId, secretAccessKey: made.secret.reveal() }
}
