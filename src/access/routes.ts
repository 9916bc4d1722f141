import type { z } from 'zod'
import { answering, type Context, readJson, requestInfo, Router, statusOf, type Wire } from '#http'
import { refuse } from '#kernel'
import type { AuthenticateNeeds } from '#sts'
import { authorizeRequest, authorizeRequestBody } from './authorize-request.ts'
import { enforcementPoint, type ProveNeeds } from './caller.ts'
import type { DecideNeeds } from './decide.ts'
import { evaluation, evaluationBody, type ReadToken } from './evaluation.ts'

/** What the decision point stands on. */
export type AccessNeeds = DecideNeeds &
  AuthenticateNeeds &
  Pick<ProveNeeds, 'authenticateClient'> & {
    readonly authenticateBearer: (
      token: string,
    ) => Promise<Awaited<ReturnType<ProveNeeds['authenticateBearer']>> & Awaited<ReturnType<ReadToken>>>
    readonly publicUrl: URL
  }

/** AuthZEN §6.1: the body of an error is a message. */
const wire: Wire = {
  refuse(ctx, failure) {
    say(ctx, statusOf[failure.kind], failure.message)
    if (failure.kind === 'unauthenticated') ctx.set('WWW-Authenticate', 'Basic realm="Signet", Bearer')
    if (failure.kind === 'throttled') ctx.set('Retry-After', '5')
  },
  crash: (ctx) => say(ctx, 500, 'Something went wrong on our side.'),
}

function say(ctx: Context, status: number, message: string): void {
  ctx.status = status
  ctx.type = 'application/json'
  ctx.body = JSON.stringify(message)
}

/** The routes of `/access/v1`, and AuthZEN's discovery document. */
export function accessRoutes(needs: AccessNeeds): Router {
  const router = new Router()
  const decisions = new Router({ prefix: '/access/v1' })
  decisions.use(async (ctx, next) => {
    // AuthZEN §6.2: the caller's own request id comes back.
    const theirs = ctx.get('x-request-id')
    if (/^[\w.:-]{1,128}$/.test(theirs)) ctx.set('X-Request-ID', theirs)
    ctx.set('Cache-Control', 'no-store')
    await next()
  }, answering(wire))

  decisions.post('/authorize-request', async (ctx) => {
    const point = await enforcementPoint(needs, ctx)
    ctx.body = await authorizeRequest(needs, {
      point,
      from: requestInfo(ctx),
      body: await readBody(ctx, authorizeRequestBody),
    })
  })

  decisions.post('/evaluation', async (ctx) => {
    const point = await enforcementPoint(needs, ctx)
    ctx.body = await evaluation(needs, {
      point,
      from: requestInfo(ctx),
      body: await readBody(ctx, evaluationBody),
    })
  })

  router.use(decisions.routes())
  router.get('/.well-known/authzen-configuration', (ctx) => {
    ctx.set('Cache-Control', 'public, max-age=3600')
    ctx.body = {
      policy_decision_point: needs.publicUrl.origin,
      access_evaluation_endpoint: `${needs.publicUrl.origin}/access/v1/evaluation`,
    }
  })
  return router
}

async function readBody<Schema extends z.ZodType>(ctx: Context, schema: Schema): Promise<z.output<Schema>> {
  const read = schema.safeParse(await readJson(ctx))
  if (read.success) return read.data
  const [issue] = read.error.issues
  return refuse(
    'malformed',
    'access/body',
    `${issue?.path.map(String).join('.') || 'The body'}: ${issue?.message ?? 'not understood'}`,
  )
}
