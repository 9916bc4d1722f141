import { canonicalKey, type Condition, type Policy, type Statement } from '../ast.ts'
import { variablesOf, type Pattern } from '../pattern.ts'

/** The condition keys that policies ask about, in conditions and as variables: each once, as first written, in order. */
export function contextKeysOf(policies: readonly Policy[]): readonly string[] {
  const seen = new Map<string, string>()
  for (const { statements } of policies) {
    for (const statement of statements) {
      for (const name of keysOfStatement(statement)) {
        const key = canonicalKey(name)
        if (!seen.has(key)) seen.set(key, name)
      }
    }
  }
  return [...seen.values()]
}

/** The keys that one statement asks about, as they are written there. */
export function keysOfStatement(statement: Statement): readonly string[] {
  const patterns = [
    ...(statement.resources?.patterns ?? []),
    ...statement.conditions.flatMap((condition) => patternsOf(condition)),
  ]
  return [
    ...patterns.flatMap((pattern) => variablesOf(pattern).map(({ spelling }) => spelling)),
    ...statement.conditions.map(({ spelling }) => spelling),
  ]
}

/** The values of a condition that may hold variables. */
export function patternsOf(condition: Condition): readonly Pattern[] {
  switch (condition.family) {
    case 'string':
      return condition.values
    case 'arn':
      return condition.values.flatMap(({ fields }) => fields)
    case 'bool':
      return condition.values.flatMap(({ value }) => (typeof value === 'boolean' ? [] : [value]))
    case 'numeric':
    case 'date':
    case 'binary':
    case 'address':
    case 'null':
      return []
  }
}
