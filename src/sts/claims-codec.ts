import type { SessionClaims, SessionPrincipal } from './claims.ts'

/** Positions of the compact form, so that a token carries no names. A change of it needs a new token version. */
type Compact = readonly [
  accountId: string,
  principal: readonly string[],
  issuedAt: number,
  lifetimeSeconds: number,
  epochs: SessionClaims['epochs'],
  tags: readonly (readonly [string, string])[],
  transitive: readonly string[],
  sessionPolicyArns: readonly string[],
  federatedContext: readonly (readonly [string, string])[],
  chainDepth: number,
  sourceIdentity: string | 0,
  sessionPolicy: string | 0,
  mfaAt: number,
  federatedProvider: string | 0,
]

const seconds = (at: Temporal.Instant): number => Math.floor(at.epochMilliseconds / 1000)
const instant = (at: number): Temporal.Instant => Temporal.Instant.fromEpochMilliseconds(at * 1000)

/** The claims as compact JSON. */
export function writeClaims(claims: SessionClaims): string {
  const compact: Compact = [
    claims.accountId,
    writePrincipal(claims.principal),
    seconds(claims.issuedAt),
    seconds(claims.expiresAt) - seconds(claims.issuedAt),
    claims.epochs,
    claims.tags.map(({ key, value }) => [key, value]),
    claims.transitiveTagKeys,
    claims.sessionPolicyArns,
    claims.federatedContext,
    claims.chainDepth,
    claims.sourceIdentity ?? 0,
    claims.sessionPolicy ?? 0,
    claims.mfaAt === undefined ? 0 : seconds(claims.mfaAt),
    claims.federatedProvider ?? 0,
  ]
  return JSON.stringify(compact)
}

/** Back from the compact form. Only ever called on text that our own seal has proven. */
export function readClaims(text: string): SessionClaims {
  const [
    accountId,
    principal,
    issuedAt,
    lifetime,
    epochs,
    tags,
    transitiveTagKeys,
    sessionPolicyArns,
    federatedContext,
    chainDepth,
    sourceIdentity,
    sessionPolicy,
    mfaAt,
    federatedProvider,
  ] = JSON.parse(text) as Compact
  return {
    accountId,
    principal: readPrincipal(principal),
    issuedAt: instant(issuedAt),
    expiresAt: instant(issuedAt + lifetime),
    epochs,
    tags: tags.map(([key, value]) => ({ key, value })),
    transitiveTagKeys,
    sessionPolicyArns,
    federatedContext,
    chainDepth,
    sourceIdentity: sourceIdentity === 0 ? undefined : sourceIdentity,
    sessionPolicy: sessionPolicy === 0 ? undefined : sessionPolicy,
    mfaAt: mfaAt === 0 ? undefined : instant(mfaAt),
    federatedProvider: federatedProvider === 0 ? undefined : federatedProvider,
  }
}

function writePrincipal(principal: SessionPrincipal): readonly string[] {
  switch (principal.kind) {
    case 'role':
      return ['r', principal.roleId, principal.roleName, principal.sessionName]
    case 'user':
      return ['u', principal.userId]
    case 'root':
      return ['0']
    case 'federated-user':
      return principal.userId === undefined ? ['f', principal.name] : ['f', principal.name, principal.userId]
    default:
      return principal satisfies never
  }
}

function readPrincipal([kind, first = '', second, third = '']: readonly string[]): SessionPrincipal {
  switch (kind ?? '') {
    case 'r':
      return { kind: 'role', roleId: first, roleName: second ?? '', sessionName: third }
    case 'u':
      return { kind: 'user', userId: first }
    case '0':
      return { kind: 'root' }
    case 'f':
      return { kind: 'federated-user', name: first, ...(second === undefined ? {} : { userId: second }) }
    default:
      throw new TypeError(`A session token names an unknown kind of principal: ${kind}`)
  }
}
