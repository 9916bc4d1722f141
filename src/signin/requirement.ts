import { z } from 'zod'
import type { Database } from '#database'
import { findApp } from '#apps'
import { findUserById, type User } from '#directory'
import type { RequestInfo } from '#http'
import { authorize, type BuiltInPolicies, type Remembering, userCaller } from '#iam'
import type { Clock } from '#kernel'
import { type Authentication, type BrowserSession, signedIn } from '#sessions'

/** What whoever asks for a sign-in wants of it. */
export type Requirement = {
  /** What the user signs in to; absent for Signet itself. */
  readonly app?: { readonly id: string; readonly name: string; readonly arn: string } | undefined
  readonly requireMfa: boolean
  /** OIDC `max_age`: the user proved to be there at most so long ago. */
  readonly maxAgeSeconds?: number | undefined
  /** `prompt=login`, `ForceAuthn`: the proof is newer than this. */
  readonly forceSince?: Temporal.Instant | undefined
  /** What to write into the first field. */
  readonly loginHint?: string | undefined
}

/** Whether a browser's session is enough as it is. */
export type Assessment =
  | { readonly state: 'satisfied'; readonly user: User; readonly session: BrowserSession }
  | { readonly state: 'interact' }
  | { readonly state: 'denied'; readonly reason: string }

/** What judging needs. */
export type AssessNeeds = Remembering & {
  readonly database: Database
  readonly clock: Clock
  readonly builtInPolicies: BuiltInPolicies
}

/**
 * Silent single sign-on: protocols ask this first, and go on without a page when it is satisfied.
 *
 * Asks the policy engine for `signet:SignIn` on the app's ARN; status and epochs of user and session were asked by
 * whoever read the session.
 */
export async function assess(
  needs: AssessNeeds,
  request: {
    readonly session: BrowserSession | undefined
    readonly requirement: Requirement
    readonly from: RequestInfo
  },
): Promise<Assessment> {
  const { session, requirement } = request
  if (session === undefined) return { state: 'interact' }
  const user = await findUserById(needs.database, session.userId)
  if (user === undefined || user.status !== 'active') return { state: 'interact' }
  if (!isFresh(session.authentications, requirement, needs.clock())) return { state: 'interact' }
  const { mfaAt } = signedIn(session)
  if (requirement.requireMfa && mfaAt === undefined) return { state: 'interact' }
  const access = await mayUse(needs, { ...request, user, authentications: session.authentications })
  if (access.state === 'needs-mfa') return { state: 'interact' }
  return access.state === 'denied' ? access : { state: 'satisfied', user, session }
}

/** Whether the newest proof is as new as is asked. */
export function isFresh(
  authentications: readonly Authentication[],
  requirement: Requirement,
  now: Temporal.Instant,
): boolean {
  const { authTime } = signedIn({ authentications })
  const { maxAgeSeconds, forceSince } = requirement
  if (maxAgeSeconds !== undefined && authTime.until(now).total('seconds') > maxAgeSeconds) return false
  return forceSince === undefined || Temporal.Instant.compare(authTime, forceSince) > 0
}

/** What the policies say about this user and the app; without an app, every active user may. */
export async function mayUse(
  needs: AssessNeeds,
  request: {
    readonly user: User
    readonly authentications: readonly Authentication[]
    readonly requirement: Requirement
    readonly from: RequestInfo
  },
): Promise<{ state: 'allowed' } | { state: 'needs-mfa' } | { state: 'denied'; reason: string }> {
  const { requirement, user } = request
  if (requirement.app === undefined) return { state: 'allowed' }
  const app = await findApp(needs.database, requirement.app.id)
  if (app === undefined || !app.enabled) return { state: 'denied', reason: 'The app is switched off.' }
  const { authTime, mfaAt } = signedIn(request)
  const decision = await authorize(needs, {
    caller: userCaller(user, { issuedAt: authTime, mfaAt }),
    action: 'signet:SignIn',
    resource: { arn: app.arn, accountId: app.accountId },
    from: request.from,
  })
  if (decision.effect === 'Allow') return { state: 'allowed' }
  // An app for everyone needs no Allow; a Deny counts all the same.
  if (app.access === 'everyone' && !decision.explicit) return { state: 'allowed' }
  if (decision.missing?.kind === 'mfa' && mfaAt === undefined) return { state: 'needs-mfa' }
  return {
    state: 'denied',
    reason: decision.explicit ? 'A policy denies it.' : 'No policy allows it.',
  }
}

const stored = z.object({
  app: z.object({ id: z.string(), name: z.string(), arn: z.string() }).optional(),
  requireMfa: z.boolean(),
  maxAgeSeconds: z.number().optional(),
  forceSince: z
    .string()
    .transform((text) => Temporal.Instant.from(text))
    .optional(),
  loginHint: z.string().optional(),
})

/** A requirement as text; `readRequirement` reads it back. */
export const writeRequirement = (requirement: Requirement): string => JSON.stringify(requirement)

/** Reads what `writeRequirement` wrote. */
export const readRequirement = (text: string): Requirement => stored.parse(JSON.parse(text))
