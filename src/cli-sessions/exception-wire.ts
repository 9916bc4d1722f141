import type { Context, Wire } from '#http'
import type { FailureKind } from '#kernel'

/** How AWS's JSON services for logins name a refusal: status, exception, and `error` where their bodies have one. */
export type Told = readonly [status: number, exception: string, error: string]

/** Answers with JSON that no cache keeps. */
export function answer(ctx: Context, body: object, status = 200): void {
  ctx.status = status
  ctx.type = 'application/json'
  ctx.set('Cache-Control', 'no-store')
  ctx.body = JSON.stringify(body)
}

/**
 * A wire whose refusals are an exception in `x-amzn-ErrorType` and a JSON body, as AWS Sign-in, SSO-OIDC and the access
 * portal have them.
 *
 * @param rules `exceptions`: by reason, before those by kind; `tell`: the body of a refusal
 */
export function exceptionWire(rules: {
  readonly exceptions: Readonly<Record<string, Told>>
  readonly byKind: Readonly<Record<FailureKind, Told>>
  readonly tell: (told: {
    readonly error: string
    readonly message: string
    /** Undefined for a fault of our own. */
    readonly kind: FailureKind | undefined
  }) => object
}): Wire {
  const say = (ctx: Context, [status, exception, error]: Told, message: string, kind?: FailureKind): void => {
    ctx.set('x-amzn-ErrorType', exception)
    answer(ctx, rules.tell({ error, message, kind }), status)
  }
  return {
    refuse(ctx, failure) {
      say(ctx, rules.exceptions[failure.reason] ?? rules.byKind[failure.kind], failure.message, failure.kind)
    },
    crash(ctx) {
      say(ctx, [500, 'InternalServerException', 'server_error'], 'Something went wrong on our side.')
    },
  }
}
