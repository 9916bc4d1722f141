import { canonicalKey } from './ast.ts'
import type { ContextValue } from './request.ts'

/** The context of a request, and by which name each canonical key stands in it. */
export type Keys = {
  readonly context: ReadonlyMap<string, ContextValue>
  readonly names: ReadonlyMap<string, string>
}

/**
 * Finds the one name of every key.
 *
 * @throws Error when two spellings of one key carry different values: there is no telling which one is meant
 */
export function canonicalContext(context: ReadonlyMap<string, ContextValue>): Keys {
  let shape = root
  for (const name of context.keys()) shape = shape.next.get(name) ?? grow(shape, name)
  for (const [first, second] of shape.doubled) {
    if (!sameValue(context.get(first), context.get(second))) {
      throw new Error(`the request gives two values for the key ${second}`)
    }
  }
  return { context, names: shape.names }
}

/** The value of a key by its canonical name. */
export function valueOf(keys: Keys, key: string): ContextValue | undefined {
  const name = keys.names.get(key)
  return name === undefined ? undefined : keys.context.get(name)
}

/**
 * Requests bring the same few sequences of key names, so what a sequence means is worked out once. `doubled` are pairs of names
 * of one key.
 */
type Shape = {
  readonly next: Map<string, Shape>
  readonly names: ReadonlyMap<string, string>
  readonly doubled: readonly (readonly [string, string])[]
}

const emptyShape = (): Shape => ({ next: new Map(), names: new Map(), doubled: [] })
let root = emptyShape()
let shapes = 0
/** Callers choose the names, so the memory must have an end. */
const mostShapes = 4096

function grow(shape: Shape, name: string): Shape {
  const key = canonicalKey(name)
  const earlier = shape.names.get(key)
  const grown: Shape = {
    next: new Map(),
    names: new Map(shape.names).set(key, name),
    doubled: earlier === undefined ? shape.doubled : [...shape.doubled, [earlier, name]],
  }
  if (++shapes > mostShapes) {
    root = emptyShape()
    shapes = 0
  } else {
    shape.next.set(name, grown)
  }
  return grown
}

const sameValue = (a: ContextValue | undefined, b: ContextValue | undefined): boolean =>
  typeof a !== 'object' || typeof b !== 'object'
    ? a === b
    : a.length === b.length && a.every((each, index) => each === b[index])

/** A key's value as a variable: single-valued keys only, and an empty string counts as no value. */
export function variableValue(keys: Keys, key: string): string | undefined {
  const value = valueOf(keys, key)
  return typeof value === 'string' && value !== '' ? value : undefined
}
