import { many, one, globOf, type Glob } from './glob.ts'
import { variablesOf, type Pattern } from './pattern.ts'

/**
 * Whether every text that `narrow` matches is matched by `wide`. Sound: true is always right. Patterns with variables are
 * compared by their text alone.
 */
export function covers(wide: Pattern, narrow: Pattern): boolean {
  if (wide.text === narrow.text) return true
  if (variablesOf(wide).length > 0) return false
  if (variablesOf(narrow).length > 0) return wide.tokens.length === 1 && wide.text.startsWith('*')
  return globCovers(globOf(wide), globOf(narrow))
}

/** Whether every text that the second glob matches is matched by the first. Sound: true is always right. */
export function globCovers(pattern: Glob, text: Glob): boolean {
  let inPattern = 0
  let inText = 0
  let star = -1
  let resume = 0
  while (inText < text.length) {
    const unit = pattern[inPattern]
    const seen = text[inText]
    if (unit === many) {
      star = inPattern++
      resume = inText
    } else if ((unit === one && seen !== many) || (unit === seen && unit !== undefined)) {
      inPattern++
      inText++
    } else if (star >= 0) {
      inPattern = star + 1
      inText = ++resume
    } else {
      return false
    }
  }
  while (pattern[inPattern] === many) inPattern++
  return inPattern === pattern.length
}

/** Whether some text is matched by both. Exact for patterns without variables; true where a variable may make it so. */
export function overlap(a: Pattern, b: Pattern): boolean {
  if (variablesOf(a).length > 0 || variablesOf(b).length > 0) return true
  const left = globOf(a)
  const right = globOf(b)
  // Row by row: which positions of `right` can be reached together with position `i` of `left`.
  let row = reach(new Set([0]), right)
  for (const unit of left) {
    const next = new Set<number>()
    if (unit === many) {
      for (const at of row) for (let each = at; each <= right.length; each++) next.add(each)
    } else {
      for (const at of row) {
        const other = right[at]
        if (other === undefined) continue
        if (other === many) next.add(at)
        else if (unit === one || other === one || unit === other) next.add(at + 1)
      }
    }
    row = reach(next, right)
    if (row.size === 0) return false
  }
  return row.has(right.length)
}

/** A star may also stand for nothing. */
function reach(positions: Set<number>, glob: readonly number[]): Set<number> {
  for (const at of positions) if (glob[at] === many) positions.add(at + 1)
  return positions
}
