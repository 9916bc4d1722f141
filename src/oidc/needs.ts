import type { Audit } from '#audit'
import type { Vault } from '#crypto'
import type { Database } from '#database'
import type { Context, FormGuard, RequestInfo, Wire } from '#http'
import type { Clock } from '#kernel'
import type { Keys } from '#keys'
import type { BrowserSession, Epochs, Sessions } from '#sessions'
import type { Assessment, Requirement } from '#signin'
import type { OidcSettings } from './config.ts'
import type { OidcPages } from './pages.ts'

/** What the OpenID provider stands on. */
export type OidcNeeds = {
  readonly database: Database
  readonly vault: Vault
  readonly clock: Clock
  readonly audit: Audit
  readonly keys: Keys
  readonly sessions: Sessions
  readonly epochs: Epochs
  readonly publicUrl: URL
  readonly settings: OidcSettings
  readonly guard: FormGuard
  /** Answers with a page, in the visitor's language and colours; never cached. */
  show<Name extends keyof OidcPages>(ctx: Context, name: Name, props: OidcPages[Name], status?: number): void
  /** How refusals read as pages. */
  readonly wire: Wire
  /** signin's: whether this session answers the requirement, needs a step, or is refused. */
  assess(request: {
    readonly session: BrowserSession | undefined
    readonly requirement: Requirement
    readonly from: RequestInfo
  }): Promise<Assessment>
  /** signin's: the path of a new interaction (`/login/…`), which ends in the resumer of kind `oidc`. */
  begin(request: {
    readonly kind: 'oidc'
    readonly reference: string
    readonly requirement: Requirement
  }): Promise<string>
}
