import type { IncomingMessage } from 'node:http'
import { type GatewayApp, listGatewayApps } from '#apps'
import { originalOf } from '#forward-auth'
import { answering, type Context, jsonWire, type Middleware, requestInfo } from '#http'
import { recalled } from '#iam'
import { refuse } from '#kernel'
import type { GatewaySettings } from './config.ts'
import { createForwarding, endToEnd } from './forward.ts'
import { answerHttpApp, type HttpAppNeeds } from './http-app.ts'
import type { Arrival, S3Needs } from './needs.ts'
import { closeUnlessRead, s3Wire, writeXml } from './s3-errors.ts'
import { answerS3 } from './s3.ts'

/** What the gateway takes. */
export type GatewayNeeds = Omit<S3Needs & HttpAppNeeds, 'forwarding'> & { readonly settings: GatewaySettings }

/** All of the gateway: nothing of Signet's pages and protocols is at its hosts. Stands alone, after `requestEdge`. */
export function createGateway({ settings, ...rest }: GatewayNeeds): {
  readonly middleware: Middleware
  close(): void
} {
  const forwarding = createForwarding(settings.idle_seconds)
  const needs = { ...rest, forwarding }
  const inS3 = answering(s3Wire)
  const inJson = answering(jsonWire)
  const middleware: Middleware = async (ctx) => {
    let arrival: Arrival | undefined
    await inJson(ctx, async () => {
      arrival = await arrivalOf(needs, ctx)
      if (arrival.app.protocol === 'http') await passHttp(needs, ctx, arrival)
    })
    const s3 = arrival
    if (s3?.app.protocol === 's3')
      await inS3(ctx, async () => {
        const answer = await answerS3(needs, ctx, s3)
        if (Buffer.isBuffer(answer)) writeXml(ctx, 200, answer)
        else pass(ctx, answer, 'x-amz-request-id')
      })
  }
  return { middleware, close: forwarding.close }
}

/** Which app a request is for, by its host alone. @throws Failure not-found gateway/no-app */
async function arrivalOf(
  needs: Pick<GatewayNeeds, 'database' | 'vault' | 'memory'>,
  ctx: Context,
): Promise<Arrival> {
  if ((ctx.req.headersDistinct['host'] ?? []).length !== 1)
    refuse('malformed', 'gateway/host', 'A request has one Host.')
  const original = originalOf(ctx, ctx.method, ctx.req.headers.host ?? '', ctx.req.url ?? '')
  const apps = await recalled(needs, 'gateway apps', () => listGatewayApps(needs.database, needs.vault))
  const found = apps.find(({ host }) => host === original.host)
  if (found !== undefined) return { app: enabled(found), original, from: requestInfo(ctx) }
  const store = apps.find(({ host, protocol }) => protocol === 's3' && original.host.endsWith(`.${host}`))
  if (store === undefined) return refuse('not-found', 'gateway/no-app', 'No app is registered for this host.')
  const bucket = original.host.slice(0, -store.host.length - 1)
  return { app: enabled(store), original, from: requestInfo(ctx), bucket }
}

const enabled = (found: GatewayApp): GatewayApp =>
  found.app.enabled ? found : refuse('not-found', 'gateway/no-app', 'The app of this host is switched off.')

async function passHttp(needs: HttpAppNeeds, ctx: Context, arrival: Arrival): Promise<void> {
  const answer = await answerHttpApp(needs, ctx, arrival)
  if (!('kind' in answer)) {
    pass(ctx, answer)
    return
  }
  ctx.set('Cache-Control', 'no-store')
  if (answer.kind === 'go') {
    for (const cookie of answer.cookies) ctx.append('Set-Cookie', cookie)
    ctx.status = 302
    ctx.set('Location', answer.location)
    ctx.body = ''
    return
  }
  ctx.status = answer.status
  ctx.type = 'application/problem+json'
  if (answer.status === 401) ctx.set('WWW-Authenticate', 'Bearer')
  closeUnlessRead(ctx)
  ctx.body = JSON.stringify({ title: answer.message, status: answer.status, request_id: requestInfo(ctx).id })
}

/** Ours: a wrong clock behind must not become the clients' clock; who serves is nobody's business. */
const left = new Set(['date', 'server'])

/** Hands an answer to the client as it comes. */
function pass(ctx: Context, answer: IncomingMessage, idHeader?: string): void {
  ctx.status = answer.statusCode ?? 502
  ctx.body = answer
  // Nobody reads what has no body; the connection behind is free only once it was read.
  if (ctx.method === 'HEAD' || ctx.status === 204 || ctx.status === 304) answer.resume()
  for (const name of ['Content-Type', 'Content-Length']) ctx.remove(name)
  for (const [name, value] of endToEnd(answer.rawHeaders)) if (!left.has(name)) ctx.append(name, value)
  if (idHeader !== undefined) ctx.set(idHeader, requestInfo(ctx).id)
}
