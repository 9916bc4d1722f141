import type { Vault } from '#crypto'
import {
  answering,
  type Context,
  readJson,
  requestInfo,
  type RequestInfo,
  Router,
  statusOf,
  type Wire,
} from '#http'
import { type AuthenticateNeeds, callerOfSession } from '#sts'
import { authorizeRequest, authorizeRequestBody } from './authorize-request.ts'
import { type EnforcementPoint, enforcementPoint, type ProveNeeds } from './caller.ts'
import type { DecideNeeds } from './decide.ts'
import { evaluation } from './evaluation.ts'
import { evaluations } from './evaluations.ts'
import { metadataOf } from './metadata.ts'
import { searchActions, searchResources, searchSubjects } from './search.ts'
import { evaluationsBody, readEvaluation, readShape, searchBodies } from './shapes.ts'
import type { ReadToken } from './subject.ts'

/** What the decision point stands on. */
export type AccessNeeds = DecideNeeds &
  AuthenticateNeeds &
  Pick<ProveNeeds, 'authenticateClient'> & {
    readonly authenticateBearer: (
      token: string,
    ) => Promise<Awaited<ReturnType<ProveNeeds['authenticateBearer']>> & Awaited<ReturnType<ReadToken>>>
    readonly vault: Vault
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
    if (/^[\x21-\x7e][\x20-\x7e]{0,255}$/.test(theirs)) ctx.set('X-Request-ID', theirs)
    ctx.set('Cache-Control', 'no-store')
    await next()
  }, answering(wire))

  const asking = {
    ...needs,
    callerOfSession: (accessKeyId: string, token: string) => callerOfSession(needs, accessKeyId, token),
  }
  type Answer = (asked: { point: EnforcementPoint; from: RequestInfo }, body: unknown) => Promise<object>
  const answers: Readonly<Record<string, Answer>> = {
    '/authorize-request': (asked, body) =>
      authorizeRequest(asking, { ...asked, body: readShape(authorizeRequestBody, body) }),
    '/evaluation': (asked, body) => evaluation(asking, { ...asked, question: readEvaluation(body) }),
    '/evaluations': (asked, body) =>
      evaluations(asking, { ...asked, body: readShape(evaluationsBody, body) }),
    '/search/subject': (asked, body) =>
      searchSubjects(asking, { ...asked, body: readShape(searchBodies.subject, body) }),
    '/search/resource': (asked, body) =>
      searchResources(asking, { ...asked, body: readShape(searchBodies.resource, body) }),
    '/search/action': (asked, body) =>
      searchActions(asking, { ...asked, body: readShape(searchBodies.action, body) }),
  }
  for (const [path, answer] of Object.entries(answers))
    decisions.post(path, async (ctx) => {
      const point = await enforcementPoint(needs, ctx)
      const body = await readJson(ctx, { limit: mostBytes })
      ctx.body = await answer({ point, from: requestInfo(ctx) }, body)
    })

  router.use(decisions.routes())
  router.get('/.well-known/authzen-configuration', async (ctx) => {
    ctx.set('Cache-Control', 'public, max-age=300')
    ctx.body = await metadataOf(needs)
  })
  return router
}

/** A batch of a thousand questions with their properties. */
const mostBytes = 2_097_152
