import type { Vault } from '#crypto'
import {
  answering,
  type Context,
  limitByAddress,
  type Middleware,
  readJson,
  requestInfo,
  type RequestInfo,
  Router,
  statusOf,
  type Wire,
} from '#http'
import { refuse } from '#kernel'
import type { Keys } from '#keys'
import { type AuthenticateNeeds, callerOfSession } from '#sts'
import { authorizeRequest, authorizeRequestBody } from './authorize-request.ts'
import { type EnforcementPoint, enforcementPoint, type ProveNeeds } from './caller.ts'
import type { DecideNeeds } from './decide.ts'
import { evaluation } from './evaluation.ts'
import { evaluations } from './evaluations.ts'
import { metadataOf } from './metadata.ts'
import type { RevocationFeed } from './revocation-feed.ts'
import { searchActions, searchResources, searchSubjects } from './search.ts'
import { evaluationsBody, readEvaluation, readShape, searchBodies } from './shapes.ts'
import { issueSigningKey, signingKeysBody } from './signing-keys.ts'
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
    readonly keys: Pick<Keys, 'list' | 'active'>
    readonly feed: Pick<RevocationFeed, 'stream' | 'poll'>
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

/** AuthZEN §6.2: the caller's own request id comes back. */
function head(ctx: Context): void {
  const theirs = ctx.get('x-request-id')
  if (theirs !== '' && /^[\x21-\x7e][\x20-\x7e]{0,255}$/.test(theirs)) ctx.set('X-Request-ID', theirs)
  ctx.set('Cache-Control', 'no-store')
}

type Answer = (
  asked: { readonly point: EnforcementPoint; readonly from: RequestInfo },
  body: unknown,
) => Promise<object | string>

/**
 * The questions of services: `POST /access/v1/…`. Mounted before what pages need: there are many of them, and none of it is
 * a page.
 */
export function decisionPoint(needs: AccessNeeds): Middleware {
  const asking = {
    ...needs,
    callerOfSession: (accessKeyId: string, token: string) => callerOfSession(needs, accessKeyId, token),
  }
  const answers = new Map<string, Answer>([
    [
      '/access/v1/authorize-request',
      (asked, body) => authorizeRequest(asking, { ...asked, body: readShape(authorizeRequestBody, body) }),
    ],
    [
      '/access/v1/signing-keys',
      (asked, body) => issueSigningKey(needs, { ...asked, body: readShape(signingKeysBody, body) }),
    ],
    [
      '/access/v1/evaluation',
      (asked, body) => evaluation(asking, { ...asked, question: readEvaluation(body) }),
    ],
    [
      '/access/v1/evaluations',
      (asked, body) => evaluations(asking, { ...asked, body: readShape(evaluationsBody, body) }),
    ],
    [
      '/access/v1/search/subject',
      (asked, body) => searchSubjects(asking, { ...asked, body: readShape(searchBodies.subject, body) }),
    ],
    [
      '/access/v1/search/resource',
      (asked, body) => searchResources(asking, { ...asked, body: readShape(searchBodies.resource, body) }),
    ],
    [
      '/access/v1/search/action',
      (asked, body) => searchActions(asking, { ...asked, body: readShape(searchBodies.action, body) }),
    ],
  ])
  const refusing = answering(wire)
  return (ctx, next) => {
    const answer = answers.get(ctx.path)
    if (answer === undefined) return next()
    head(ctx)
    if (ctx.req.method !== 'POST') {
      ctx.set('Allow', 'POST')
      say(ctx, 405, 'Ask by POST.')
      return undefined
    }
    return refusing(ctx, async () => {
      const point = await enforcementPoint(needs, ctx)
      const body = await readJson(ctx, { limit: mostBytes })
      const said = await answer({ point, from: requestInfo(ctx) }, body)
      ctx.type = 'application/json'
      ctx.body = said
    })
  }
}

/** The other routes of `/access/v1`, and AuthZEN's discovery document. */
export function accessRoutes(needs: AccessNeeds): Router {
  const router = new Router()
  const decisions = new Router({ prefix: '/access/v1' })
  decisions.use(async (ctx, next) => {
    head(ctx)
    await next()
  }, answering(wire))

  // Open to everybody: it names nobody, and a service that holds no secret must be able to follow it.
  decisions.get('/revocations', limitByAddress({ points: 240, seconds: 60 }), async (ctx) => {
    const after = placeOf(ctx)
    if (ctx.accepts('application/json', 'text/event-stream') === 'text/event-stream')
      needs.feed.stream(ctx, after)
    else await needs.feed.poll(ctx, after)
  })

  decisions.get('/jwks', (ctx) => {
    ctx.set('Cache-Control', 'public, max-age=300')
    ctx.body = { keys: needs.keys.list('session').map(({ publicJwk }) => publicJwk) }
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

/** The place in the order of raises that the reader has already. */
function placeOf(ctx: Context): number | undefined {
  const { after } = ctx.query
  if (after === undefined) return undefined
  return typeof after === 'string' && /^\d{1,15}$/.test(after)
    ? Number(after)
    : refuse('malformed', 'access/after', 'after is the number of the last message that you have.')
}
