import type { Audit } from '#audit'
import type { Vault } from '#crypto'
import type { Database } from '#database'
import type { AuthorizeNeeds } from '#iam'
import type { Clock } from '#kernel'
import type { Keys } from '#keys'
import type { StsAssertion, StsAssertionRequest } from '#saml'
import type { Epochs } from '#sessions'
import type { DayKeyCache } from '#sigv4'

import type { StsSettings } from './config.ts'
import type { IssuerKeys } from './issuer-keys.ts'
import type { Remembered } from './remembered.ts'
import type { SessionTokens } from './session-token.ts'

/** What proving who signed a request needs. */
export type AuthenticateNeeds = AuthorizeNeeds &
  Pick<Remembered, 'findSessionRole' | 'findActiveKey' | 'findActiveUser'> & {
    readonly clock: Clock
    readonly vault: Vault
    readonly tokens: SessionTokens
    readonly epochs: Pick<Epochs, 'of' | 'requireFresh'>
    readonly dayKeys?: DayKeyCache | undefined
    /** Runs the check of a SigV4A signature (`costlyChecks`). */
    readonly costly: (accessKeyId: string, check: () => void) => void
    /** Notes the use of a long-term key or a role (`keyUses`). Does not wait: nobody's request does for this. */
    readonly noteUse: (use: KeyUse) => void
  }

/** One use of a long-term access key, or of a role's session. */
export type KeyUse = {
  readonly accessKeyId: string
  /** The role whose session it is. */
  readonly roleId?: string | undefined
  readonly at: Temporal.Instant
  readonly service: string
  readonly region: string
}

/** What issuing sessions needs. */
export type StsNeeds = AuthenticateNeeds &
  Remembered & {
    readonly database: Database
    readonly audit: Pick<Audit, 'recordSoon' | 'note'>
    readonly publicUrl: URL
    /** Whose sessions get tokens of the signed form. */
    readonly verifiableSessions: StsSettings['verifiable_sessions']
    /** Keys that sign identity tokens for outside services. */
    readonly keys: Pick<Keys, 'active'>
    /** Checks and uses up a code. @throws Failure forbidden mfa/wrong-code, throttled mfa/too-many-tries */
    readonly verifyMfa: (request: {
      readonly userId: string
      readonly serialNumber: string
      readonly code: string
    }) => Promise<{ readonly at: Temporal.Instant }>
    /** Keys of other issuers, by discovery, and of our own without a request. */
    readonly keysOf: IssuerKeys
    /** @throws Failure with reason `saml/…` */
    readonly verifySaml: (request: StsAssertionRequest) => StsAssertion
    /** The user of ours behind an assertion of our own IdP: the session must die with the user. */
    readonly userOfOwnAssertion: (assertion: StsAssertion) => Promise<string | undefined>
    /** Counts the uses of an assertion (`countAssertionUses`). @throws Failure expired `sts/assertion-used-up` */
    readonly assertionUses: (use: string, now: Temporal.Instant) => void
    /** Our own OpenID issuer: its tokens are about users of ours, who can be disabled. */
    readonly issuer: string
    /** Our SAML entity ID: an assertion may name it as its audience. */
    readonly samlEntityId: string
  }
