import type { Audit } from '#audit'
import type { Vault } from '#crypto'
import type { Database } from '#database'
import type { Clock } from '#kernel'
import type { Epochs } from '#sessions'
import type { CommandLineSettings } from './config.ts'

/** What sessions of a command line stand on. */
export type CliNeeds = {
  readonly database: Database
  readonly vault: Pick<Vault, 'mac'>
  readonly clock: Clock
  readonly audit: Audit
  readonly epochs: Pick<Epochs, 'of' | 'raise' | 'requireFresh'>
  readonly settings: CommandLineSettings
}
