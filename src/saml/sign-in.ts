import type { User } from '#directory'
import type { Context } from '#http'
import type { BrowserSession } from '#sessions'

/** What a SAML request asks of the sign-in, in signin's terms. */
export type SamlRequirement = {
  readonly app: { readonly id: string; readonly name: string; readonly arn: string }
  readonly requireMfa: boolean
  /** The person must have been present after this moment (ForceAuthn). */
  readonly forceSince?: Temporal.Instant
  readonly loginHint?: string
}

/** Signing in, as this slice needs it. It knows no pages: it asks whether somebody is in, or hands the browser over. */
export type SamlSignIn = {
  /** Whether this browser already satisfies the requirement. */
  readonly assess: (
    ctx: Context,
    requirement: SamlRequirement,
  ) => Promise<
    | { readonly state: 'satisfied'; readonly user: User; readonly session: BrowserSession }
    | { readonly state: 'interact' }
    | { readonly state: 'denied'; readonly reason: string }
  >
  /** Begins a sign-in; the answer is where to send the browser. */
  readonly begin: (
    ctx: Context,
    request: { readonly kind: 'saml'; readonly reference: string; readonly requirement: SamlRequirement },
  ) => Promise<string>
}

/** How a sign-in that we began ended. */
export type SamlSignInResult =
  { readonly state: 'signed-in' } | { readonly state: 'denied' | 'cancelled'; readonly reason: string }
