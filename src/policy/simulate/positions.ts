import { readJson } from '../json.ts'
import { member } from '../parse-statement.ts'

/** A place in a document: both count from 1. */
export type Position = { readonly line: number; readonly column: number }

export type StatementPosition = { readonly start: Position; readonly end: Position }

/**
 * Where the statements of a document stand, by index. As in IAM's own answers, a position lies just behind the brace that opens
 * or closes the statement.
 */
export function statementPositions(text: string): readonly StatementPosition[] {
  const read = readJson(text)
  if ('problem' in read || read.value.kind !== 'object') return []
  const written = member(read.value, 'Statement')?.value
  const nodes = written?.kind === 'array' ? written.items : written ? [written] : []
  const at = (offset: number): Position => {
    const before = text.slice(0, offset)
    return { line: before.split('\n').length, column: offset - before.lastIndexOf('\n') }
  }
  return nodes.map(({ start, end }) => ({ start: at(start + 1), end: at(end) }))
}
