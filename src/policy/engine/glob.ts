import { one } from '../glob.ts'
import type { Pattern, Token } from '../pattern.ts'

/**
 * A pattern as pieces between its stars. A piece is text, or code units where `?` is in it. Matching anchors the first and
 * the last piece and finds the others leftmost, one after the other: no backtracking whatever the pattern.
 */
export type Pieces = {
  readonly pieces: readonly Piece[]
  /** The pattern begins or ends with a star. */
  readonly openStart: boolean
  readonly openEnd: boolean
  /** Units that a matching text has at least. */
  readonly shortest: number
}

type Piece = string | readonly number[]

/** Cuts tokens into pieces; undefined when a variable has neither value nor default. */
export function piecesOf(
  tokens: readonly Token[],
  valueOf: (key: string) => string | undefined,
): Pieces | undefined {
  const pieces: Piece[] = []
  let text = ''
  let units: number[] | undefined
  let shortest = 0
  let openStart = false
  let openEnd = false
  const flush = () => {
    if (units) pieces.push(addUnits(units, text))
    else if (text) pieces.push(text)
    text = ''
    units = undefined
  }
  for (const token of tokens) {
    if (typeof token === 'string') {
      text += token
      shortest += token.length
    } else if (token.kind === 'variable') {
      const value = valueOf(token.key) ?? token.fallback
      if (value === undefined) return undefined
      text += value
      shortest += value.length
    } else if (token.kind === 'one') {
      units = addUnits(units ?? [], text)
      units.push(one)
      text = ''
      shortest++
    } else {
      flush()
      if (pieces.length === 0) openStart = true
      openEnd = true
      continue
    }
    // An empty value after a star leaves the pattern open.
    if (text !== '' || units) openEnd = false
  }
  flush()
  return { pieces, openStart, openEnd, shortest }
}

const isStar = (token: Token | undefined): boolean => typeof token === 'object' && token.kind === 'many'

function addUnits(units: number[], text: string): number[] {
  for (let at = 0; at < text.length; at++) units.push(text.charCodeAt(at))
  return units
}

/** Whether the whole text matches; time in proportion to pattern plus text, for pieces with `?` to their product over 32. */
export function piecesMatch({ pieces, openStart, openEnd, shortest }: Pieces, text: string): boolean {
  if (text.length < shortest) return false
  const count = pieces.length
  if (count === 0) return openStart || text === ''
  let first = 0
  let last = count
  let from = 0
  let to = text.length
  if (!openStart) {
    const piece = pieces[0] ?? ''
    if (!standsAt(piece, text, 0)) return false
    from = piece.length
    if (count === 1 && !openEnd) return from === to
    first = 1
  }
  if (!openEnd) {
    const piece = pieces[count - 1] ?? ''
    if (to - piece.length < from || !standsAt(piece, text, to - piece.length)) return false
    to -= piece.length
    last = count - 1
  }
  for (let at = first; at < last; at++) {
    const piece = pieces[at] ?? ''
    const found = typeof piece === 'string' ? text.indexOf(piece, from) : search(piece, text, from, to)
    if (found < 0) return false
    from = found + piece.length
    if (from > to) return false
  }
  return true
}

function standsAt(piece: Piece, text: string, at: number): boolean {
  if (typeof piece === 'string') return text.startsWith(piece, at)
  if (at + piece.length > text.length) return false
  for (let offset = 0; offset < piece.length; offset++) {
    const unit = piece[offset]
    if (unit !== one && unit !== text.charCodeAt(at + offset)) return false
  }
  return true
}

/** Up to this many comparisons a plain search is faster than setting up the bit-parallel one. */
const plainBudget = 4096

function search(piece: readonly number[], text: string, from: number, to: number): number {
  if (piece.length * (to - from) > plainBudget) return searchParallel(piece, text, from, to)
  for (let at = from; at + piece.length <= to; at++) if (standsAt(piece, text, at)) return at
  return -1
}

/** Shift-And (Baeza-Yates and Gonnet): one bit for each unit of the piece, 32 at a time. */
function searchParallel(piece: readonly number[], text: string, from: number, to: number): number {
  const words = (piece.length + 31) >>> 5
  // Row 0 is for units that the piece does not hold; every other row belongs to one unit that it does.
  const rows = new Map<number, number>()
  for (const unit of piece) if (unit !== one && !rows.has(unit)) rows.set(unit, rows.size + 1)
  const masks = new Int32Array((rows.size + 1) * words)
  for (const [at, unit] of piece.entries()) {
    const bit = 1 << (at & 31)
    const row = rows.get(unit)
    for (let each = row ?? 0; each <= (row ?? rows.size); each++) {
      masks[each * words + (at >>> 5)] = (masks[each * words + (at >>> 5)] ?? 0) | bit
    }
  }
  const state = new Int32Array(words)
  const lastWord = words - 1
  const lastBit = 1 << ((piece.length - 1) & 31)
  for (let at = from; at < to; at++) {
    const row = (rows.get(text.charCodeAt(at)) ?? 0) * words
    let carry = 1
    for (let word = 0; word < words; word++) {
      const before = state[word] ?? 0
      state[word] = ((before << 1) | carry) & (masks[row + word] ?? 0)
      carry = before >>> 31
    }
    if (((state[lastWord] ?? 0) & lastBit) !== 0) return at - piece.length + 1
  }
  return -1
}

/** A pattern without variables as a test of a text, in the cheapest form that it has. */
export function fixedTest(pattern: Pattern): (text: string) => boolean {
  const { tokens } = pattern
  const [first, second] = tokens
  if (tokens.length === 0) return (text) => text === ''
  if (tokens.length === 1 && isStar(first)) return () => true
  if (tokens.length === 1 && typeof first === 'string') return (text) => text === first
  if (tokens.length === 2 && typeof first === 'string' && isStar(second))
    return (text) => text.startsWith(first)
  if (tokens.length === 2 && typeof second === 'string' && isStar(first))
    return (text) => text.endsWith(second)
  const pieces = piecesOf(tokens, () => undefined)
  return pieces ? (text) => piecesMatch(pieces, text) : () => false
}
