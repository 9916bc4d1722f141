import { coalesce, type Database, join, type Queryable, sql } from '#database'
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

const insert = (rows: readonly EventRow[]) =>
  sql`insert into audit_event (event_id, event_time, event_name, actor, body)
      values ${join(rows.map(({ id, time, name, actor, body }) => sql`(${id}::uuid, ${time}::timestamptz, ${name}, ${actor}, ${body})`))}`

/** The log over a database. */
export function createAudit(needs: { database: Database; clock: Clock }): Audit {
  const write = coalesce<EventRow>(async (rows) => {
    // Statements of 1, 8, 64 rows: each has one named plan, whatever the number of callers.
    let rest = rows
    while (rest.length > 0) {
      const size = rest.length >= 64 ? 64 : rest.length >= 8 ? 8 : 1
      await needs.database.query(insert(rest.slice(0, size)))
      rest = rest.slice(size)
    }
  })
  return {
    async record(tx, entry) {
      await tx.query(insert([toRow(entry, needs.clock())]))
    },
    recordSoon: (entry) => write(toRow(entry, needs.clock())),
  }
}
