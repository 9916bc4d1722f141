import type { Pattern } from '../pattern.ts'

/** A search that takes longer is given up; the patterns and texts of witnesses are short. */
const mostSteps = 20_000

/**
 * Values for the variables of a pattern by which it matches the text, none of them empty and one for each key; undefined when none
 * were found.
 *
 * @param bound values that are settled already
 */
export function bindVariables(
  { tokens }: Pattern,
  text: string,
  bound: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> | undefined {
  let steps = 0
  const search = (
    at: number,
    from: number,
    values: ReadonlyMap<string, string>,
  ): ReadonlyMap<string, string> | undefined => {
    if (++steps > mostSteps) return undefined
    const token = tokens[at]
    if (token === undefined) return from === text.length ? values : undefined
    if (typeof token === 'string')
      return text.startsWith(token, from) ? search(at + 1, from + token.length, values) : undefined
    if (token.kind === 'one') return from < text.length ? search(at + 1, from + 1, values) : undefined
    if (token.kind === 'variable') {
      const settled = values.get(token.key)
      if (settled !== undefined)
        return text.startsWith(settled, from) ? search(at + 1, from + settled.length, values) : undefined
    }
    for (let to = token.kind === 'many' ? from : from + 1; to <= text.length; to++) {
      const next = token.kind === 'many' ? values : new Map(values).set(token.key, text.slice(from, to))
      const found = search(at + 1, to, next)
      if (found) return found
    }
    return undefined
  }
  return search(0, 0, bound)
}
