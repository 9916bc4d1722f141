import type { EpochKind } from '#sessions'
import type { SigningAlgorithm } from '#sigv4'

import type { SessionClaims } from './claims.ts'
import type { StsNeeds } from './needs.ts'
import { packedPolicySize, tokenUtilization } from './packed-size.ts'
import type { SessionCredentials } from './session-token.ts'

/** A session that was issued. */
export type Issued = {
  readonly credentials: SessionCredentials
  /** Percent of the packed budget; absent where neither policy nor tags were given. */
  readonly packedPolicySize?: number | undefined
  readonly claims: SessionClaims
}

/** What ends a session when it is revoked: each with the epoch it has now, or had at the issue of the parent. */
export function epochsOf(
  needs: Pick<StsNeeds, 'epochs'>,
  inherited: SessionClaims['epochs'],
  subjects: readonly (readonly [kind: EpochKind, id: string])[],
): SessionClaims['epochs'] {
  const known = new Set(inherited.map(([kind, id]) => `${kind} ${id}`))
  return [
    ...inherited,
    ...subjects
      .filter(([kind, id]) => !known.has(`${kind} ${id}`))
      .map(([kind, id]) => [kind, id, needs.epochs.of(kind, id)] as const),
  ]
}

/** How long, and in which form. */
type IssueRules = {
  readonly seconds: number
  readonly minimumSize?: number | undefined
  /** How the asking call was signed: a client that signs with SigV4A will do so with what it gets. */
  readonly algorithm?: SigningAlgorithm | undefined
}

/**
 * Mints a session from now on.
 *
 * @throws Failure malformed `sts/packed-policy-too-large`
 */
export function issue(
  { clock, tokens, verifiableSessions }: Pick<StsNeeds, 'clock' | 'tokens' | 'verifiableSessions'>,
  claims: Omit<SessionClaims, 'issuedAt' | 'expiresAt'>,
  { seconds, minimumSize, algorithm }: IssueRules,
): Issued {
  const issuedAt = clock().round({ smallestUnit: 'second', roundingMode: 'floor' })
  const whole: SessionClaims = { ...claims, issuedAt, expiresAt: issuedAt.add({ seconds }) }
  const percent = packedPolicySize({
    policy: claims.sessionPolicy,
    policyArns: claims.sessionPolicyArns,
    tags: claims.tags,
  })
  const isAsked = verifiableSessions === 'sigv4a' && algorithm === 'AWS4-ECDSA-P256-SHA256'
  const form = verifiableSessions === 'always' || isAsked ? 'signed' : 'sealed'
  return {
    credentials: tokens.mint(whole, minimumSize, form),
    packedPolicySize: percent === 0 ? undefined : percent,
    claims: whole,
  }
}

/** The members that all issuing operations answer with. */
export const issuedOutput = ({ credentials, packedPolicySize: percent }: Issued): IssuedOutput => ({
  Credentials: {
    AccessKeyId: credentials.accessKeyId,
    SecretAccessKey: credentials.secretAccessKey.reveal(),
    SessionToken: credentials.sessionToken,
    Expiration: credentials.expiration,
  },
  PackedPolicySize: percent,
  SessionTokenSize: credentials.sessionToken.length,
  SessionTokenUtilization: tokenUtilization(credentials.sessionToken),
})

type IssuedOutput = {
  readonly Credentials: {
    readonly AccessKeyId: string
    readonly SecretAccessKey: string
    readonly SessionToken: string
    readonly Expiration: Temporal.Instant
  }
  readonly PackedPolicySize: number | undefined
  readonly SessionTokenSize: number
  readonly SessionTokenUtilization: number
}
