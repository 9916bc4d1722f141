import { equal } from '#crypto'
import type { Caller } from '#iam'
import { refuse } from '#kernel'

import { requireLive } from './authenticate.ts'
import { sessionCaller } from './callers.ts'
import type { SessionClaims } from './claims.ts'
import type { AuthenticateNeeds } from './needs.ts'

/** Who temporary credentials belong to. */
export type ProvenSession = { readonly caller: Caller; readonly session: SessionClaims }

/**
 * Temporary credentials that are presented whole, instead of signed with: proven by making the secret again from key id and
 * token. Everything that a signed request is held against is asked here too.
 *
 * @param until when given, how long the session counts, instead of what its token says
 * @throws Failure unauthenticated `sts/invalid-token`; expired `sts/session-expired`
 */
export async function proveSession(
  needs: AuthenticateNeeds,
  credentials: {
    readonly accessKeyId: string
    readonly sessionToken: string
    readonly secretAccessKey?: string
  },
  until?: Temporal.Instant,
): Promise<ProvenSession> {
  const { accessKeyId, sessionToken, secretAccessKey } = credentials
  const { claims, secretAccessKey: own } = needs.tokens.open(accessKeyId, sessionToken)
  const invalid = (): never =>
    refuse('unauthenticated', 'sts/invalid-token', 'The security token included in the request is invalid.')
  // Without a secret the pair comes out of a seal of ours, that was made when the secret was shown.
  if (secretAccessKey !== undefined && !equal(secretAccessKey, own.reveal())) return invalid()
  const session = until === undefined ? claims : { ...claims, expiresAt: until }
  await requireLive(needs, accessKeyId, session)
  const caller = (await sessionCaller(needs, accessKeyId, session)) ?? invalid()
  return { caller, session }
}
