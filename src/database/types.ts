import { Secret } from '#kernel'
import type { Sql } from './sql.ts'

/** What a statement gave: its rows, and how many rows it read or changed. */
export type Rows<Row> = { readonly rows: readonly Row[]; readonly count: number }

/** Anything that runs a statement: the database itself, or the open transaction. */
export type Queryable = {
  /**
   * Runs one statement. Values: `Temporal.Instant` for timestamptz, `Uint8Array` for bytea, arrays for `= any()`,
   * `JSON.stringify(x)` for jsonb. Rows: timestamptz is a `Temporal.Instant`, bytea a `Buffer`, int8 a number.
   */
  query<Row = Record<string, unknown>>(statement: Sql): Promise<Rows<Row>>
}

/** An open transaction. Its queries run in order, on one connection. */
export type Transaction = Queryable & {
  /** Runs a text of several statements without parameters (a migration). */
  script(text: string): Promise<void>
}

/** One database: PostgreSQL over the network, or the embedded one. Same SQL, same answers. */
export type Database = Queryable & {
  readonly kind: 'postgres' | 'embedded'
  /** Commits when `work` resolves, rolls back when it throws. INVARIANT: inside, only the handle given is used. */
  transaction<Result>(work: (tx: Transaction) => Promise<Result>): Promise<Result>
  /**
   * Calls back for each `pg_notify(channel, …)` committed anywhere. The answer stops listening.
   *
   * @param how `ownAtOnce`: what is committed through this handle is heard before the commit is answered, and may be heard a
   *   second time. Each notification then wakes every connection: for channels on which there is little to say. The embedded
   *   database does so always, and once
   */
  listen(
    channel: string,
    heard: (payload: string) => void,
    how?: { readonly ownAtOnce?: boolean },
  ): Promise<() => Promise<void>>
  /**
   * How many writes through this handle are done, but for those set `aside`: whoever remembers something looks again after
   * one. 0 for the embedded database, which tells every change before it answers.
   */
  writes(): number
  close(): Promise<void>
}

/** A value as both drivers take it. @throws Error when a Secret is about to be stored as it is. */
export function bind(value: unknown): unknown {
  if (value === undefined) return null
  if (value instanceof Temporal.Instant) return value.toString()
  if (value instanceof Secret) throw new Error('A secret is bound to a statement: seal or hash it first.')
  return value
}

/** PostgreSQL's type numbers of the types we read ourselves. */
export const oid = { bytea: 17, int8: 20, date: 1082, timestamptz: 1184 } as const

/** A timestamptz as PostgreSQL prints it, under TimeZone UTC. */
export const readInstant = (text: string): Temporal.Instant => Temporal.Instant.from(text)
