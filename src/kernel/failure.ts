/**
 * Why an operation says no. A closed set, so that every wire can be one `Record<FailureKind, …>` and a missing kind
 * does not compile.
 */
export type FailureKind =
  | 'malformed'
  | 'unauthenticated'
  | 'forbidden'
  | 'not-found'
  | 'conflict'
  | 'expired'
  | 'throttled'
  | 'unavailable'

/**
 * A refusal, as a value that every wire can put into its own words.
 *
 * - `reason`: a stable slug owned by the slice that refuses (`mfa/code-expired`), for logs, tests and documentation
 * - `message`: what the caller may read
 * - `detail`: for the log alone; never a secret
 *
 * INVARIANT: no `status` and no `expose`. Koa and oidc-provider trust those names and would print the message.
 */
export class Failure extends Error {
  readonly kind: FailureKind
  readonly reason: string
  readonly detail: unknown

  constructor(kind: FailureKind, reason: string, message: string, detail?: unknown, options?: ErrorOptions) {
    super(message, options)
    this.name = 'Failure'
    this.kind = kind
    this.reason = reason
    this.detail = detail
  }
}

/** Whether a thrown value is a refusal of ours; anything else is a bug. */
export const isFailure = (thrown: unknown): thrown is Failure => thrown instanceof Failure

/**
 * Says no.
 *
 * @throws Failure always
 */
export function refuse(kind: FailureKind, reason: string, message: string, detail?: unknown): never {
  throw new Failure(kind, reason, message, detail)
}
