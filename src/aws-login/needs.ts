import type { CliNeeds } from '#cli-sessions'
import type { Keys } from '#keys'
import type { SigninNeeds } from '#signin'
import type { StsNeeds } from '#sts'

/** What this face takes: what signing in takes, STS, the sessions of command lines, and keys for the ID token. */
export type AwsLoginNeeds = SigninNeeds & {
  readonly sts: StsNeeds
  readonly cli: CliNeeds
  readonly keys: Pick<Keys, 'active'>
  readonly publicUrl: URL
}
