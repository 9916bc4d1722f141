import type { KeyObject } from 'node:crypto'

import type { Caller } from '#iam'
import { refuse, type Secret } from '#kernel'
import {
  type ChunkChain,
  checkFreshness,
  chunkChain,
  parseAuthorization,
  sigv4aPublicKey,
  verifySignature,
  type Authorization,
  type SignableRequest,
  type SigningAlgorithm,
} from '#sigv4'

import type { SessionClaims } from './claims.ts'
import { rootCaller, sessionCaller, userCaller } from './callers.ts'
import type { AuthenticateNeeds } from './needs.ts'
import { epochsOfSession } from './signed-session.ts'

/** What a verifier of signed requests accepts. */
export type AuthenticateRules = {
  /** The services of the credential scope that are meant for this verifier. */
  readonly services: readonly string[]
  /** Whether the body may be outside the signature. Never so on `iam` and `sts`. */
  readonly unsignedPayload?: boolean
  /** Whether a presigned request lives as long as it says instead of fifteen minutes. */
  readonly presigned?: 'fifteen-minutes' | 'as-signed'
  /** Whether the caller verifies the signed chunks of a body (`STREAMING-AWS4-HMAC-SHA256-PAYLOAD`) as they come. */
  readonly chunks?: boolean
}

/** Who signed a request, proven. */
export type SignedCaller = {
  readonly caller: Caller
  /** What the session token says; absent for long-term keys. */
  readonly session?: SessionClaims | undefined
  readonly accessKeyId: string
  /** Region and service of the credential scope. */
  readonly region: string
  readonly service: string
  readonly algorithm: SigningAlgorithm
  /** What the signatures of the body's chunks are verified with, where the rules ask for it. */
  readonly chunks?: ChunkChain | undefined
}

/** Whose credentials a request names, looked up but not proven yet. */
export type Credentials = {
  readonly authorization: Authorization
  /** Absent where only a public key is known. */
  readonly secret?: Secret | undefined
  readonly publicKey?: KeyObject | undefined
  /** Makes the caller, once the signature has proven it: expiry, epochs, status. */
  readonly resolve: () => Promise<SignedCaller>
}

/**
 * The one way a signed request becomes a caller, used by every face that takes SigV4. In this order: syntax → time →
 * key → signature → expiry and epochs → status. The size of the body is the reader's to bound before.
 *
 * @throws Failure unauthenticated `sts/missing-authentication` where nothing is signed, `sts/invalid-token` for an
 * unknown or inactive key, a foreign or damaged token, a disabled user, and what #sigv4 refuses
 * @throws Failure expired `sts/session-expired` for a session that is over or was revoked
 * @throws Failure malformed `sigv4/incomplete-signature`, `sigv4/malformed-url`
 * @throws Failure throttled `sts/too-many-signatures` for a key whose SigV4A signatures keep failing
 */
export async function authenticate(
  needs: AuthenticateNeeds,
  request: SignableRequest,
  rules: AuthenticateRules,
): Promise<SignedCaller> {
  const found = lookFor(needs, request, rules)
  // A session's credentials are in its token: waiting for them would cost as much as finding them.
  const credentials = found instanceof Promise ? await found : found
  verifyWith(credentials, needs, request, rules)
  const signed = await credentials.resolve()
  return rules.chunks === true ? { ...signed, chunks: chunksOf(credentials) } : signed
}

function verifyWith(
  { authorization, secret, publicKey }: Credentials,
  needs: AuthenticateNeeds,
  request: SignableRequest,
  rules: AuthenticateRules,
): void {
  const verifyRules = {
    secret: secret?.reveal(),
    publicKey,
    unsignedPayload: rules.unsignedPayload ?? false,
    keys: needs.dayKeys,
  }
  // Verifying SigV4A costs many times what forging one does.
  if (authorization.algorithm === 'AWS4-HMAC-SHA256') verifySignature(authorization, request, verifyRules)
  else needs.costly(authorization.accessKeyId, () => verifySignature(authorization, request, verifyRules))
}

const chunksOf = ({ authorization, secret }: Credentials): ChunkChain | undefined =>
  secret !== undefined && authorization.algorithm === 'AWS4-HMAC-SHA256'
    ? chunkChain(authorization, secret.reveal())
    : undefined

/**
 * The first half of `authenticate`: what can be checked from the header alone. A reader calls it before it takes a
 * large body.
 */
export const findCredentials = async (
  needs: AuthenticateNeeds,
  request: Omit<SignableRequest, 'body'>,
  rules: AuthenticateRules,
): Promise<Credentials> => lookFor(needs, request, rules)

