import type { Context } from 'koa'
import type { Failure, FailureKind } from '#kernel'
import type { Wire } from './answering.ts'

/** How AWS's JSON services name a refusal: status, exception, and `error` where their bodies have one. */
export type Told = readonly [status: number, exception: string, error?: string]

/** Answers with JSON that no cache keeps. */
export function answerJson(ctx: Context, body: object, status = 200): void {
  ctx.status = status
  ctx.type = 'application/json'
  ctx.set('Cache-Control', 'no-store')
  ctx.body = JSON.stringify(body)
}

/**
 * A wire whose refusals are an exception in `x-amzn-ErrorType` and a JSON body, as AWS's services with a REST-JSON protocol
 * have them.
 *
 * @param rules `named`: what stands before the exceptions by kind; `tell`: the body of a refusal, else `{ message }`
 */
export function exceptionWire({
  named = () => undefined,
  byKind,
  tell = ({ message }) => ({ message }),
}: {
  readonly named?: (failure: Failure) => Told | undefined
  readonly byKind: Readonly<Record<FailureKind, Told>>
  readonly tell?: (told: {
    readonly error: string | undefined
    readonly message: string
    /** Undefined for a fault of our own. */
    readonly kind: FailureKind | undefined
  }) => object
}): Wire {
  const say = (ctx: Context, [status, exception, error]: Told, message: string, kind?: FailureKind): void => {
    ctx.set('x-amzn-ErrorType', exception)
    answerJson(ctx, tell({ error, message, kind }), status)
  }
  return {
    refuse(ctx, failure) {
      say(ctx, named(failure) ?? byKind[failure.kind], failure.message, failure.kind)
    },
    crash(ctx) {
      say(ctx, [500, 'InternalServerException', 'server_error'], 'Something went wrong on our side.')
    },
  }
}
