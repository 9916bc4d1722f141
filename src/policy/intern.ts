import type { Condition } from './ast.ts'
import type { Pattern } from './pattern.ts'

/**
 * What one document says again and again, kept once: the same actions and conditions stand in statement after statement. It
 * lives as long as the reading of the document, so nothing is kept of documents that are gone.
 */
export type Interned = {
  readonly actions: Map<string, Pattern | undefined>
  readonly conditions: Map<string, Condition>
}

/** For one document. */
export const createInterned = (): Interned => ({ actions: new Map(), conditions: new Map() })

/** The condition of that operator, key and values that was there first. */
export function internCondition(interned: Interned, condition: Condition): Condition {
  const { operator, spelling, values } = condition
  const name = JSON.stringify([operator, spelling, ...values.map(({ text }) => text)])
  const known = interned.conditions.get(name)
  if (known) return known
  interned.conditions.set(name, condition)
  return condition
}
