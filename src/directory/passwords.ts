import type { PasswordHasher } from '#crypto'
import { type Database, type Queryable, sql } from '#database'
import { type Clock, isFailure } from '#kernel'
import { findUserForSignIn, type User } from './users.ts'

/** What is known of a user's password without the password. */
export type PasswordState = {
  /** When the user first got one; a new password does not move it. */
  readonly createdAt: Temporal.Instant
  readonly setAt: Temporal.Instant
  readonly mustChange: boolean
}

/** Whether a user has a password, and since when. */
export async function passwordOf(db: Queryable, userId: string): Promise<PasswordState | undefined> {
  const { rows } = await db.query<{
    created_at: Temporal.Instant
    set_at: Temporal.Instant
    must_change: boolean
  }>(sql`select created_at, set_at, must_change from user_password where user_id = ${userId}`)
  return rows[0] === undefined
    ? undefined
    : { createdAt: rows[0].created_at, setAt: rows[0].set_at, mustChange: rows[0].must_change }
}

/**
 * Sets a user's password to a hash made before the transaction (hashing holds no connection). A changed password ends
 * every browser session and role session of the user; a first one has nothing to end.
 */
export async function setPasswordHash(
  tx: Queryable,
  clock: Clock,
  request: { userId: string; phc: string; mustChange?: boolean },
): Promise<void> {
  const now = clock()
  const { rows } = await tx.query<{ fresh: boolean }>(
    sql`insert into user_password (user_id, phc, created_at, set_at, must_change)
        values (${request.userId}, ${request.phc}, ${now}, ${now}, ${request.mustChange ?? false})
        on conflict (user_id) do update
          set phc = excluded.phc, set_at = excluded.set_at, must_change = excluded.must_change,
              history = (select jsonb_path_query_array(jsonb_build_array(user_password.phc) || user_password.history::jsonb, '$[0 to 23]')::text)
        returning (xmax = 0) as fresh`,
  )
  if (rows[0]?.fresh === false) await tx.query(sql`select raise_epoch('user', ${request.userId})`)
}

/** Whether the user is to choose a new password at the next sign-in. @returns whether there is a password at all */
export async function setMustChange(tx: Queryable, userId: string, mustChange: boolean): Promise<boolean> {
  const { rows } = await tx.query(
    sql`update user_password set must_change = ${mustChange} where user_id = ${userId} returning user_id`,
  )
  return rows.length > 0
}

/** Takes a user's password away; what was signed in with it ends. @returns whether there was one */
export async function removePassword(tx: Queryable, userId: string): Promise<boolean> {
  const { rows } = await tx.query(sql`delete from user_password where user_id = ${userId} returning user_id`)
  if (rows.length === 0) return false
  await tx.query(sql`select raise_epoch('user', ${userId})`)
  return true
}

/**
 * Whether a password is the user's present one or one of the last that came before it. One hash for each: ask for the
 * cheap faults first.
 *
 * @param former how many earlier ones count, 0–24; the present one always does
 * @throws Failure throttled crypto/hashing-busy
 */
export async function wasUsedBefore(
  { database, hasher }: { database: Queryable; hasher: PasswordHasher },
  { userId, password, former }: { userId: string; password: string; former: number },
): Promise<boolean> {
  const { rows } = await database.query<{ phc: string; history: string }>(
    sql`select phc, history from user_password where user_id = ${userId}`,
  )
  const [row] = rows
  if (row === undefined) return false
  const earlier = (JSON.parse(row.history) as string[]).slice(0, former)
  for (const phc of [row.phc, ...earlier]) if (await hasher.verify(phc, password)) return true
  return false
}

/**
 * Whether a name (or verified mail) and password belong together. Unknown users, users without a password and
 * disabled users cost the same time and give the same answer.
 *
 * @returns the user, or undefined
 * @throws Failure throttled crypto/hashing-busy
 */
export async function checkPassword(
  needs: { database: Database; hasher: PasswordHasher; clock: Clock },
  request: { accountId: string; identifier: string; password: string },
): Promise<User | undefined> {
  // A NUL cannot be in a name: no need to ask, but the hash is paid all the same.
  const user = request.identifier.includes('\0')
    ? undefined
    : await findUserForSignIn(needs.database, request.accountId, request.identifier)
  return checkPasswordOf(needs, user, request.password)
}

/** `checkPassword` for a user who was looked for already; undefined where there is none of the name. */
export async function checkPasswordOf(
  needs: { database: Database; hasher: PasswordHasher; clock: Clock },
  user: User | undefined,
  password: string,
): Promise<User | undefined> {
  const { database, hasher, clock } = needs
  const { rows } = await database.query<{ phc: string }>(
    sql`select phc from user_password where user_id = ${user?.userId ?? ''}`,
  )
  const phc = user?.status === 'active' ? rows[0]?.phc : undefined
  const matches = await hasher.verify(phc, password)
  if (!matches || user === undefined || phc === undefined) return undefined
  if (hasher.needsRehash(phc)) {
    try {
      const fresh = await hasher.hash(password)
      await database.query(
        sql`update user_password set phc = ${fresh} where user_id = ${user.userId} and phc = ${phc}`,
      )
    } catch (thrown) {
      // A busy hasher is no reason to refuse a right password; the next sign-in tries again.
      if (!isFailure(thrown)) throw thrown
    }
  }
  await database.query(sql`update users set password_last_used = ${clock()} where user_id = ${user.userId}`)
  return user
}
