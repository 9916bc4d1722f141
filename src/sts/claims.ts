import type { EpochKind } from '#sessions'

/** Whose session it is. Typed ids, never names alone: nothing a provider says can collide with a user, a role or root. */
export type SessionPrincipal =
  | {
      readonly kind: 'role'
      readonly roleId: string
      readonly roleName: string
      readonly sessionName: string
    }
  | { readonly kind: 'user'; readonly userId: string }
  | { readonly kind: 'root' }
  /** `userId` is absent where root asked for the federation token. */
  | { readonly kind: 'federated-user'; readonly name: string; readonly userId?: string }

/** A session tag (or any tag): one value per key; keys compare without case. */
export type Tag = { readonly key: string; readonly value: string }

/** What a session token says, sealed. Never the secret key and never the policies of the principal, only ids. */
export type SessionClaims = {
  /** 12 digits. */
  readonly accountId: string
  readonly principal: SessionPrincipal
  /** Whole seconds. */
  readonly issuedAt: Temporal.Instant
  readonly expiresAt: Temporal.Instant
  /** Epoch of everything whose revocation ends this session, as it was at issue. */
  readonly epochs: readonly (readonly [kind: EpochKind, id: string, epoch: number])[]
  /** Immutable along the whole chain of sessions, once set. */
  readonly sourceIdentity?: string | undefined
  readonly tags: readonly Tag[]
  /** Keys of those tags that go on to the next role of a chain. */
  readonly transitiveTagKeys: readonly string[]
  /** The session policy as JSON text. */
  readonly sessionPolicy?: string | undefined
  /** Managed policies that limit the session. */
  readonly sessionPolicyArns: readonly string[]
  /** When a second factor was shown; undefined where none was. */
  readonly mfaAt?: Temporal.Instant | undefined
  /** ARN of the identity provider entity where an external identity was traded for this session. */
  readonly federatedProvider?: string | undefined
  /** Condition keys of that identity which go on to later requests (`saml:sub`, `<issuer>:sub`, …). */
  readonly federatedContext: readonly (readonly [key: string, value: string])[]
  /** How many role sessions stand before this one. */
  readonly chainDepth: number
}
