import type { Pattern } from './pattern.ts'

/** A pattern ready to match: code units, with `many` for `*` and `one` for `?`. */
export type Glob = readonly number[]

/** Any run of characters, also none. */
export const many = -1
/** Exactly one character (UTF-16 unit). */
export const one = -2

/** The glob of a pattern without variables. A variable in it matches nothing, as one without a value does. */
export function globOf(pattern: Pattern): Glob {
  return fill(pattern, () => undefined) ?? [nothing]
}

/** A unit that no text holds. */
const nothing = -3

/**
 * The glob of a pattern with the variables' values put in as data; undefined when one has neither value nor default.
 */
export function fill(pattern: Pattern, valueOf: (key: string) => string | undefined): Glob | undefined {
  const units: number[] = []
  for (const token of pattern.tokens) {
    if (typeof token === 'string') {
      pushText(units, token)
    } else if (token.kind === 'variable') {
      const value = valueOf(token.key) ?? token.fallback
      if (value === undefined) return undefined
      pushText(units, value)
    } else {
      units.push(token.kind === 'many' ? many : one)
    }
  }
  return units
}

function pushText(units: number[], text: string): void {
  for (let at = 0; at < text.length; at++) units.push(text.charCodeAt(at))
}

/**
 * Whether the whole text matches. Two pointers that remember the last `*` alone: no recursion and no stack, at most
 * pattern × text steps whatever the pattern.
 */
export function globMatches(glob: Glob, text: string): boolean {
  let inGlob = 0
  let inText = 0
  let star = -1
  let resume = 0
  while (inText < text.length) {
    const unit = glob[inGlob]
    if (unit === many) {
      star = inGlob++
      resume = inText
    } else if (unit === one || unit === text.charCodeAt(inText)) {
      inGlob++
      inText++
    } else if (star >= 0) {
      inGlob = star + 1
      inText = ++resume
    } else {
      return false
    }
  }
  while (glob[inGlob] === many) inGlob++
  return inGlob === glob.length
}
