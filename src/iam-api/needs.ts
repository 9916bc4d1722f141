import type { Audit } from '#audit'
import type { PasswordHasher, Vault } from '#crypto'
import type { Database } from '#database'
import type { BuiltInPolicies } from '#iam'
import type { Clock } from '#kernel'

import type { IamSettings } from './config.ts'

/** What the IAM API stands on. */
export type IamApiNeeds = {
  readonly database: Database
  readonly builtInPolicies: BuiltInPolicies
  readonly vault: Vault
  readonly hasher: PasswordHasher
  readonly publicUrl: URL
  readonly clock: Clock
  readonly audit: Audit
  readonly settings: IamSettings
  readonly log: { warn(fields: object, message: string): void }
}
