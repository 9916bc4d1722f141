import type { CliNeeds } from '#cli-sessions'
import type { SigninNeeds } from '#signin'
import type { StsNeeds } from '#sts'

/** What this face takes. */
export type FederationUrlNeeds = SigninNeeds & {
  readonly sts: StsNeeds
  readonly cli: Pick<CliNeeds, 'epochs'>
  readonly publicUrl: URL
}
