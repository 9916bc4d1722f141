import { isAlias, isCollection, isMap, isScalar, LineCounter, type Node, parse, parseDocument } from 'yaml'
import type { Problem } from './problem.ts'

/** A place in a value: keys and list indices from the top. */
export type Path = readonly PropertyKey[]

/** A text of YAML, read: its value, and where each part of it stands. */
export type YamlText = {
  readonly fileName: string
  /** Plain objects, arrays and scalars; `null` for an empty text. */
  readonly value: unknown
  /** Syntax errors and duplicate keys; with any, `value` is null. */
  readonly problems: readonly Problem[]
  /**
   * `file:line:column` of a value, or of the nearest thing around it that stands in the text.
   *
   * @param key points at the key of the last step instead of its value
   */
  where(path: Path, key?: 'key'): string
  /** Whether something stands at this path. */
  has(path: Path): boolean
  /**
   * Where a place inside a text value stands in this file, so that a finding in an embedded JSON document is shown
   * where it is written. Exact for block scalars; the value's own place otherwise.
   */
  whereInside(path: Path, line: number, column: number): string
}

/** Reads YAML 1.2 (JSON is YAML). Aliases are followed a bounded number of times; a duplicate key is a problem. */
export function readYaml(text: string, fileName: string): YamlText {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true })
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset)
    return `${fileName}:${Math.max(line, 1)}:${Math.max(col, 1)}`
  }
  const problems: Problem[] = document.errors.map((error) => ({
    where: at(error.pos[0]),
    path: '',
    message: syntaxSentence(error.code, error.message),
  }))
  let value: unknown = null
  if (problems.length === 0) {
    try {
      value = document.toJS({ maxAliasCount: 100 }) as unknown
    } catch (thrown) {
      problems.push({ where: at(0), path: '', message: `This YAML cannot be read: ${String(thrown)}` })
    }
  }

  const follow = (node: unknown): Node | undefined =>
    isAlias(node) ? node.resolve(document) : ((node ?? undefined) as Node | undefined)

  function find(path: Path): { node: Node | undefined; found: boolean; start: number; keyStart: number } {
    let node = follow(document.contents)
    let start = node?.range?.[0] ?? 0
    let keyStart = start
    for (const step of path) {
      let next: unknown
      if (isMap(node)) {
        const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step))
        if (pair === undefined) return { node, found: false, start, keyStart }
        keyStart = (pair.key as Node).range?.[0] ?? start
        next = pair.value
      } else if (isCollection(node) && typeof step === 'number') {
        next = node.items[step]
        if (next === undefined) return { node, found: false, start, keyStart }
        keyStart = (next as Node | null)?.range?.[0] ?? start
      } else return { node, found: false, start, keyStart }
      const own = (next as Node | null)?.range?.[0]
      start = own ?? keyStart
      node = follow(next)
    }
    return { node, found: true, start, keyStart }
  }

  return {
    fileName,
    value: problems.length === 0 ? value : null,
    problems,
    where(path, key) {
      const { start, keyStart } = find(path)
      return at(key === 'key' ? keyStart : start)
    },
    has: (path) => find(path).found,
    whereInside(path, line, column) {
      const { node, start } = find(path)
      if (!isScalar(node) || !/^BLOCK_LITERAL$/.test(node.type ?? '')) return at(start)
      const header = lines.linePos(start)
      const first = text.split('\n').slice(header.line)
      const indent = Math.min(
        ...first
          .filter((each) => each.trim() !== '')
          .slice(0, 1)
          .map((each) => each.length - each.trimStart().length),
      )
      return `${fileName}:${header.line + line}:${(Number.isFinite(indent) ? indent : 0) + column}`
    },
  }
}

function syntaxSentence(code: string, message: string): string {
  if (code === 'DUPLICATE_KEY') return 'This key stands here a second time. Keep one of the two.'
  if (code === 'TAB_AS_INDENT') return 'A tab indents this line. Use spaces.'
  return `This is not YAML: ${message.replace(/\.$/, '')}.`
}

/** One scalar or flow collection as YAML reads it (`true`, `15`, `[a, b]`); the text itself when it is not YAML. */
export function readScalar(text: string): unknown {
  try {
    return parse(text) as unknown
  } catch {
    return text
  }
}
