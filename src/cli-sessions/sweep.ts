import { type Queryable, sql } from '#database'

/** Removes what is over. Safe at any time, on any node. */
export async function sweepCliSessions(db: Queryable, now: Temporal.Instant): Promise<void> {
  await db.query(sql`delete from cli_request where expires_at <= ${now}`)
  await db.query(sql`delete from cli_session where expires_at <= ${now}`)
  await db.query(sql`delete from cli_seen where expires_at <= ${now}`)
}
