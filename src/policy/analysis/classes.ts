import { many, one, type Glob } from '../glob.ts'

/** Texts that no pattern tells apart, with a shortest one of them and the patterns that accept it. */
export type TextClass = { readonly witness: string; readonly accepted: readonly boolean[] }

/** More states than this and the question is given up rather than answered slowly. */
const mostStates = 6000

/**
 * Every combination in which these patterns can accept one and the same text: the joint subset construction over their automata.
 * The alphabet of a state is the characters that some live position expects, and one that none does. Complete; undefined past
 * the cap.
 */
export function classesOf(globs: readonly Glob[]): readonly TextClass[] | undefined {
  const offsets: number[] = []
  const units: number[] = []
  for (const glob of globs) {
    offsets.push(units.length)
    units.push(...glob, end)
  }
  const other = otherCharacter(units)
  const close = (ids: Iterable<number>): number[] => {
    const closed = new Set<number>()
    for (let id of ids) {
      closed.add(id)
      while (units[id] === many) closed.add(++id)
    }
    return [...closed].toSorted((a, b) => a - b)
  }
  const start = close(offsets)
  const seen = new Set([start.join()])
  const queue: { readonly ids: readonly number[]; readonly text: string }[] = [{ ids: start, text: '' }]
  const classes = new Map<string, TextClass>()
  for (const { ids, text } of queue) {
    const ends = new Set(ids.filter((id) => units[id] === end))
    const accepted = globs.map((glob, index) => ends.has((offsets[index] ?? 0) + glob.length))
    const key = accepted.map(Number).join('')
    if (!classes.has(key)) classes.set(key, { witness: text, accepted })
    const alphabet = new Set([other])
    for (const id of ids) {
      const unit = units[id]
      if (unit !== undefined && unit >= 0) alphabet.add(unit)
    }
    for (const character of alphabet) {
      const next = close(
        ids.flatMap((id) => {
          const unit = units[id]
          if (unit === many) return [id]
          return unit === one || unit === character ? [id + 1] : []
        }),
      )
      const name = next.join()
      if (seen.has(name)) continue
      if (seen.size >= mostStates) return undefined
      seen.add(name)
      queue.push({ ids: next, text: text + String.fromCharCode(character) })
    }
  }
  return [...classes.values()]
}

/** Marks where a pattern ends. */
const end = -9

/** A character that no pattern names. */
function otherCharacter(units: readonly number[]): number {
  const used = new Set(units)
  for (const candidate of 'xyzwvuq0987')
    if (!used.has(candidate.charCodeAt(0))) return candidate.charCodeAt(0)
  for (let code = 0x21; code < 0xd800; code++) if (!used.has(code)) return code
  return 0xe000
}
