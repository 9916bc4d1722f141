import type { Context, Middleware } from 'koa'
import { Failure, type FailureKind, isFailure } from '#kernel'
import { isBrokenOff } from './broken-off.ts'
import { requestInfo, requestLog } from './request.ts'

/** How one wire says no. `crash` is its own 500: what is not a Failure is a bug of ours. */
export type Wire = {
  refuse(ctx: Context, failure: Failure): void | Promise<void>
  crash(ctx: Context): void | Promise<void>
}

/** The HTTP status of each kind of refusal, for wires that have no own opinion. */
export const statusOf: Record<FailureKind, number> = {
  malformed: 400,
  unauthenticated: 401,
  forbidden: 403,
  'not-found': 404,
  conflict: 409,
  expired: 410,
  throttled: 429,
  unavailable: 503,
}

/** Puts refusals into the words of one wire, and logs why: reason and detail are never in the answer. */
export function answering(wire: Wire): Middleware {
  return async (ctx, next) => {
    try {
      await next()
    } catch (thrown) {
      if (isFailure(thrown)) {
        requestLog(ctx).info({ reason: thrown.reason, detail: thrown.detail }, 'refused')
        await wire.refuse(ctx, thrown)
      } else if (isBrokenOff(thrown)) {
        await wire.refuse(
          ctx,
          new Failure('malformed', 'http/aborted', 'The request ended before its body did.'),
        )
      } else {
        requestLog(ctx).error({ err: thrown }, 'a bug')
        await wire.crash(ctx)
      }
    }
  }
}

/** `application/problem+json` (RFC 9457) with our reason as `code`: the JSON API and what has no wire of its own. */
export const jsonWire: Wire = {
  refuse(ctx, failure) {
    ctx.status = statusOf[failure.kind]
    if (failure.kind === 'throttled') ctx.set('Retry-After', '5')
    problem(ctx, { title: failure.message, status: ctx.status, code: failure.reason })
  },
  crash(ctx) {
    ctx.status = 500
    problem(ctx, { title: 'Something went wrong on our side.', status: 500, code: 'internal' })
  },
}

function problem(ctx: Context, body: { title: string; status: number; code: string }): void {
  ctx.type = 'application/problem+json'
  ctx.set('Cache-Control', 'no-store')
  ctx.body = JSON.stringify({ ...body, request_id: requestInfo(ctx).id })
}
