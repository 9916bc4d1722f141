import { exceptionWire, type Told, type Wire } from '#http'
import type { FailureKind } from '#kernel'

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

/** Refusals of AWS Sign-in. */
export const signinWire: Wire = exceptionWire({
  named: ({ reason }) => exceptions[reason],
  byKind,
  tell: ({ error, message }) => ({ error, message }),
})
