import type { KeyObject } from 'node:crypto'

import { signingKey, sigv4aKey, sigv4aPublicKey, type Authorization, type SignableRequest } from '#sigv4'
import { revocationSubject } from '#sessions'

import { authenticate, findCredentials, type AuthenticateRules, type SignedCaller } from './authenticate.ts'
import type { AuthenticateNeeds } from './needs.ts'
import { refuseToken } from './refuse-token.ts'
import { epochsOfSession } from './signed-session.ts'

/** What a service needs to verify further requests of a caller without asking. */
export type ServiceKey = {
  readonly signed: SignedCaller
  readonly authorization: Authorization
  /** The HMAC key of the request's day, region and service; or the public key that verifies SigV4A. */
  readonly key:
    | { readonly kind: 'hmac'; readonly secret: Buffer }
    | { readonly kind: 'public'; readonly publicKey: KeyObject }
  /** All that ends it when it is raised: pairs of a revocation subject and its epoch now. */
  readonly epochs: readonly (readonly [subject: string, epoch: number])[]
  /** When to ask again at the latest. */
  readonly expiresAt: Temporal.Instant
}

/**
 * Proves a request, and gives what verifies others of the same caller, day, region and service. Only for a request that
 * the service has really received: nobody learns the key of a caller that it has not seen.
 *
 * @throws Failure as `authenticate`
 */
export async function serviceKey(
  needs: AuthenticateNeeds,
  request: SignableRequest,
  rules: AuthenticateRules,
): Promise<ServiceKey> {
  const first = await authenticate(needs, request, rules)
  // INVARIANT: the epochs are read before the caller is proven for good. What is revoked in between is refused below, and
  // what is revoked later is above these numbers.
  const epochs = epochsOf(needs, first)
  const signed = await authenticate(needs, request, rules)
  const { authorization, secret, publicKey } = await findCredentials(needs, request, rules)
  const { day, region, service, algorithm } = authorization
  return {
    signed,
    authorization,
    key:
      algorithm === 'AWS4-HMAC-SHA256'
        ? {
            kind: 'hmac',
            secret: signingKey(secret?.reveal() ?? refuseToken(), day, region, service),
          }
        : {
            kind: 'public',
            publicKey:
              publicKey ??
              sigv4aPublicKey(
                sigv4aKey(authorization.accessKeyId, secret?.reveal() ?? refuseToken()).publicKey,
              ),
          },
    epochs,
    expiresAt: endOf(signed, authorization),
  }
}

function epochsOf(
  { epochs }: Pick<AuthenticateNeeds, 'epochs'>,
  { session, accessKeyId, caller }: SignedCaller,
): ServiceKey['epochs'] {
  const all =
    session === undefined
      ? (
          [
            ['account', caller.accountId],
            ['key', accessKeyId],
            ...(caller.type === 'user' ? [['user', caller.userId] as const] : []),
          ] as const
        ).map(([kind, id]) => [kind, id, epochs.of(kind, id)] as const)
      : epochsOfSession(accessKeyId, session)
  return all.map(([kind, id, epoch]) => [revocationSubject(kind, id), epoch])
}

/** The end of the session, or of the day whose key it is and the fifteen minutes after it. */
function endOf({ session }: SignedCaller, { day }: Authorization): Temporal.Instant {
  const nextDay = Temporal.PlainDate.from(`${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6)}`)
    .add({ days: 1 })
    .toZonedDateTime('UTC')
    .toInstant()
    .add({ minutes: 15 })
  return session !== undefined && Temporal.Instant.compare(session.expiresAt, nextDay) < 0
    ? session.expiresAt
    : nextDay
}
