import { coalesce, type Database, type Queryable, sql } from '#database'
import type { Clock } from '#kernel'
import { type AuditEntry, type EventRow, toRow } from './event.ts'

/** Writing down what happened. */
export type Audit = {
  /** Inside the transaction of the change: both or neither. */
  record(tx: Queryable, entry: AuditEntry): Promise<void>
  /**
   * For what changes nothing else (a refusal, an issued role session): resolves when committed. Many callers share
   * one statement.
   */
  recordSoon(entry: AuditEntry): Promise<void>
}

/** One statement and one plan for any number of rows: a batch is one commit. */
const insert = (rows: readonly EventRow[]) =>
  sql`insert into audit_event (event_id, event_time, event_name, actor, body)
      select id::uuid, at::timestamptz, name, actor, body
        from unnest(
          ${rows.map(({ id }) => id)}::text[],
          ${rows.map(({ time }) => time)}::text[],
          ${rows.map(({ name }) => name)}::text[],
          ${rows.map(({ actor }) => actor)}::text[],
          ${rows.map(({ body }) => body)}::text[]
        ) as event(id, at, name, actor, body)`

/** The log over a database. */
export function createAudit(needs: { database: Database; clock: Clock }): Audit {
  const write = coalesce<EventRow>(async (rows) => {
    await needs.database.query(insert(rows))
  })
  return {
    async record(tx, entry) {
      await tx.query(insert([toRow(entry, needs.clock())]))
    },
    recordSoon: (entry) => write(toRow(entry, needs.clock())),
  }
}
