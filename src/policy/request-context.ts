import { firstStep, layoutAt, longestSequence, turnAt, type Layout, type Step } from './layout.ts'
import type { ContextValue } from './request.ts'

/** A key with its value; one without a value is left out. */
type Entry = readonly [name: string, value: ContextValue | undefined]

/**
 * A context that was made for deciding: its values in the order of a layout, which all contexts with the same names share, so
 * that no decision reads the names again. For everybody else it is a read-only map.
 *
 * A class although it has no life: it must be a map to its readers, and known at a glance to the engine.
 */
export class RequestContext implements ReadonlyMap<string, ContextValue> {
  readonly step: Step
  readonly inOrder: readonly ContextValue[]

  constructor(step: Step, inOrder: readonly ContextValue[]) {
    this.step = step
    this.inOrder = inOrder
  }

  get layout(): Layout {
    return layoutAt(this.step)
  }

  get size(): number {
    return this.inOrder.length
  }

  get(name: string): ContextValue | undefined {
    const at = this.layout.names.indexOf(name)
    return at < 0 ? undefined : this.inOrder[at]
  }

  has(name: string): boolean {
    return this.layout.names.includes(name)
  }

  keys(): MapIterator<string> {
    return this.#map().keys()
  }

  values(): MapIterator<ContextValue> {
    return this.#map().values()
  }

  entries(): MapIterator<[string, ContextValue]> {
    return this.#map().entries()
  }

  [Symbol.iterator](): MapIterator<[string, ContextValue]> {
    return this.entries()
  }

  forEach(call: (value: ContextValue, name: string, map: ReadonlyMap<string, ContextValue>) => void): void {
    for (const [name, value] of this) call(value, name, this)
  }

  #map(): Map<string, ContextValue> {
    const { names } = this.layout
    return new Map(this.inOrder.map((value, at) => [names[at] ?? '', value]))
  }
}

/**
 * The context of these entries, the cheapest for `evaluate`; a later entry of the same name wins. Make one where a request comes
 * in, and more of it with `withEntries`.
 */
export const requestContext = (entries: Iterable<Entry>): ReadonlyMap<string, ContextValue> =>
  follow(firstStep(), [], entries)

/** A context with more entries, or other values for those it has. The context itself stays as it is. */
export const withEntries = (
  context: ReadonlyMap<string, ContextValue>,
  entries: Iterable<Entry>,
): ReadonlyMap<string, ContextValue> =>
  context instanceof RequestContext
    ? follow(context.step, context.inOrder.slice(), entries)
    : requestContext([...context, ...entries])

function follow(
  first: Step,
  inOrder: ContextValue[],
  entries: Iterable<Entry>,
): ReadonlyMap<string, ContextValue> {
  let step = first
  let long: Map<string, ContextValue> | undefined
  for (const [name, value] of entries) {
    if (value === undefined) continue
    if (long !== undefined) long.set(name, value)
    else if (inOrder.length >= longestSequence)
      long = new Map(new RequestContext(step, inOrder)).set(name, value)
    else {
      const { to, at } = turnAt(step, name)
      step = to
      inOrder[at] = value
    }
  }
  return long ?? new RequestContext(step, inOrder)
}
