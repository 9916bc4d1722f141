import { one } from '../glob.ts'
import { beginningOf, begins } from './beginning.ts'
import type { Pattern, Token } from '../pattern.ts'
import { findText, wildSearch, wildStandsAt, type WildPiece, type WildSearch } from './search.ts'

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

type Piece = string | WildPiece

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

/**
 * Whether the whole text matches. Literal pieces are found in time in proportion to the text; pieces with `?` by at most
 * pattern × text / 32 steps on whole words, on top of one pass over both.
 */
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
  let search: WildSearch | undefined
  for (let at = first; at < last; at++) {
    const piece = pieces[at] ?? ''
    const found =
      typeof piece === 'string'
        ? findText(piece, text, from, to)
        : (search ??= wildSearch(pieces, text, to))(piece, from)
    if (found < 0) return false
    from = found + piece.length
    if (from > to) return false
  }
  return true
}

function standsAt(piece: Piece, text: string, at: number): boolean {
  return typeof piece === 'string'
    ? text.slice(at, at + piece.length) === piece
    : wildStandsAt(piece, text, at)
}

/** A pattern without variables as a test of a text, in the cheapest form that it has. */
export function fixedTest(pattern: Pattern): (text: string) => boolean {
  const { tokens } = pattern
  const [first, second] = tokens
  if (tokens.length === 0) return (text) => text === ''
  if (tokens.length === 1 && isStar(first)) return () => true
  if (tokens.length === 1 && typeof first === 'string') return (text) => text === first
  if (tokens.length === 2 && typeof first === 'string' && isStar(second)) {
    const beginning = beginningOf(first)
    return (text) => begins(beginning, text)
  }
  if (tokens.length === 2 && typeof second === 'string' && isStar(first)) {
    const { length } = second
    return (text) => text.length >= length && text.slice(text.length - length) === second
  }
  const pieces = piecesOf(tokens, () => undefined)
  return pieces ? (text) => piecesMatch(pieces, text) : () => false
}
