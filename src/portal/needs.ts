import type { CliNeeds } from '#cli-sessions'
import type { Queryable } from '#database'
import type { SigninNeeds } from '#signin'
import type { StsNeeds } from '#sts'

/** What the portal takes: what signing in takes, and STS. */
export type PortalNeeds = SigninNeeds & {
  readonly sts: StsNeeds
  /** Sessions of command lines. */
  readonly cli: CliNeeds
  readonly publicUrl: URL
  /** Brings this node's revocation epochs up to now: after a change that ends the visitor's own session. */
  readonly catchUp: () => Promise<void>
  /** Ends everything that was ever issued to a user, tokens and role sessions as well (`Epochs.raise`). */
  readonly endEverything: (tx: Queryable, userId: string) => Promise<void>
}
