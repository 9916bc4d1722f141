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
export const canonicalContext = (context: ReadonlyMap<string, ContextValue>): Keys => ({
  context,
  names: canonicalNames(context),
})

/** The names of canonicalContext, by canonical key; throws as it does. */
export function canonicalNames(context: ReadonlyMap<string, ContextValue>): Keys['names'] {
  const last = recent[context.size & (recent.length - 1)]
  const shape = last !== undefined && isShape(last, context) ? last : findShape(context)
  if (shape.doubled.length > 0) refuseTwoValues(shape, context)
  return shape.names
}

/** The value of a key by its canonical name. */
export function valueOf(keys: Keys, key: string): ContextValue | undefined {
  const name = keys.names.get(key)
  return name === undefined ? undefined : keys.context.get(name)
}

/** A key's value as a variable: single-valued keys only, and an empty string counts as no value. */
export function variableValue(keys: Keys, key: string): string | undefined {
  const value = valueOf(keys, key)
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** What a sequence of names means. `doubled` are pairs of names of one key. */
type Shape = {
  readonly sequence: readonly string[]
  readonly names: ReadonlyMap<string, string>
  readonly doubled: readonly (readonly [string, string])[]
}

/** Requests bring the same few sequences of names, so what one means is worked out once and found by its names in order. */
type Step = { readonly next: Map<string, Step>; shape: Shape | undefined }

const emptyStep = (): Step => ({ next: new Map(), shape: undefined })
let root = emptyStep()
let steps = 0
/** Callers choose the names, so the memory must have an end: in steps, and in the length of what is remembered. */
const mostSteps = 4096
const longestSequence = 64

/** The shape that was seen last, for each number of names. */
const recent: (Shape | undefined)[] = Array.from({ length: 64 }, () => undefined)

function isShape({ sequence }: Shape, context: ReadonlyMap<string, ContextValue>): boolean {
  let at = 0
  for (const name of context.keys()) if (sequence[at++] !== name) return false
  return at === sequence.length
}

function findShape(context: ReadonlyMap<string, ContextValue>): Shape {
  if (context.size > longestSequence) return shapeOf(context)
  let step = root
  for (const name of context.keys()) {
    let next = step.next.get(name)
    if (!next) {
      next = emptyStep()
      step.next.set(name, next)
      steps++
    }
    step = next
  }
  const shape = (step.shape ??= shapeOf(context))
  recent[context.size & (recent.length - 1)] = shape
  if (steps > mostSteps) {
    root = emptyStep()
    steps = 0
  }
  return shape
}

function shapeOf(context: ReadonlyMap<string, ContextValue>): Shape {
  const names = new Map<string, string>()
  const doubled: (readonly [string, string])[] = []
  for (const name of context.keys()) {
    const key = canonicalKey(name)
    const earlier = names.get(key)
    if (earlier !== undefined) doubled.push([earlier, name])
    names.set(key, name)
  }
  return { sequence: [...context.keys()], names, doubled }
}

function refuseTwoValues(shape: Shape, context: ReadonlyMap<string, ContextValue>): void {
  for (const [first, second] of shape.doubled) {
    if (!sameValue(context.get(first), context.get(second))) {
      throw new Error(`the request gives two values for the key ${second}`)
    }
  }
}

const sameValue = (a: ContextValue | undefined, b: ContextValue | undefined): boolean =>
  typeof a !== 'object' || typeof b !== 'object'
    ? a === b
    : a.length === b.length && a.every((each, index) => each === b[index])
