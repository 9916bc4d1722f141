import type { CliNeeds } from '#cli-sessions'
import type { SigninNeeds } from '#signin'
import type { StsNeeds } from '#sts'

/** What this face takes: what signing in takes, STS, and the sessions of command lines. */
export type AwsSsoNeeds = SigninNeeds & {
  readonly sts: StsNeeds
  readonly cli: CliNeeds
  readonly publicUrl: URL
}
