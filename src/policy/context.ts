import { canonicalKey } from './ast.ts'
import type { ContextValue } from './request.ts'

/** The keys of a request by their canonical names. */
export type Keys = ReadonlyMap<string, ContextValue>

/**
 * Brings every key to its one name.
 *
 * @throws Error when two spellings of one key carry different values: there is no telling which one is meant
 */
export function canonicalContext(context: ReadonlyMap<string, ContextValue>): Keys {
  let canonical = true
  for (const name of context.keys()) {
    if (keyOf(name) !== name) {
      canonical = false
      break
    }
  }
  if (canonical) return context
  const keys = new Map<string, ContextValue>()
  for (const [name, value] of context) {
    const key = keyOf(name)
    const earlier = keys.get(key)
    if (earlier !== undefined && !sameValue(earlier, value)) {
      throw new Error(`the request gives two values for the key ${name}`)
    }
    keys.set(key, value)
  }
  return keys
}

const known = new Map<string, string>()

/** As canonicalKey; remembers, since requests bring the same few names. The memory is bounded. */
function keyOf(name: string): string {
  let key = known.get(name)
  if (key === undefined) {
    key = canonicalKey(name)
    if (known.size >= 4096) known.clear()
    known.set(name, key)
  }
  return key
}

const sameValue = (a: ContextValue, b: ContextValue): boolean =>
  typeof a === 'string' || typeof b === 'string'
    ? a === b
    : a.length === b.length && a.every((each, index) => each === b[index])

/** A key's value as a variable: single-valued keys only, and an empty string counts as no value. */
export function variableValue(keys: Keys, key: string): string | undefined {
  const value = keys.get(key)
  return typeof value === 'string' && value !== '' ? value : undefined
}
