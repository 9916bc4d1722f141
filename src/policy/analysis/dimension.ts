import { globCovers } from '../covers.ts'
import { fill, many, type Glob } from '../glob.ts'
import { variablesOf, type Pattern } from '../pattern.ts'
import { classesWithin, globsOverlap, type Budget } from './automaton.ts'

/** A list of actions or resources: patterns by number in their dimension. */
export type List = { readonly not: boolean; readonly patterns: readonly number[] }

/** A pattern as a dimension keeps it. `glob` is an over-approximation: a variable may hold anything. */
export type Entry = {
  readonly signature: string
  readonly pattern: Pattern
  readonly glob: Glob
  readonly isVariable: boolean
}

/** How a list takes a class of texts. */
export type Taken =
  | { readonly by: 'all' | 'none' }
  /** Decided by these patterns with variables, each of which may or may not match. */
  | { readonly by: 'variables'; readonly not: boolean; readonly patterns: readonly number[] }

/** A class of texts: one of them, and which of the patterns that were asked about may match. */
export type Class = { readonly witness: string; readonly hits: ReadonlySet<number> }

/** All patterns of one dimension (actions or resources), each once, and how they lie to each other. */
export type Dimension = {
  intern(pattern: Pattern): number
  list(not: boolean, patterns: readonly Pattern[]): List
  entry(id: number): Entry
  overlap(a: number, b: number): boolean
  covers(wide: number, narrow: number): boolean
  /** Whether the list may take some text of the pattern. */
  mayTake(list: List, start: number): boolean
  /** Whether the list takes every text of the pattern. Sound: true is always right. */
  takesAll(list: List, start: number): boolean
  /** The classes of texts within a pattern; undefined when the budget is spent. */
  classes(start: number, patterns: Iterable<number>, budget: Budget): readonly Class[] | undefined
}

/** What a pattern is, whatever it was written like: in the old version `${` is text. */
export const signatureOf = ({ tokens }: Pattern): string =>
  JSON.stringify(
    tokens.map((token) =>
      typeof token === 'string'
        ? token
        : token.kind === 'variable'
          ? [token.key, token.fallback]
          : token.kind === 'many'
            ? 1
            : 0,
    ),
  )

/** An empty dimension. */
export function createDimension(): Dimension {
  const entries: Entry[] = []
  const ids = new Map<string, number>()
  const overlaps = new Map<number, boolean>()
  const coverings = new Map<number, boolean>()
  const known = new Map<string, readonly Class[]>()
  const entry = (id: number): Entry => {
    const found = entries[id]
    if (!found) throw new Error('no such pattern')
    return found
  }
  const dimension: Dimension = {
    entry,
    intern(pattern) {
      const signature = signatureOf(pattern)
      const before = ids.get(signature)
      if (before !== undefined) return before
      const id = entries.length
      entries.push({
        signature,
        pattern,
        glob: relaxed(pattern),
        isVariable: variablesOf(pattern).length > 0,
      })
      ids.set(signature, id)
      return id
    },
    list: (not, patterns) => ({
      not,
      patterns: [...new Set(patterns.map((each) => dimension.intern(each)))],
    }),
    overlap(a, b) {
      if (a === b) return true
      const key = a < b ? a * 65_536 + b : b * 65_536 + a
      let found = overlaps.get(key)
      if (found === undefined) {
        found = globsOverlap(entry(a).glob, entry(b).glob)
        overlaps.set(key, found)
      }
      return found
    },
    covers(wide, narrow) {
      if (wide === narrow) return true
      const key = wide * 65_536 + narrow
      let found = coverings.get(key)
      if (found === undefined) {
        const [a, b] = [entry(wide), entry(narrow)]
        found = !a.isVariable && dimension.overlap(wide, narrow) && globCovers(a.glob, b.glob)
        coverings.set(key, found)
      }
      return found
    },
    mayTake: ({ not, patterns }, start) =>
      not
        ? !patterns.some((each) => dimension.covers(each, start))
        : patterns.some((each) => dimension.overlap(each, start)),
    takesAll: ({ not, patterns }, start) =>
      not
        ? !patterns.some((each) => dimension.overlap(each, start))
        : patterns.some((each) => dimension.covers(each, start)),
    classes(start, patterns, budget) {
      const wanted = [...new Set(patterns)].toSorted((a, b) => a - b)
      const key = `${start}:${wanted.join()}`
      const before = known.get(key)
      if (before) return before
      const found = classesWithin(
        entry(start).glob,
        wanted.map((id) => entry(id).glob),
        budget,
      )?.map(({ witness, accepted }): Class => ({
        witness,
        hits: new Set(wanted.filter((_, at) => accepted[at])),
      }))
      if (found) known.set(key, found)
      return found
    },
  }
  return dimension
}

/** How a list takes a class. A pattern that starts the region and holds a variable is an atom like any other. */
export function take(dimension: Dimension, { not, patterns }: List, { hits }: Class): Taken {
  const hit = patterns.filter((id) => hits.has(id))
  if (hit.some((id) => !dimension.entry(id).isVariable)) return { by: not ? 'none' : 'all' }
  if (hit.length === 0) return { by: not ? 'all' : 'none' }
  return { by: 'variables', not, patterns: hit }
}

/** A variable may hold any text but an empty one, which counts as none; one atom for each pattern ties it back. */
function relaxed({ text, tokens }: Pattern): Glob {
  const open = tokens.flatMap((token) =>
    typeof token === 'object' && token.kind === 'variable'
      ? token.fallback === ''
        ? [{ kind: 'many' } as const]
        : [{ kind: 'one' } as const, { kind: 'many' } as const]
      : [token],
  )
  const units = fill({ text, tokens: open }, () => undefined) ?? []
  return units.filter((unit, index) => unit !== many || units[index - 1] !== many)
}
