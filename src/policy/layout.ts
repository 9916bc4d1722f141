import { canonicalKey } from './ast.ts'

/**
 * What a sequence of key names means. Requests bring the same few sequences of names, so what one means is worked out once and
 * shared by all contexts that have it.
 */
export type Layout = {
  readonly names: readonly string[]
  /** Where each key stands among the names, by its canonical name; of two names of one key the later. */
  readonly places: ReadonlyMap<string, number>
  /** Pairs of names of one key. */
  readonly doubled: readonly (readonly [string, string])[]
}

/** One more name than the step before, on the way from no names to a sequence. */
export type Step = {
  readonly before: Step | undefined
  readonly name: string
  /** How many names stand before this one; -1 at the beginning. */
  readonly at: number
  /** The step after each name, or this one's own when the name stands in the sequence already. */
  readonly next: Map<string, Turn>
  layout: Layout | undefined
}

/** Where a name leads, and at which place its value stands. */
export type Turn = { readonly to: Step; readonly at: number }

const beginning = (): Step => ({ before: undefined, name: '', at: -1, next: new Map(), layout: undefined })

let root = beginning()
let steps = 0
/** Callers choose the names, so the memory must have an end: in steps, and in the length of what is remembered. */
const mostSteps = 4096
/** No longer sequence is remembered. */
export const longestSequence = 64

/** Before the first name. */
export function firstStep(): Step {
  if (steps > mostSteps) {
    root = beginning()
    steps = 0
  }
  return root
}

/** Where a name leads from a step that is not past the longest sequence. */
export const turnAt = (step: Step, name: string): Turn => step.next.get(name) ?? learn(step, name)

function learn(step: Step, name: string): Turn {
  let turn: Turn | undefined
  for (let each: Step | undefined = step; each !== undefined && turn === undefined; each = each.before)
    if (each.at >= 0 && each.name === name) turn = { to: step, at: each.at }
  if (turn === undefined) {
    const at = step.at + 1
    turn = { to: { before: step, name, at, next: new Map(), layout: undefined }, at }
    steps++
  }
  step.next.set(name, turn)
  return turn
}

/** The layout of the names up to a step. */
export const layoutAt = (step: Step): Layout => (step.layout ??= layoutOf(namesUpTo(step)))

function namesUpTo(step: Step): string[] {
  const names: string[] = []
  for (let each: Step | undefined = step; each !== undefined && each.at >= 0; each = each.before)
    names.push(each.name)
  return names.reverse()
}

/** The layout of these names, not remembered. */
export function layoutOf(names: readonly string[]): Layout {
  const places = new Map<string, number>()
  const doubled: (readonly [string, string])[] = []
  for (const [at, name] of names.entries()) {
    const key = canonicalKey(name)
    const earlier = places.get(key)
    if (earlier !== undefined) doubled.push([names[earlier] ?? '', name])
    places.set(key, at)
  }
  return { names, places, doubled }
}
