import type { SigninNeeds } from '#signin'
import type { StsNeeds } from '#sts'

/** What the portal takes: what signing in takes, and STS. */
export type PortalNeeds = SigninNeeds & {
  readonly sts: StsNeeds
  readonly publicUrl: URL
  /** Brings this node's revocation epochs up to now: after a change that ends the visitor's own session. */
  readonly catchUp: () => Promise<void>
}
