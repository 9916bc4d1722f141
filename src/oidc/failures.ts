import { type Failure, type FailureKind, isFailure } from '#kernel'
import { errors } from './library.ts'

type MakesError = (failure: Failure) => Error

/**
 * How each kind of refusal reads on the OAuth wire (RFC 6749 §5.2). The message is ours to show; everything else
 * stays in the log.
 */
const byKind: Record<FailureKind, MakesError> = {
  malformed: (failure) => new errors.InvalidRequest(failure.message, 400, { cause: failure }),
  unauthenticated: (failure) => new errors.InvalidClientAuth(failure.reason),
  forbidden: (failure) => new errors.AccessDenied(failure.message, { cause: failure }),
  'not-found': (failure) => new errors.InvalidRequest(failure.message, 400, { cause: failure }),
  conflict: (failure) => new errors.InvalidRequest(failure.message, 400, { cause: failure }),
  expired: (failure) => new errors.InvalidGrant(failure.reason),
  throttled: (failure) => unavailable(429, failure),
  unavailable: (failure) => unavailable(503, failure),
}

function unavailable(status: 429 | 503, failure: Failure): Error {
  const error = new errors.TemporarilyUnavailable(failure.message, { cause: failure })
  return Object.assign(error, { status, statusCode: status })
}

/** Reasons that have a sharper code than their kind. */
const byReason: Record<string, MakesError> = {
  'oidc/consumed': (failure) => new errors.InvalidGrant(failure.reason),
  'oidc/request-consumed': () => new errors.InvalidRequestUri('request_uri was used before'),
  'oidc/unknown-resource': (failure) => new errors.InvalidTarget(failure.message),
}

/**
 * A thrown value as oidc-provider may see it: a refusal becomes the library's own error, the library's errors pass, and
 * anything else becomes a plain Error with the original as its cause.
 *
 * INVARIANT: what leaves here carries no `expose` but the library's own: the library would print the message of any
 * error that has it as the OAuth error code.
 */
export function toOAuth(thrown: unknown): Error {
  if (isFailure(thrown)) return (byReason[thrown.reason] ?? byKind[thrown.kind])(thrown)
  if (thrown instanceof errors.OIDCProviderError) return thrown
  return new Error('A hook of the OpenID provider failed.', { cause: thrown })
}

/** A hook that lets out only what the library may see. */
export const asOAuth =
  <Arguments extends unknown[], Result>(
    hook: (...args: Arguments) => Result | Promise<Result>,
  ): ((...args: Arguments) => Promise<Result>) =>
  (...args) => {
    // Not an async function: each adds three turns of the microtask queue to a hook, and a token passes five.
    try {
      const result = hook(...args)
      return result instanceof Promise ? result.catch(refuseAsOAuth) : Promise.resolve(result)
    } catch (thrown) {
      return Promise.reject(toOAuth(thrown))
    }
  }

const refuseAsOAuth = (thrown: unknown): never => {
  throw toOAuth(thrown)
}

/** The same for the hooks that must answer synchronously (CORS, TTL, PKCE). */
export const asOAuthNow =
  <Arguments extends unknown[], Result>(
    hook: (...args: Arguments) => Result,
  ): ((...args: Arguments) => Result) =>
  (...args) => {
    try {
      return hook(...args)
    } catch (thrown) {
      throw toOAuth(thrown)
    }
  }
