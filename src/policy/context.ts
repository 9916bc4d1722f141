import { firstStep, layoutAt, layoutOf, longestSequence, turnAt, type Layout } from './layout.ts'
import { RequestContext } from './request-context.ts'
import type { ContextValue } from './request.ts'

/** The context of a request, and what its names mean. */
export type Keys = {
  readonly context: ReadonlyMap<string, ContextValue>
  readonly layout: Layout
  /** The values in the order of the layout, where the context was made so. */
  readonly inOrder: readonly ContextValue[] | undefined
}

/**
 * Finds the one name of every key.
 *
 * @throws Error when two spellings of one key carry different values: there is no telling which one is meant
 */
export const canonicalContext = (context: ReadonlyMap<string, ContextValue>): Keys => ({
  context,
  layout: layoutFor(context),
  inOrder: inOrderOf(context),
})

/** The values of a context in the order of its layout; undefined for any other map. */
export const inOrderOf = (context: ReadonlyMap<string, ContextValue>): readonly ContextValue[] | undefined =>
  context instanceof RequestContext ? context.inOrder : undefined

/** The layout of a context; throws as canonicalContext. */
export function layoutFor(context: ReadonlyMap<string, ContextValue>): Layout {
  const layout = context instanceof RequestContext ? context.layout : layoutOfMap(context)
  if (layout.doubled.length > 0) refuseTwoValues(layout, context)
  return layout
}

/** The value of a key by its canonical name. */
export function valueOf({ context, layout, inOrder }: Keys, key: string): ContextValue | undefined {
  const at = layout.places.get(key)
  if (at === undefined) return undefined
  return inOrder === undefined ? context.get(layout.names[at] ?? '') : inOrder[at]
}

/** A key's value as a variable: single-valued keys only, and an empty string counts as no value. */
export function variableValue(keys: Keys, key: string): string | undefined {
  const value = valueOf(keys, key)
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** The layout that was seen last, for each number of names. */
const recent: (Layout | undefined)[] = Array.from({ length: longestSequence }, () => undefined)

function layoutOfMap(context: ReadonlyMap<string, ContextValue>): Layout {
  const last = recent[context.size & (recent.length - 1)]
  return last !== undefined && isLayout(last, context) ? last : findLayout(context)
}

function isLayout({ names }: Layout, context: ReadonlyMap<string, ContextValue>): boolean {
  let at = 0
  for (const name of context.keys()) if (names[at++] !== name) return false
  return at === names.length
}

function findLayout(context: ReadonlyMap<string, ContextValue>): Layout {
  if (context.size > longestSequence) return layoutOf([...context.keys()])
  let step = firstStep()
  for (const name of context.keys()) step = turnAt(step, name).to
  const layout = layoutAt(step)
  recent[context.size & (recent.length - 1)] = layout
  return layout
}

function refuseTwoValues({ doubled }: Layout, context: ReadonlyMap<string, ContextValue>): void {
  for (const [first, second] of doubled) {
    if (!sameValue(context.get(first), context.get(second))) {
      throw new Error(`the request gives two values for the key ${second}`)
    }
  }
}

const sameValue = (a: ContextValue | undefined, b: ContextValue | undefined): boolean =>
  typeof a !== 'object' || typeof b !== 'object'
    ? a === b
    : a.length === b.length && a.every((each, index) => each === b[index])
