import { many, one, type Glob } from '../glob.ts'

/** Texts that no pattern tells apart, with a shortest one of them and the patterns that accept it. */
export type TextClass = { readonly witness: string; readonly accepted: readonly boolean[] }

/** What may still be spent: machine words that automata touch. Shared by all questions of one check. */
export type Budget = { left: number }

/** Marks where a pattern ends; no character. */
const end = -9

/**
 * Every combination in which these patterns can accept one and the same text, among the texts that `within` accepts: the joint
 * subset construction over their automata, states as bit sets. The alphabet of a state is the characters that some live
 * position expects, and one that none does. Complete; undefined when the budget is spent.
 *
 * INVARIANT: no pattern has two stars in a row.
 */
export function classesWithin(
  within: Glob,
  globs: readonly Glob[],
  budget: Budget,
): readonly TextClass[] | undefined {
  const machine = build([within, ...globs])
  const { words, units, start, ends } = machine
  const other = otherCharacter(units)
  const last = within.length
  const seen = new Set([nameOf(start)])
  const states: Int32Array[] = [start]
  const from: number[] = [-1]
  const by: number[] = [0]
  const classes = new Map<string, TextClass>()
  const textOf = (state: number): string => {
    const codes: number[] = []
    for (let at = state; from[at] !== undefined && at > 0; at = from[at] ?? 0) codes.push(by[at] ?? 0)
    return String.fromCharCode(...codes.toReversed())
  }
  for (let at = 0; at < states.length; at++) {
    const state = states[at] ?? start
    if (has(state, last)) {
      const accepted = globs.map((_, index) => has(state, ends[index + 1] ?? 0))
      const key = accepted.map(Number).join('')
      if (!classes.has(key)) classes.set(key, { witness: textOf(at), accepted })
    }
    for (const character of alphabetOf(state, units, last, other)) {
      budget.left -= 2 * words + 16
      if (budget.left < 0) return undefined
      const next = step(machine, state, character)
      if (!isAlive(next, last)) continue
      const name = nameOf(next)
      if (seen.has(name)) continue
      seen.add(name)
      states.push(next)
      from.push(at)
      by.push(character)
    }
  }
  return [...classes.values()]
}

type Machine = {
  readonly words: number
  readonly units: readonly number[]
  readonly ends: readonly number[]
  readonly start: Int32Array
  readonly stars: Int32Array
  readonly ones: Int32Array
  readonly expecting: ReadonlyMap<number, Int32Array>
}

/** All patterns side by side: one bit for each position and one for the end of each. */
function build(globs: readonly Glob[]): Machine {
  const units: number[] = []
  const starts: number[] = []
  const ends: number[] = []
  for (const glob of globs) {
    starts.push(units.length)
    for (const unit of glob) units.push(unit)
    ends.push(units.length)
    units.push(end)
  }
  const words = (units.length + 31) >>> 5
  const stars = new Int32Array(words)
  const ones = new Int32Array(words)
  const expecting = new Map<number, Int32Array>()
  for (const [at, unit] of units.entries()) {
    if (unit === many) set(stars, at)
    else if (unit === one) set(ones, at)
    else if (unit >= 0) {
      const mask = expecting.get(unit) ?? new Int32Array(words)
      set(mask, at)
      expecting.set(unit, mask)
    }
  }
  const start = new Int32Array(words)
  for (const at of starts) {
    set(start, at)
    if (units[at] === many) set(start, at + 1)
  }
  return { words, units, ends, start, stars, ones, expecting }
}

const set = (bits: Int32Array, at: number): void => {
  bits[at >>> 5] = (bits[at >>> 5] ?? 0) | (1 << (at & 31))
}
const has = (bits: Int32Array, at: number): boolean => ((bits[at >>> 5] ?? 0) & (1 << (at & 31))) !== 0