function lookFor(
  needs: AuthenticateNeeds,
  request: Omit<SignableRequest, 'body'>,
  rules: AuthenticateRules,
): Credentials | Promise<Credentials> {
  const authorization = parseAuthorization(request)
  if (authorization === undefined) {
    return refuse('unauthenticated', 'sts/missing-authentication', 'Request is missing Authentication Token')
  }
  const now = needs.clock()
  checkFreshness(authorization, {
    now,
    services: rules.services,
    presigned: rules.presigned,
  })
  const { accessKeyId, sessionToken } = authorization
  return sessionToken !== undefined || accessKeyId.startsWith('ASIA')
    ? temporaryCredentials(needs, authorization, sessionToken ?? '', now)
    : longTermCredentials(needs, authorization, now)
}

function temporaryCredentials(
  needs: AuthenticateNeeds,
  authorization: Authorization,
  sessionToken: string,
  at: Temporal.Instant,
): Credentials {
  const { accessKeyId, region, service, algorithm } = authorization
  const { claims, secretAccessKey } = needs.tokens.open(accessKeyId, sessionToken, at)
  return {
    authorization,
    secret: secretAccessKey,
    resolve: async () => {
      await needs.epochs.requireFresh()
      refuseEnded(needs.epochs, accessKeyId, claims, at)
      const caller = (await sessionCaller(needs, accessKeyId, claims)) ?? refuseKey()
      if (caller.type === 'role-session')
        needs.noteUse({ accessKeyId, roleId: caller.role.roleId, at, service, region })
      return { caller, session: claims, accessKeyId, region, service, algorithm }
    },
  }
}

async function longTermCredentials(
  needs: AuthenticateNeeds,
  authorization: Authorization,
  at: Temporal.Instant,
): Promise<Credentials> {
  const { accessKeyId, region, service, algorithm } = authorization
  const key = await needs.findActiveKey(accessKeyId)
  if (key === undefined) return refuseKey()
  return {
    authorization,
    ...(key.publicKey === undefined ? { secret: key.secret } : { publicKey: sigv4aPublicKey(key.publicKey) }),
    resolve: async () => {
      const user = key.userId === undefined ? undefined : await needs.findActiveUser(key.userId)
      if (key.userId !== undefined && user === undefined) return refuseKey()
      needs.noteUse({ accessKeyId, at, service, region })
      const caller =
        user === undefined ? rootCaller(key.accountId, { accessKeyId }) : userCaller(user, { accessKeyId })
      return { caller, accessKeyId, region, service, algorithm }
    },
  }
}

/**
 * Who a session token is for, where its bearer is known to be genuine by other means: a service that a role session
 * called asks about it. The session's expiry and revocations count as everywhere.
 *
 * @throws Failure unauthenticated `sts/invalid-token`; expired `sts/session-expired`
 */
export async function callerOfSession(
  needs: AuthenticateNeeds,
  accessKeyId: string,
  sessionToken: string,
): Promise<Caller> {
  const { claims } = needs.tokens.open(accessKeyId, sessionToken)
  await requireLive(needs, accessKeyId, claims)
  return (await sessionCaller(needs, accessKeyId, claims)) ?? refuseKey()
}

/**
 * Refuses a session that is over, or of which anything it rests on was revoked after its issue: account, user, role, the
 * keys and sessions before it, the browser it was taken in, or itself. Every path that takes a session calls this.
 *
 * @throws Failure expired `sts/session-expired`; unavailable `sessions/revocations-unknown`
 */
export async function requireLive(
  { clock, epochs }: Pick<AuthenticateNeeds, 'clock' | 'epochs'>,
  accessKeyId: string,
  claims: SessionClaims,
): Promise<void> {
  await epochs.requireFresh()
  refuseEnded(epochs, accessKeyId, claims, clock())
}

function refuseEnded(
  epochs: Pick<AuthenticateNeeds['epochs'], 'of'>,
  accessKeyId: string,
  claims: SessionClaims,
  now: Temporal.Instant,
): void {
  const over = claims.expiresAt.epochMilliseconds <= now.epochMilliseconds
  const isRaised = ([kind, id, epoch]: SessionClaims['epochs'][number]) => epochs.of(kind, id) !== epoch
  if (over || claims.epochs.some(isRaised) || isRaised(['key', accessKeyId, 0])) {
    const revoked = epochsOfSession(accessKeyId, claims).find(isRaised)
    refuse('expired', 'sts/session-expired', 'The security token included in the request is expired', {
      revoked: revoked?.slice(0, 2),
    })
  }
}

const refuseKey = (): never =>
  refuse('unauthenticated', 'sts/invalid-token', 'The security token included in the request is invalid.')
