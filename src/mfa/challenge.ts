import type { Vault } from '#crypto'
import { type Database, type Queryable, sql } from '#database'
import { type Clock, refuse } from '#kernel'
import { redeemRecoveryCode } from './factors/recovery-codes.ts'
import { redeemTotp } from './factors/totp.ts'

/** What checking a code takes. */
export type ChallengeNeeds = { readonly database: Database; readonly vault: Vault; readonly clock: Clock }

/** What a right code proved. */
export type ProvedFactor =
  | { readonly factor: 'totp'; readonly serialNumber: string; readonly at: Temporal.Instant }
  | { readonly factor: 'recovery-code'; readonly at: Temporal.Instant }

/** Wrong codes per user and window, over all second factors together. */
const limit = 5
const windowMinutes = 15

/**
 * Checks and uses up a code of an authenticator app (6 digits) or a recovery code. The try is counted before the code
 * is looked at, so that a burst of guesses has no more of them than a patient guesser.
 *
 * @param request `serialNumber` narrows to one device, as the AWS wire does
 * @throws Failure forbidden mfa/wrong-code, throttled mfa/too-many-tries
 */
export async function verifyMfaCode(
  needs: ChallengeNeeds,
  request: {
    readonly userId: string
    readonly serialNumber?: string | undefined
    readonly code: string
    /** Which factors may answer; an AWS `TokenCode` is never a recovery code. */
    readonly accept?: 'totp' | 'recovery-code' | 'any' | undefined
  },
): Promise<ProvedFactor> {
  const { database, clock } = needs
  const { accept = request.serialNumber === undefined ? 'any' : 'totp' } = request
  await countTry(database, clock, request.userId)
  const device = accept === 'recovery-code' ? undefined : await redeemTotp(database, needs, request)
  if (device !== undefined) {
    await forgetTries(database, request.userId)
    return { factor: 'totp', serialNumber: device.serialNumber, at: clock() }
  }
  if (accept !== 'totp' && (await redeemRecoveryCode(database, needs, request))) {
    await forgetTries(database, request.userId)
    return { factor: 'recovery-code', at: clock() }
  }
  return refuse('forbidden', 'mfa/wrong-code', 'That code is not right.')
}

async function countTry(db: Queryable, clock: Clock, userId: string): Promise<void> {
  const now = clock()
  const begin = now.subtract({ minutes: windowMinutes })
  const { rows } = await db.query<{ tries: number }>(
    sql`insert into mfa_try (user_id, since, tries) values (${userId}, ${now}, 1)
        on conflict (user_id) do update
          set tries = case when mfa_try.since <= ${begin} then 1 else least(mfa_try.tries + 1, ${limit + 1}) end,
              since = case when mfa_try.since <= ${begin} then excluded.since else mfa_try.since end
        returning tries`,
  )
  if ((rows[0]?.tries ?? 0) > limit)
    refuse('throttled', 'mfa/too-many-tries', 'Too many wrong codes. Wait 15 minutes and try again.')
}

const forgetTries = async (db: Queryable, userId: string): Promise<void> => {
  await db.query(sql`delete from mfa_try where user_id = ${userId}`)
}
