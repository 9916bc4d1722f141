import { sha256 } from '#crypto'
import { join, type Queryable, sql } from '#database'
import { type Clock, random } from '#kernel'

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
const count = 10

/** 24 characters of base32, 120 bits: too many to guess, so that a plain SHA-256 may look it up (ASVS 6.5.2). */
const newCode = (): string => Array.from(random(24), (byte) => alphabet[byte & 31]).join('')

/** A code as it is shown: groups of four. */
const shown = (code: string): string => code.replaceAll(/(.{4})(?=.)/g, '$1-')

/** Ten new codes, as they are shown. Not yet anybody's. */
export const newRecoveryCodes = (): readonly string[] => Array.from({ length: count }, () => shown(newCode()))

/** What was typed, as it was made: no spaces or dashes, capitals, and the digits that people take for letters. */
const normalised = (typed: string): string =>
  typed.replaceAll(/[\s-]/g, '').toUpperCase().replaceAll('0', 'O').replaceAll('1', 'I').replaceAll('8', 'B')

/** Makes these the user's codes; the old ones are void. */
export async function setRecoveryCodes(
  tx: Queryable,
  needs: { clock: Clock },
  request: { userId: string; codes: readonly string[] },
): Promise<void> {
  // One after the other: of two who do so at once, each would leave the codes that the other is just making.
  await tx.query(sql`select from users where user_id = ${request.userId} for no key update`)
  await tx.query(sql`delete from recovery_code where user_id = ${request.userId}`)
  const now = needs.clock()
  await tx.query(
    sql`insert into recovery_code (code_hash, user_id, created_at)
        values ${join(request.codes.map((code) => sql`(${sha256(normalised(code))}, ${request.userId}, ${now}::timestamptz)`))}`,
  )
}

/** How many codes a user has left. */
export async function recoveryCodesLeft(db: Queryable, userId: string): Promise<number> {
  const { rows } = await db.query<{ left: number }>(
    sql`select count(*) as left from recovery_code where user_id = ${userId} and used_at is null`,
  )
  return rows[0]?.left ?? 0
}

/** Uses a code up: of many who send the same one, exactly one is let in. @returns whether it was good */
export async function redeemRecoveryCode(
  db: Queryable,
  needs: { clock: Clock },
  request: { userId: string; code: string },
): Promise<boolean> {
  const code = normalised(request.code)
  if (!/^[A-Z2-7]{24}$/.test(code)) return false
  const { rows } = await db.query(
    sql`update recovery_code set used_at = ${needs.clock()}
        where code_hash = ${sha256(code)} and user_id = ${request.userId} and used_at is null
        returning user_id`,
  )
  return rows.length > 0
}

/** Voids a user's codes: they belong to a second factor and go with the last one. */
export async function removeRecoveryCodes(tx: Queryable, userId: string): Promise<void> {
  await tx.query(sql`delete from recovery_code where user_id = ${userId}`)
}
