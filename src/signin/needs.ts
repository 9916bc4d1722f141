import type { Audit } from '#audit'
import type { PasswordHasher, Vault } from '#crypto'
import type { Database } from '#database'
import type { User } from '#directory'
import type { Context, CookieJar, FormGuard, PageSender } from '#http'
import type { BuiltInPolicies } from '#iam'
import type { Clock } from '#kernel'
import type { BrowserSession, Sessions } from '#sessions'

/** How an interaction ended. */
export type SignInResult =
  | { readonly state: 'signed-in'; readonly user: User; readonly session: BrowserSession }
  | { readonly state: 'denied' | 'cancelled'; readonly reason: string }

/**
 * Tells whoever asked how it ended. @returns the URL to go on to, absolute or a path of ours
 *
 * @param reference what `begin` was given
 */
export type Resume = (reference: string, result: SignInResult, ctx: Context) => Promise<string>

/** Signing in through another identity provider; `federation` implements it. */
export type Upstream = {
  /** The connection that owns a mail domain; the answer depends on the domain alone. */
  homeConnection(mailDomain: string): Promise<{ readonly id: string } | undefined>
  /** The connections that show a button. */
  buttons(): Promise<readonly { readonly id: string; readonly label: string }[]>
  /** Begins there. @returns the URL to send the browser to; the way back ends in `finishUpstream` */
  start(
    ctx: Context,
    request: {
      readonly connection: string
      readonly pendingId: string
      readonly loginHint: string | undefined
    },
  ): Promise<string>
}

/** Apps that hear of a sign-out, by name. */
export type SignOutReport = { readonly told: readonly string[]; readonly notTold: readonly string[] }

/** What signing in takes. */
export type SigninNeeds = {
  readonly database: Database
  readonly clock: Clock
  readonly vault: Vault
  readonly hasher: PasswordHasher
  readonly audit: Audit
  readonly sessions: Sessions
  readonly jar: CookieJar
  readonly forms: FormGuard
  readonly pages: PageSender
  readonly builtInPolicies: BuiltInPolicies
  readonly upstream: Upstream
  /** By `kind` of the interaction: each protocol registers its own. */
  readonly resumers: Readonly<Record<string, Resume>>
  /** Tells apps that a session is over, before it is. */
  readonly signOut: (session: BrowserSession) => Promise<SignOutReport>
}

/** No other identity providers: for a deployment without connections, and for tests. */
export const noUpstream: Upstream = {
  homeConnection: async () => undefined,
  buttons: async () => [],
  start: async () => '/',
}
