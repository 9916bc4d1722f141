import { openVault } from '#crypto'
import { type Database, sql } from '#database'
import { type Clock, Secret } from '#kernel'

/** A clock that stands still until it is told to move on. */
export function fixedClock(
  at = '2026-11-22T10:00:00Z',
): Clock & { advance(duration: Temporal.DurationLike): void } {
  let now = Temporal.Instant.from(at)
  return Object.assign(() => now, {
    advance: (duration: Temporal.DurationLike) => {
      now = now.add(duration)
    },
  })
}

export const testVault = openVault(new Secret('a key for tests, thirty-two bytes or more'))

export const home = '111122223333'

/** The organization and its home account, as setup makes them. */
export async function claim(database: Database, clock: Clock, accountId = home): Promise<void> {
  await database.transaction(async (tx) => {
    await tx.query(
      sql`insert into account (account_id, name, created_at) values (${accountId}, ${'Acme'}, ${clock()})`,
    )
    await tx.query(
      sql`insert into organization (name, home_account_id, claimed_at) values (${'Acme'}, ${accountId}, ${clock()})`,
    )
  })
}
