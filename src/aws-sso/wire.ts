import type { z } from 'zod'
import { type Context, exceptionWire, readJson, requestLog, type Told, type Wire } from '#http'
import { type FailureKind, refuse } from '#kernel'

/** The exception of each refusal of this slice (service model sso-oidc 2019-06-10). */
const exceptions: Readonly<Record<string, Told>> = {
  'aws-sso/invalid-request': [400, 'InvalidRequestException', 'invalid_request'],
  'aws-sso/invalid-client': [401, 'InvalidClientException', 'invalid_client'],
  'aws-sso/invalid-grant': [400, 'InvalidGrantException', 'invalid_grant'],
  'aws-sso/unauthorized-client': [400, 'UnauthorizedClientException', 'unauthorized_client'],
  'aws-sso/unsupported-grant-type': [400, 'UnsupportedGrantTypeException', 'unsupported_grant_type'],
  'aws-sso/invalid-scope': [400, 'InvalidScopeException', 'invalid_scope'],
  'aws-sso/authorization-pending': [400, 'AuthorizationPendingException', 'authorization_pending'],
  'aws-sso/slow-down': [400, 'SlowDownException', 'slow_down'],
  'aws-sso/expired-token': [400, 'ExpiredTokenException', 'expired_token'],
  'aws-sso/access-denied': [400, 'AccessDeniedException', 'access_denied'],
  'aws-sso/invalid-client-metadata': [400, 'InvalidClientMetadataException', 'invalid_client_metadata'],
  'aws-sso/invalid-redirect-uri': [400, 'InvalidRedirectUriException', 'invalid_redirect_uri'],
}

const byKind: Readonly<Record<FailureKind, Told>> = {
  malformed: [400, 'InvalidRequestException', 'invalid_request'],
  unauthenticated: [401, 'InvalidClientException', 'invalid_client'],
  forbidden: [400, 'AccessDeniedException', 'access_denied'],
  'not-found': [400, 'InvalidRequestException', 'invalid_request'],
  conflict: [400, 'InvalidGrantException', 'invalid_grant'],
  expired: [400, 'ExpiredTokenException', 'expired_token'],
  // The clients know this one and wait longer; they know no 429 here.
  throttled: [400, 'SlowDownException', 'slow_down'],
  unavailable: [500, 'InternalServerException', 'server_error'],
}

/** Refusals of SSO-OIDC. The model has `error` and `error_description`; botocore prints `message`. */
export const ssoOidcWire: Wire = exceptionWire({
  named: ({ reason }) => exceptions[reason],
  byKind,
  tell: ({ error, message }) => ({ error, error_description: message, message }),
})

const portalByKind: Readonly<Record<FailureKind, Told>> = {
  malformed: [400, 'InvalidRequestException'],
  unauthenticated: [401, 'UnauthorizedException'],
  // What may not be taken and what is not there look the same.
  forbidden: [404, 'ResourceNotFoundException'],
  'not-found': [404, 'ResourceNotFoundException'],
  conflict: [400, 'InvalidRequestException'],
  expired: [401, 'UnauthorizedException'],
  throttled: [429, 'TooManyRequestsException'],
  unavailable: [500, 'InternalServerException'],
}

/** Refusals of the access portal (service model sso 2019-06-10). */
export const portalWire: Wire = exceptionWire({
  byKind: portalByKind,
  tell: ({ kind, message }) => ({ message: kind === 'forbidden' ? 'No access' : message }),
})

/** Reads a JSON body of a shape. @throws Failure malformed aws-sso/invalid-request */
export async function readBody<Shape extends z.ZodType>(ctx: Context, shape: Shape): Promise<z.infer<Shape>> {
  const read = shape.safeParse(await readJson(ctx, { limit: 65_536, depth: 8, anyType: true }))
  if (read.success) return read.data
  const [issue] = read.error.issues
  requestLog(ctx).info({ issue: issue?.path.join('.') }, 'a body was not understood')
  return refuse(
    'malformed',
    'aws-sso/invalid-request',
    `The parameter ${issue?.path.join('.') || '(body)'} is missing or not valid.`,
  )
}
