import { sql } from '#database'

import type { Call } from './call.ts'
import { requireRoom } from './limits.ts'

/** More creations than may run at once on all nodes together. */
const nearby = 500

/**
 * Refuses to create one more than an account may have. Close to the quota, creations of one kind wait for each other,
 * so that the last place is given once.
 *
 * @param name as AWS names the quota: `UsersPerAccount`
 * @throws Failure conflict iam-api/limit-exceeded
 */
export async function requireAccountRoom(
  { db, accountId }: Pick<Call, 'db' | 'accountId'>,
  name: string,
  quota: number,
  count: (db: Call['db'], accountId: string) => Promise<number>,
): Promise<void> {
  const first = await count(db, accountId)
  requireRoom(first, quota, name)
  if (first + nearby < quota) return
  await db.query(sql`select pg_advisory_xact_lock(hashtextextended(${`iam-api/${name}/${accountId}`}, 0))`)
  requireRoom(await count(db, accountId), quota, name)
}
