/** Finding one piece of a pattern in a text, leftmost, whatever piece and text an attacker chooses. */
import { one } from '../glob.ts'

/** Code units, with `one` for `?`. */
export type WildPiece = readonly number[]

/** Up to this many comparisons String.indexOf is the fastest; beyond, its worst case is piece × text. */
const indexOfBudget = 8192

/** Where a literal piece stands first, in `from` to `to`; -1 when nowhere. Linear. */
export function findText(piece: string, text: string, from: number, to: number): number {
  return piece.length * (to - from) <= indexOfBudget
    ? text.indexOf(piece, from)
    : findLinear(piece, text, from, to)
}

/** Knuth, Morris and Pratt: each unit of the text is looked at once or moves the piece on. */
function findLinear(piece: string, text: string, from: number, to: number): number {
  const length = piece.length
  const wanted = unitsOf(piece)
  const seen = unitsOf(text)
  // For each prefix, the longest shorter prefix that also ends there; -1 before the first unit.
  const shorter = new Int32Array(length + 1)
  shorter[0] = -1
  for (let at = 0, kept = -1; at < length;) {
    const unit = wanted[at]
    while (kept >= 0 && wanted[kept] !== unit) kept = shorter[kept] ?? -1
    shorter[++at] = ++kept
  }
  let matched = 0
  for (let at = from; at < to; at++) {
    const unit = seen[at]
    while (matched >= 0 && wanted[matched] !== unit) matched = shorter[matched] ?? -1
    if (++matched === length) return at - length + 1
  }
  return -1
}

/** The code units of a text, copied at once: asked for one by one they cost more than the search itself. */
function unitsOf(text: string): Uint16Array {
  const bytes = Buffer.from(text, 'utf16le')
  return new Uint16Array(bytes.buffer, bytes.byteOffset, text.length)
}

/** Whether a piece with `?` stands at this place. */
export function wildStandsAt(piece: WildPiece, text: string, at: number): boolean {
  if (at + piece.length > text.length) return false
  for (let offset = 0; offset < piece.length; offset++) {
    const unit = piece[offset]
    if (unit !== one && unit !== text.charCodeAt(at + offset)) return false
  }
  return true
}

/** Where a piece with `?` stands first, from a place on; -1 when nowhere. */
export type WildSearch = (piece: WildPiece, from: number) => number

/** So many comparisons of one match are made one by one before it is worth asking 128 places at once. */
const plainBudget = 512

/** The search for all pieces with `?` of one pattern in one text, up to `to`: what it learns of the text is learnt once. */
export function wildSearch(pieces: readonly (string | WildPiece)[], text: string, to: number): WildSearch {
  let budget = plainBudget
  let places: Places | undefined
  return (piece, from) => {
    let at = from
    for (const last = to - piece.length; at <= last && budget > 0; at++) {
      let offset = 0
      while (offset < piece.length) {
        const unit = piece[offset]
        if (unit !== one && unit !== text.charCodeAt(at + offset)) break
        offset++
      }
      if (offset === piece.length) return at
      budget -= offset + 1
    }
    if (at + piece.length > to) return -1
    places ??= placesOf(pieces, text, to)
    return searchPlaces(piece, places, at, to - piece.length)
  }
}

/** For each unit that the pieces hold, a row of bits: where it stands in the text. Row 0 is for all other units. */
type Places = {
  readonly width: number
  readonly bits: Int32Array
  /** How often the unit of each row stands in the text. */
  readonly counts: Int32Array
  /** Most text is Latin: such units find their row in a table. */
  readonly latin: Uint16Array
  readonly rowOf: ReadonlyMap<number, number>
}

const rowIn = (latin: Uint16Array, rowOf: ReadonlyMap<number, number>, unit: number): number =>
  unit < 256 ? (latin[unit] ?? 0) : (rowOf.get(unit) ?? 0)

function placesOf(pieces: readonly (string | WildPiece)[], text: string, to: number): Places {
  // Four words are read at a time, and a shift reads one more.
  const width = (to >>> 5) + 6
  const latin = new Uint16Array(256)
  const rowOf = new Map<number, number>()
  let rows = 1
  for (const piece of pieces) {
    if (typeof piece === 'string') continue
    for (const unit of piece) {
      if (unit === one || rowIn(latin, rowOf, unit) > 0) continue
      if (unit < 256) latin[unit] = rows++
      else rowOf.set(unit, rows++)
    }
  }
  const bits = new Int32Array(rows * width)
  const counts = new Int32Array(rows)
  const units = unitsOf(text)
  for (let at = 0; at < to; at++) {
    const unit = units[at] ?? 0
    const row = rowIn(latin, rowOf, unit)
    const word = row * width + (at >>> 5)
    bits[word] = (bits[word] ?? 0) | (1 << (at & 31))
    counts[row] = (counts[row] ?? 0) + 1
  }
  return { width, bits, counts, latin, rowOf }
}

/**
 * For 128 places at once: those where every unit of the piece stands at its distance. A place that one unit rules out is
 * ruled out for good, so the unit that is rarest in the text is asked first.
 */
function searchPlaces(piece: WildPiece, places: Places, from: number, last: number): number {
  const { width, bits, counts, latin, rowOf } = places
  // Where the row of each unit begins, moved on by the whole words of its distance; and the rest of the distance.
  const starts = new Int32Array(piece.length)
  const shifts = new Uint8Array(piece.length)
  let count = 0
  let rarest = 0
  let fewest = Infinity
  for (let offset = 0; offset < piece.length; offset++) {
    const unit = piece[offset] ?? one
    if (unit === one) continue
    const row = rowIn(latin, rowOf, unit)
    const often = counts[row] ?? 0
    if (often === 0) return -1
    if (often < fewest) {
      fewest = often
      rarest = count
    }
    starts[count] = row * width + (offset >>> 5)
    shifts[count++] = offset & 31
  }
  if (count > 0) {
    const [start = 0, shift = 0] = [starts[rarest], shifts[rarest]]
    starts[rarest] = starts[0] ?? 0
    shifts[rarest] = shifts[0] ?? 0
    starts[0] = start
    shifts[0] = shift
  }
  for (let word = from >>> 5; word <= last >>> 5; word += 4) {
    let a = word === from >>> 5 ? -1 << (from & 31) : -1
    let b = -1
    let c = -1
    let d = -1
    for (let each = 0; each < count; each++) {
      const at = (starts[each] ?? 0) + word
      const right = shifts[each] ?? 0
      // A shift by 32 is a shift by 0 in JavaScript, so what comes from the next word is shifted in two steps.
      const left = 31 - right
      const w = bits[at + 1] ?? 0
      const x = bits[at + 2] ?? 0
      const y = bits[at + 3] ?? 0
      a &= ((bits[at] ?? 0) >>> right) | ((w << 1) << left)
      b &= (w >>> right) | ((x << 1) << left)
      c &= (x >>> right) | ((y << 1) << left)
      d &= (y >>> right) | (((bits[at + 4] ?? 0) << 1) << left)
      if ((a | b | c | d) === 0) break
    }
    if ((a | b | c | d) === 0) continue
    const found =
      word * 32 + (a !== 0 ? lowest(a) : b !== 0 ? 32 + lowest(b) : c !== 0 ? 64 + lowest(c) : 96 + lowest(d))
    return found <= last ? found : -1
  }
  return -1
}

const lowest = (bits: number): number => 31 - Math.clz32(bits & -bits)
