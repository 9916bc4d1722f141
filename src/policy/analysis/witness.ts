import type { Condition } from '../ast.ts'
import { canonicalContext } from '../context.ts'
import { literalOf, variablesOf, type Pattern } from '../pattern.ts'
import { conditionHolds } from '../reference/conditions.ts'
import type { ContextValue } from '../request.ts'

/** A condition, or a resource pattern with variables, and whether it is to hold. */
export type Wish =
  | { readonly condition: Condition; readonly holds: boolean }
  | { readonly pattern: Pattern; readonly holds: boolean }

/** A context in which the wishes hold, found by trying what the policies name; undefined when none was found. */
export function contextFor(
  wishes: readonly Wish[],
  resource: string,
): ReadonlyMap<string, ContextValue> | undefined {
  const context = new Map<string, ContextValue>()
  for (const wish of wishes) {
    if (!('pattern' in wish) || !wish.holds) continue
    const binding = bind(wish.pattern, resource)
    if (!binding) return undefined
    context.set(...binding)
  }
  const byKey = Map.groupBy(
    wishes.flatMap((wish) => ('condition' in wish ? [wish] : [])),
    ({ condition }) => condition.key,
  )
  for (const [key, some] of byKey) {
    const fits = (value: ContextValue | undefined) => {
      const tried = new Map(context)
      if (value === undefined) tried.delete(key)
      else tried.set(key, value)
      const keys = canonicalContext(tried)
      return some.every(({ condition, holds }) => conditionHolds(condition, keys) === holds)
    }
    const bound = context.get(key)
    const candidates = bound === undefined ? candidatesOf(some.map(({ condition }) => condition)) : [bound]
    const found = candidates.find(fits)
    if (found === undefined && !(bound === undefined && fits(undefined))) return undefined
    if (found !== undefined) context.set(key, found)
  }
  return context
}

/** Values that the conditions name, and some that they do not. */
function candidatesOf(conditions: readonly Condition[]): readonly ContextValue[] {
  const named = conditions.flatMap((condition) =>
    condition.values.map(({ text }) => text.replaceAll('*', 'x').replaceAll('?', 'y')),
  )
  const near = named.flatMap((text) =>
    /^-?\d+$/.test(text) ? [String(Number(text) - 1), String(Number(text) + 1)] : [],
  )
  const addresses = named.map((text) => text.split('/')[0] ?? text)
  const single = [
    ...named,
    ...near,
    ...addresses,
    'true',
    'false',
    'unnamed',
    '0',
    '1970-01-01T00:00:00Z',
    '2999-01-01T00:00:00Z',
    '192.0.2.1',
    '2001:db8::1',
    'arn:aws:none::000000000000:none',
  ]
  return [...single, ...single.map((value) => [value]), named, []]
}

/** The value of the one variable of a pattern by which it matches this resource. */
function bind(pattern: Pattern, resource: string): [string, string] | undefined {
  const [variable, more] = variablesOf(pattern)
  if (!variable || more) return undefined
  const at = pattern.tokens.indexOf(variable)
  const before = literalOf({ text: '', tokens: pattern.tokens.slice(0, at) })
  const after = literalOf({ text: '', tokens: pattern.tokens.slice(at + 1) })
  if (before === undefined || after === undefined) return undefined
  if (!resource.startsWith(before) || !resource.endsWith(after)) return undefined
  const value = resource.slice(before.length, resource.length - after.length)
  return value === '' ? undefined : [variable.key, value]
}
