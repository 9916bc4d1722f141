import { checks, type CheckCode, type Severity } from './checks.ts'

/** A mechanical repair: replace the text from `start` to `end` (offsets in UTF-16 units) by `text`. */
export type Fix = {
  readonly title: string
  readonly start: number
  readonly end: number
  readonly text: string
}

/** One thing to say about a policy document. `code` is stable; `path` is a JSON path; line and column count from 1. */
export type Finding = {
  readonly code: string
  readonly severity: Severity
  readonly message: string
  readonly path: string
  readonly line: number
  readonly column: number
  readonly offset: number
  readonly end: number
  readonly fix?: Fix | undefined
}

/** Where something stands in the text: offsets in UTF-16 units, the end exclusive. */
export type Span = { readonly start: number; readonly end: number }

/** Collects the findings of one document, in the order of the text when listed. */
export type Report = {
  readonly text: string
  add(code: CheckCode, at: Span, path: string, message: string, fix?: Fix): void
  hasErrors(): boolean
  list(): readonly Finding[]
}

/** More than this many findings help nobody, and a hostile document must not make us hold millions. */
const most = 250

/** An empty report over this text. */
export function createReport(text: string): Report {
  const findings: Finding[] = []
  let lineStarts: readonly number[] | undefined
  let errors = false
  return {
    text,
    add(code, at, path, message, fix) {
      const severity = checks[code][0]
      errors ||= severity === 'error'
      if (findings.length >= most) return
      lineStarts ??= startsOfLines(text)
      const line = lineOf(lineStarts, at.start)
      findings.push({
        code,
        severity,
        message,
        path,
        line: line + 1,
        column: at.start - (lineStarts[line] ?? 0) + 1,
        offset: at.start,
        end: at.end,
        ...(fix && { fix }),
      })
    },
    hasErrors: () => errors,
    list: () => findings.toSorted((a, b) => a.offset - b.offset),
  }
}

function startsOfLines(text: string): number[] {
  const starts = [0]
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
  return starts
}

/** Index of the last line that starts at or before `offset`, by bisection. */
function lineOf(starts: readonly number[], offset: number): number {
  let low = 0
  let high = starts.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if ((starts[middle] ?? 0) <= offset) low = middle
    else high = middle - 1
  }
  return low
}
