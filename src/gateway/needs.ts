import type { GatewayApp } from '#apps'
import type { Audit } from '#audit'
import type { Vault } from '#crypto'
import type { Database } from '#database'
import type { Original } from '#forward-auth'
import type { RequestInfo } from '#http'
import type { AuthenticateNeeds } from '#sts'
import type { Forwarding } from './forward.ts'

/** What standing before a store takes. */
export type S3Needs = Omit<AuthenticateNeeds, 'database'> & {
  readonly database: Database
  readonly vault: Vault
  readonly audit: Pick<Audit, 'note'>
  readonly forwarding: Pick<Forwarding, 'send'>
}

/** A request to an app that the gateway stands before. */
export type Arrival = {
  readonly app: GatewayApp
  readonly original: Original
  readonly from: RequestInfo
  /** The bucket that the host names (`bucket.s3.example.com`). */
  readonly bucket?: string | undefined
}
