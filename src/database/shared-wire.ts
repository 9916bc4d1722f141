import { Failure } from '#kernel'
import type { Sql } from './sql.ts'
import { bind, type Rows } from './types.ts'

/** What a process asks of the one that holds the embedded database; one line of JSON each. */
export type SharedAsk =
  | {
      readonly id: number
      readonly op: 'query'
      readonly chunks: readonly string[]
      readonly values: readonly unknown[]
    }
  | { readonly id: number; readonly op: 'script'; readonly text: string }
  | { readonly id: number; readonly op: 'begin' | 'commit' | 'rollback' }
  | { readonly id: number; readonly op: 'listen'; readonly channel: string }

/** What it is told: an answer, or a notification. */
export type SharedTell =
  | { readonly id: number; readonly ok: unknown }
  | { readonly id: number; readonly error: Readonly<Record<string, unknown>> & { readonly message: string } }
  | { readonly channel: string; readonly payload: string }

/** A value as JSON that keeps what it is: an instant, bytes, a number that is none, or anything JSON knows. */
function pack(value: unknown): unknown {
  if (value instanceof Temporal.Instant) return { t: value.toString() }
  if (value instanceof Uint8Array) return { b: Buffer.from(value).toString('base64') }
  if (typeof value === 'bigint') return Number(value)
  return typeof value === 'object' && value !== null ? { j: value } : value
}

function unpack(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  const { t, b, j } = value as { t?: string; b?: string; j?: unknown }
  if (t !== undefined) return Temporal.Instant.from(t)
  return b === undefined ? j : Buffer.from(b, 'base64')
}

export const packSql = (statement: Sql): { chunks: readonly string[]; values: readonly unknown[] } => ({
  chunks: statement.chunks,
  values: statement.values.map((value) => pack(bind(value))),
})

export const unpackSql = ({
  chunks,
  values,
}: {
  chunks: readonly string[]
  values: readonly unknown[]
}): Sql => ({
  chunks,
  values: values.map(unpack),
})

export const packRows = ({ rows, count }: Rows<Record<string, unknown>>): unknown => {
  const names = Object.keys(rows[0] ?? {})
  return { names, rows: rows.map((row) => names.map((name) => pack(row[name]))), count }
}

export function unpackRows<Row>(answer: unknown): Rows<Row> {
  const { names, rows, count } = answer as { names: string[]; rows: unknown[][]; count: number }
  return {
    rows: rows.map(
      (row) => Object.fromEntries(names.map((name, index) => [name, unpack(row[index])])) as Row,
    ),
    count,
  }
}

export function packError(thrown: unknown): { message: string } {
  if (!(thrown instanceof Error)) return { message: String(thrown) }
  const { kind, reason, code, constraint } = thrown as Error & Record<string, unknown>
  return { message: thrown.message, kind, reason, code, constraint } as { message: string }
}

export function unpackError(error: Readonly<Record<string, unknown>> & { readonly message: string }): Error {
  const { message, kind, reason, ...rest } = error
  return typeof kind === 'string' && typeof reason === 'string'
    ? new Failure(kind as Failure['kind'], reason, message)
    : Object.assign(new Error(message), rest)
}

/** Cuts a stream of text into lines, each at most `most` characters. */
export function lineReader(
  heard: (line: string) => void,
  overflow: () => void,
  most = 64 * 1_048_576,
): (text: string) => void {
  let rest = ''
  return (text) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > most) overflow()
    for (const line of lines) if (line !== '') heard(line)
  }
}
