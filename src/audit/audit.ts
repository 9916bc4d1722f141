import { aside, coalesce, type Database, type Queryable, sql } from '#database'
import type { Clock } from '#kernel'
import { type AuditEntry, type EventRow, toRow } from './event.ts'
import { notes } from './notes.ts'

/** Writing down what happened. */
export type Audit = {
  /** Inside the transaction of the change: both or neither. */
  record(tx: Queryable, entry: AuditEntry): Promise<void>
  /**
   * For what changes nothing else (a refusal, an issued role session): resolves when committed. Many callers share
   * one statement.
   */
  recordSoon(entry: AuditEntry): Promise<void>
  /**
   * For decisions, which are many and change nothing: written within a moment, many in one statement, and not waited for.
   * A process that is killed loses at most that moment; nothing else is lost, and when the log cannot be written for long,
   * nothing more is decided.
   *
   * @param weight how many ordinary events this one is, by its size
   * @returns a promise only when the queue is full: wait for it before answering
   * @throws Failure unavailable audit/behind
   */
  note(entry: AuditEntry, weight?: number): Promise<void> | undefined
  /** Writes what was noted. Called before the database is closed. */
  flush(): Promise<void>
}

/** Stands between two bodies: RS, a control character, which JSON text never holds unescaped (RFC 8259 §7). */
const between = '\u001e'

const awkward = /["\\]/

/** An array's literal. The driver would write each element anew for the sake of what hardly any of them has. */
const list = (elements: readonly string[]): string =>
  `{${elements.map((each) => `"${awkward.test(each) ? each.replaceAll(/["\\]/g, '\\$&') : each}"`).join(',')}}`

/** The same of elements that are made here and have nothing to quote. */
const plain = (elements: readonly string[]): string => `{${elements.join(',')}}`

/**
 * One statement and one plan for any number of rows: a batch is one commit. The bodies travel as one text, since an
 * array's literal would escape every quotation mark of them.
 */
const insert = (rows: readonly EventRow[]) =>
  sql`insert into audit_event (event_id, event_time, event_name, actor, body)
      select id, at, name, actor, body
        from unnest(
          ${plain(rows.map(({ id }) => id))}::uuid[],
          ${plain(rows.map(({ time }) => time))}::timestamptz[],
          ${list(rows.map(({ name }) => name))}::text[],
          ${list(rows.map(({ actor }) => actor))}::text[],
          string_to_array(${rows.map(({ body }) => body).join(between)}, ${between})
        ) as event(id, at, name, actor, body)`

/** As `insert`, for a second try after one whose end is not known. */
const insertAgain = (rows: readonly EventRow[]) => sql`${insert(rows)} on conflict (event_id) do nothing`

type Noted = { readonly entry: AuditEntry; readonly now: Temporal.Instant; row?: EventRow }

/**
 * The log over a database. `heard` is told of each event when it is written: it must neither wait nor throw. `complain`
 * hears when noted events cannot be written; they are tried again.
 */
export function createAudit(needs: {
  readonly database: Database
  readonly clock: Clock
  readonly heard?: ((entry: AuditEntry, at: Temporal.Instant) => void) | undefined
  readonly complain?: ((thrown: unknown) => void) | undefined
}): Audit {
  const later = notes<Noted>({
    write: async (noted) => {
      // A first try cannot meet its own rows, and looking for them costs the database a quarter of the insert.
      const insertThem = noted[0]?.row === undefined ? insert : insertAgain
      const rows = noted.map((each) => (each.row ??= toRow(each.entry, each.now)))
      await needs.database.query(aside(insertThem(rows)))
      for (const { entry, now } of noted) needs.heard?.(entry, now)
    },
    failed: (thrown) => needs.complain?.(thrown),
  })
  // Rows are made where they are written: one after the other is several times faster than each amid its own request.
  // Their time is the batch's: what happens one after the other is never in the same one.
  const write = coalesce<AuditEntry>(async (entries) => {
    const now = needs.clock()
    await needs.database.query(aside(insert(entries.map((entry) => toRow(entry, now)))))
    for (const entry of entries) needs.heard?.(entry, now)
  })
  return {
    async record(tx, entry) {
      const now = needs.clock()
      await tx.query(insert([toRow(entry, now)]))
      needs.heard?.(entry, now)
    },
    recordSoon: write,
    note: (entry, weight) => later.add({ entry, now: needs.clock() }, weight),
    flush: () => later.flush(),
  }
}
