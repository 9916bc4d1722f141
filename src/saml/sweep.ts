import { type Queryable, sql } from '#database'

/** Removes what is over: waiting requests, seen messages, ended participations. Safe at any time, on any node. */
export async function sweepSaml(db: Queryable, now: Temporal.Instant): Promise<void> {
  await db.query(sql`delete from saml_request where expires_at <= ${now}`)
  await db.query(sql`delete from saml_seen where expires_at <= ${now}`)
  await db.query(sql`delete from saml_participant where expires_at <= ${now}`)
}
