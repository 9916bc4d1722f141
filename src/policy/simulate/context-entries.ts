import { canonicalKey } from '../ast.ts'
import { isKeyName } from '../pattern.ts'
import type { ContextValue } from '../request.ts'
import { readAddress, readBase64, readBoolean, readDate, readDecimal } from '../values.ts'

/** A condition key with its values, as a simulation is told them (IAM API Reference, ContextEntry). */
export type ContextEntry = {
  readonly name: string
  /** `string`, `stringList`, `numeric`, `boolean`, `ip`, `binary`, `date` and the list of each. */
  readonly type: string
  readonly values: readonly string[]
}

const readers: Readonly<Record<string, (text: string) => boolean>> = {
  string: () => true,
  numeric: (text) => readDecimal(text) !== undefined,
  boolean: (text) => readBoolean(text) !== undefined,
  ip: (text) => readAddress(text) !== undefined,
  binary: (text) => readBase64(text) !== undefined,
  date: (text) => readDate(text) !== undefined,
}

/**
 * The context that entries make: a list type is a multivalued key, also when it holds one value.
 *
 * @returns the context, or in one sentence what is wrong with the first entry that cannot be taken
 */
export function contextFromEntries(
  entries: readonly ContextEntry[],
): { readonly context: ReadonlyMap<string, ContextValue> } | { readonly problem: string } {
  const context = new Map<string, ContextValue>()
  const seen = new Set<string>()
  for (const { name, type, values } of entries) {
    const isList = type.endsWith('List')
    const reads = readers[isList ? type.slice(0, -4) : type]
    if (!reads || !Object.hasOwn(readers, isList ? type.slice(0, -4) : type))
      return { problem: `${type} is no type of context key.` }
    if (!isKeyName(name)) return { problem: `${name} is not the name of a condition key (prefix:name).` }
    if (seen.has(canonicalKey(name))) return { problem: `The key ${name} is given twice.` }
    seen.add(canonicalKey(name))
    const wrong = values.find((value) => !reads(value))
    if (wrong !== undefined)
      return { problem: `The value ${wrong} of the key ${name} is not of the type ${type}.` }
    if (isList) {
      context.set(name, values)
      continue
    }
    const [value, ...more] = values
    if (value === undefined || more.length > 0)
      return { problem: `The key ${name} of the type ${type} takes one value; a list type takes several.` }
    context.set(name, value)
  }
  return { context }
}