/** One character further: a star stays and may be left at once, anything else moves on if it is met. */
function step({ words, stars, ones, expecting }: Machine, state: Int32Array, character: number): Int32Array {
  const next = new Int32Array(words)
  const mask = expecting.get(character)
  let moving = 0
  let leaving = 0
  for (let word = 0; word < words; word++) {
    const live = state[word] ?? 0
    const star = stars[word] ?? 0
    const moved = live & ((ones[word] ?? 0) | (mask?.[word] ?? 0))
    const reached = (live & star) | (moved << 1) | moving
    moving = moved >>> 31
    const left = reached & star
    next[word] = reached | (left << 1) | leaving
    leaving = left >>> 31
  }
  return next
}

/** Whether some position of the first pattern, up to and with its end, is live. */
function isAlive(state: Int32Array, last: number): boolean {
  const word = last >>> 5
  for (let at = 0; at < word; at++) if (state[at] !== 0) return true
  const mask = (last & 31) === 31 ? -1 : (1 << ((last & 31) + 1)) - 1
  return ((state[word] ?? 0) & mask) !== 0
}

/** The characters worth trying: where the first pattern allows one alone, no other. */
function alphabetOf(
  state: Int32Array,
  units: readonly number[],
  last: number,
  other: number,
): Iterable<number> {
  const alphabet = new Set<number>()
  let isOpen = false
  for (let word = 0; word < state.length; word++) {
    let bits = state[word] ?? 0
    while (bits !== 0) {
      const at = (word << 5) + (31 - Math.clz32(bits & -bits))
      bits &= bits - 1
      const unit = units[at] ?? end
      if (at > last && !isOpen) return alphabet
      if (unit >= 0) alphabet.add(unit)
      else if (at <= last && unit !== end) isOpen = true
    }
  }
  if (isOpen) alphabet.add(other)
  return alphabet
}

const nameOf = (state: Int32Array): string => {
  const halves = new Uint16Array(state.buffer)
  let name = ''
  for (const half of halves) name += String.fromCharCode(half)
  return name
}

/** A character that no pattern names. */
function otherCharacter(units: readonly number[]): number {
  const used = new Set(units)
  for (const candidate of 'xyzwvuq0987')
    if (!used.has(candidate.charCodeAt(0))) return candidate.charCodeAt(0)
  for (let code = 0x21; code < 0xd800; code++) if (!used.has(code)) return code
  return 0xe000
}

/** Whether some text is matched by both. Exact. */
export function globsOverlap(a: Glob, b: Glob): boolean {
  const shorter = Math.min(a.length, b.length)
  let front = 0
  while (front < shorter) {
    const left = a[front] ?? 0
    const right = b[front] ?? 0
    if (left === many || right === many) break
    if (left >= 0 && right >= 0 && left !== right) return false
    front++
  }
  if (front === a.length && front === b.length) return true
  for (let back = 1; back <= shorter; back++) {
    const left = a[a.length - back] ?? 0
    const right = b[b.length - back] ?? 0
    if (left === many || right === many) break
    if (left >= 0 && right >= 0 && left !== right) return false
  }
  // Row by row: which positions of `b` can be reached together with a position of `a`.
  let row = new Uint8Array(b.length + 1)
  row[0] = 1
  leaveStars(row, b)
  for (const unit of a) {
    const next = new Uint8Array(b.length + 1)
    let some = 0
    for (let at = 0; at <= b.length; at++) {
      if (unit === many) {
        if (row[at] === 1 || (at > 0 && next[at - 1] === 1)) next[at] = some = 1
        continue
      }
      const other = b[at]
      if (row[at] !== 1 || other === undefined) continue
      if (other === many) next[at] = some = 1
      else if (unit === one || other === one || unit === other) next[at + 1] = some = 1
    }
    if (some === 0) return false
    leaveStars(next, b)
    row = next
  }
  return row[b.length] === 1
}

function leaveStars(row: Uint8Array, glob: Glob): void {
  for (let at = 0; at < glob.length; at++) if (row[at] === 1 && glob[at] === many) row[at + 1] = 1
}
