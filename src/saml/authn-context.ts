import type { SignedIn } from '#sessions'
import type { RequestedContext } from './authn-request.ts'

/** How strongly a session was signed in: 1 a password or an upstream's word, 2 with a second factor. */
type Level = 1 | 2

const classes: Readonly<Record<Level, readonly string[]>> = {
  1: [
    'urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport',
    'urn:oasis:names:tc:SAML:2.0:ac:classes:Password',
  ],
  2: [
    'https://refeds.org/profile/mfa',
    'urn:oasis:names:tc:SAML:2.0:ac:classes:TimeSyncToken',
    'http://schemas.microsoft.com/claims/multipleauthn',
  ],
}
const unspecified = 'urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified'

/** What a request asks of the sign-in: that it can never be met, or whether it takes a second factor. */
export type ContextDemand =
  { readonly possible: false } | { readonly possible: true; readonly requireMfa: boolean }

/** What must be true of a session before the request can be met; nothing asked, nothing demanded. */
export function contextDemand(requested: RequestedContext | undefined): ContextDemand {
  if (!requested) return { possible: true, requireMfa: false }
  const met = ([1, 2] as const).filter((level) => classFor(requested, level) !== undefined)
  return met.length === 0 ? { possible: false } : { possible: true, requireMfa: !met.includes(1) }
}

/** The class to state for a session, or undefined when it does not satisfy the request. */
export const contextClass = (
  requested: RequestedContext | undefined,
  { mfaAt }: SignedIn,
): string | undefined => classFor(requested, mfaAt === undefined ? 1 : 2)

/**
 * The class that a session of this level may state. A second factor came on top of a password, so such a session
 * satisfies a request for exactly a password too, and states that.
 */
function classFor(requested: RequestedContext | undefined, reached: Level): string | undefined {
  const own = classes[reached][0]
  if (!requested) return own
  const known = requested.classRefs.filter((each) => each === unspecified || levelOf(each) !== undefined)
  const levels = known.map(levelOf).filter((level) => level !== undefined)
  switch (requested.comparison) {
    case 'exact':
      return known.find((each) => (levelOf(each) ?? 1) <= reached)
    case 'minimum':
      return levels.some((level) => reached >= level) || known.includes(unspecified) ? own : undefined
    case 'maximum':
      return levels.some((level) => level >= reached)
        ? own
        : known.find((each) => (levelOf(each) ?? 1) <= reached)
    case 'better':
      return levels.length > 0 && levels.every((level) => reached > level) ? own : undefined
  }
}

const levelOf = (classRef: string): Level | undefined =>
  ([1, 2] as const).find((level) => classes[level].includes(classRef))
