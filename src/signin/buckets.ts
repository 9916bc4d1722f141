import type { Vault } from '#crypto'
import { type Queryable, sql } from '#database'
import type { Clock } from '#kernel'

/**
 * Counters of failed sign-ins. They are charged before a password is hashed and given back when it was right, so that
 * parallel guesses cannot slip through between reading and writing. Keys are HMACs: a dump names nobody.
 */
export type Buckets = {
  /** Adds one and tells the count in the current window. */
  charge(parts: readonly string[], windowSeconds: number): Promise<number>
  /** The count in the current window. */
  count(parts: readonly string[]): Promise<number>
  /** Takes back what `charge` added. */
  refund(parts: readonly string[]): Promise<void>
  /** Forgets a bucket. */
  reset(parts: readonly string[]): Promise<void>
}

/** The counters over the database: shared by all nodes, and still there after a restart. */
export function createBuckets(needs: { database: Queryable; vault: Vault; clock: Clock }): Buckets {
  const { database, vault, clock } = needs
  const keyOf = (parts: readonly string[]) => vault.mac('signin-bucket', parts.join('\n'))
  return {
    async charge(parts, windowSeconds) {
      const now = clock()
      const { rows } = await database.query<{ points: number }>(
        sql`insert into signin_bucket (key, points, since, until)
            values (${keyOf(parts)}, 1, ${now}, ${now.add({ seconds: windowSeconds })})
            on conflict (key) do update
              set points = case when signin_bucket.until <= excluded.since then 1 else signin_bucket.points + 1 end,
                  until = case when signin_bucket.until <= excluded.since then excluded.until else signin_bucket.until end,
                  since = excluded.since
            returning points`,
      )
      return rows[0]?.points ?? 1
    },
    async count(parts) {
      const { rows } = await database.query<{ points: number }>(
        sql`select points from signin_bucket where key = ${keyOf(parts)} and until > ${clock()}`,
      )
      return rows[0]?.points ?? 0
    },
    async refund(parts) {
      await database.query(
        sql`update signin_bucket set points = greatest(points - 1, 0) where key = ${keyOf(parts)}`,
      )
    },
    async reset(parts) {
      await database.query(sql`delete from signin_bucket where key = ${keyOf(parts)}`)
    },
  }
}
