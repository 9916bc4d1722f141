/**
 * A JSON reader (RFC 8259) that keeps what JSON.parse loses: where each value stands, and both of two members
 * with one name. Objects are lists of members, so a member called `__proto__` is a member like any other.
 */

export type JsonValue =
  | {
      readonly kind: 'object'
      readonly members: readonly JsonMember[]
      readonly start: number
      readonly end: number
    }
  | {
      readonly kind: 'array'
      readonly items: readonly JsonValue[]
      readonly start: number
      readonly end: number
    }
  | { readonly kind: 'string'; readonly value: string; readonly start: number; readonly end: number }
  | { readonly kind: 'number'; readonly text: string; readonly start: number; readonly end: number }
  | { readonly kind: 'boolean'; readonly value: boolean; readonly start: number; readonly end: number }
  | { readonly kind: 'null'; readonly start: number; readonly end: number }

export type JsonObject = Extract<JsonValue, { kind: 'object' }>

export type JsonMember = {
  readonly name: string
  readonly nameStart: number
  readonly nameEnd: number
  readonly value: JsonValue
}

/** What the text is not, and where. */
export type JsonProblem = {
  readonly kind: 'syntax' | 'depth'
  readonly message: string
  readonly offset: number
}

/** A policy needs seven levels; the reader recurses, so the depth is also what bounds its stack. */
const deepest = 32

class Stop extends Error {
  readonly problem: JsonProblem
  constructor(problem: JsonProblem) {
    super(problem.message)
    this.problem = problem
  }
}

/** Reads the whole text as one JSON value, or says what is wrong first. Linear in the text; never throws. */
export function readJson(text: string): { readonly value: JsonValue } | { readonly problem: JsonProblem } {
  const reader = { text, at: 0 }
  try {
    const value = readValue(reader, 0)
    skipSpace(reader)
    if (reader.at < text.length) stop(reader.at, 'Text follows the end of the document')
    return { value }
  } catch (error) {
    if (error instanceof Stop) return { problem: error.problem }
    throw error
  }
}

type Reader = { readonly text: string; at: number }

function stop(offset: number, message: string, kind: JsonProblem['kind'] = 'syntax'): never {
  throw new Stop({ kind, message, offset })
}

function skipSpace(reader: Reader): void {
  for (;;) {
    const code = reader.text.charCodeAt(reader.at)
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return
    reader.at++
  }
}

function readValue(reader: Reader, depth: number): JsonValue {
  skipSpace(reader)
  const start = reader.at
  if (depth > deepest) stop(start, `Values are nested deeper than ${deepest} levels`, 'depth')
  switch (reader.text[start]) {
    case undefined:
      return stop(start, 'The document ends where a value is expected')
    case '{':
      return readObject(reader, depth)
    case '[':
      return readArray(reader, depth)
    case '"': {
      const value = readString(reader)
      return { kind: 'string', value, start, end: reader.at }
    }
    case 't':
      return readWord(reader, 'true', { kind: 'boolean', value: true, start, end: start + 4 })
    case 'f':
      return readWord(reader, 'false', { kind: 'boolean', value: false, start, end: start + 5 })
    case 'n':
      return readWord(reader, 'null', { kind: 'null', start, end: start + 4 })
    default:
      return readNumber(reader)
  }
}

function readWord(reader: Reader, word: string, value: JsonValue): JsonValue {
  if (!reader.text.startsWith(word, reader.at)) stop(reader.at, 'Expected a JSON value')
  reader.at += word.length
  return value
}

const numberPattern = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y

function readNumber(reader: Reader): JsonValue {
  const start = reader.at
  numberPattern.lastIndex = start
  const found = numberPattern.exec(reader.text)
  if (!found)
    return stop(
      start,
      reader.text[start] === "'" ? 'Strings are written in double quotes' : 'Expected a JSON value',
    )
  reader.at += found[0].length
  return { kind: 'number', text: found[0], start, end: reader.at }
}

const escapes: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ['\\', '\\'],
  ['/', '/'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
])

function readString(reader: Reader): string {
  const { text } = reader
  const opening = reader.at
  let from = ++reader.at
  let value = ''
  for (;;) {
    const code = text.charCodeAt(reader.at)
    if (code === 0x22) {
      value += text.slice(from, reader.at++)
      return value
    }
    if (code === 0x5c) {
      value += text.slice(from, reader.at) + readEscape(reader)
      from = reader.at
    } else if (Number.isNaN(code)) {
      stop(opening, 'The string is not closed')
    } else if (code < 0x20) {
      stop(reader.at, 'A control character inside a string is written as an escape')
    } else {
      reader.at++
    }
  }
}

function readEscape(reader: Reader): string {
  const { text, at } = reader
  const letter = text[at + 1] ?? ''
  if (letter === 'u') {
    const digits = text.slice(at + 2, at + 6)
    if (!/^[0-9a-fA-F]{4}$/.test(digits)) stop(at, 'An escape \\u takes four hexadecimal digits')
    reader.at = at + 6
    return String.fromCharCode(Number.parseInt(digits, 16))
  }
  const character = escapes.get(letter)
  if (character === undefined) return stop(at, 'The escape does not exist in JSON')
  reader.at = at + 2
  return character
}

function readArray(reader: Reader, depth: number): JsonValue {
  const start = reader.at++
  const items: JsonValue[] = []
  skipSpace(reader)
  if (reader.text[reader.at] === ']') return { kind: 'array', items, start, end: ++reader.at }
  for (;;) {
    items.push(readValue(reader, depth + 1))
    if (!readComma(reader, ']')) return { kind: 'array', items, start, end: reader.at }
  }
}

function readObject(reader: Reader, depth: number): JsonValue {
  const start = reader.at++
  const members: JsonMember[] = []
  skipSpace(reader)
  if (reader.text[reader.at] === '}') return { kind: 'object', members, start, end: ++reader.at }
  for (;;) {
    skipSpace(reader)
    const nameStart = reader.at
    if (reader.text[nameStart] !== '"') stop(nameStart, 'Expected a name in double quotes')
    const name = readString(reader)
    const nameEnd = reader.at
    skipSpace(reader)
    if (reader.text[reader.at] !== ':') stop(reader.at, 'Expected ":" after the name')
    reader.at++
    members.push({ name, nameStart, nameEnd, value: readValue(reader, depth + 1) })
    if (!readComma(reader, '}')) return { kind: 'object', members, start, end: reader.at }
  }
}

/** True after a comma, false after the closing bracket. */
function readComma(reader: Reader, closing: ']' | '}'): boolean {
  skipSpace(reader)
  const found = reader.text[reader.at]
  if (found !== ',' && found !== closing) {
    stop(reader.at, found === undefined ? `Expected "${closing}"` : `Expected "," or "${closing}"`)
  }
  reader.at++
  if (found === closing) return false
  skipSpace(reader)
  if (reader.text[reader.at] === closing) stop(reader.at, 'A comma before the closing bracket is not JSON')
  return true
}

/** A JSON path to a member: `$.Statement` or `$.Condition["aws:username"]`. */
export function memberPath(path: string, name: string): string {
  return /^[A-Za-z_]\w*$/.test(name) ? `${path}.${name}` : `${path}[${JSON.stringify(name)}]`
}
