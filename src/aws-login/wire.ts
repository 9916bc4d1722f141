import type { Context, Wire } from '#http'
import type { FailureKind } from '#kernel'

type Told = readonly [status: number, exception: string, error: string]

/** The exception and `error` of each refusal (service model signin 2023-01-01). */
const exceptions: Readonly<Record<string, Told>> = {
  'aws-login/code-over': [401, 'AccessDeniedException', 'AUTHCODE_EXPIRED'],
  'aws-login/session-over': [401, 'AccessDeniedException', 'TOKEN_EXPIRED'],
  'aws-login/password-changed': [401, 'AccessDeniedException', 'USER_CREDENTIALS_CHANGED'],
  'aws-login/role-refused': [403, 'AccessDeniedException', 'INSUFFICIENT_PERMISSIONS'],
}

const byKind: Readonly<Record<FailureKind, Told>> = {
  malformed: [400, 'ValidationException', 'INVALID_REQUEST'],
  unauthenticated: [400, 'ValidationException', 'INVALID_REQUEST'],
  forbidden: [403, 'AccessDeniedException', 'INSUFFICIENT_PERMISSIONS'],
  'not-found': [400, 'ValidationException', 'INVALID_REQUEST'],
  conflict: [400, 'ValidationException', 'INVALID_REQUEST'],
  expired: [401, 'AccessDeniedException', 'TOKEN_EXPIRED'],
  throttled: [429, 'TooManyRequestsError', 'INVALID_REQUEST'],
  unavailable: [500, 'InternalServerException', 'server_error'],
}

/** Answers with JSON that no cache keeps. */
export function answer(ctx: Context, body: object, status = 200): void {
  ctx.status = status
  ctx.type = 'application/json'
  ctx.set('Cache-Control', 'no-store')
  ctx.body = JSON.stringify(body)
}

/** Refusals of AWS Sign-in. */
export const signinWire: Wire = {
  refuse(ctx, failure) {
    const [status, exception, error] = exceptions[failure.reason] ?? byKind[failure.kind]
    ctx.set('x-amzn-ErrorType', exception)
    answer(ctx, { error, message: failure.message }, status)
  },
  crash(ctx) {
    ctx.set('x-amzn-ErrorType', 'InternalServerException')
    answer(ctx, { error: 'server_error', message: 'Something went wrong on our side.' }, 500)
  },
}
