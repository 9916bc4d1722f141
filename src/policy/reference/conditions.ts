import type { Condition } from '../ast.ts'
import { valueOf, variableValue, type Keys } from '../context.ts'
import { fill, globMatches } from '../glob.ts'
import type { Pattern } from '../pattern.ts'
import type { ContextValue } from '../request.ts'
import {
  compareDates,
  compareDecimals,
  inRange,
  readAddress,
  readBase64,
  readBoolean,
  readDate,
  readDecimal,
} from '../values.ts'

/** Whether one condition holds: the truth table of missing, empty and multivalued keys. */
export function conditionHolds(condition: Condition, keys: Keys): boolean {
  const value = valueOf(keys, condition.key)
  if (condition.family === 'null') {
    if (condition.set) return condition.set === 'ForAllValues'
    const isNull = isNullData(value)
    return condition.values.some((wanted) => wanted.value === isNull)
  }
  if (condition.set) {
    if (isNullData(value)) return condition.set === 'ForAllValues'
    if (condition.values.length === 0) return false
    const satisfies = (each: string) => matchesSome(condition, each, keys) !== condition.negated
    return condition.set === 'ForAllValues' ? listOf(value).every(satisfies) : listOf(value).some(satisfies)
  }
  const present = listOf(value)
  if (present.length === 0) return condition.ifExists || condition.negated
  if (condition.values.length === 0) return false
  return present.some((each) => matchesSome(condition, each, keys)) !== condition.negated
}

const listOf = (value: ContextValue | undefined): readonly string[] =>
  value === undefined ? [] : typeof value === 'string' ? [value] : value

/** Absent, an empty set, or a set of nothing but empty strings. */
const isNullData = (value: ContextValue | undefined): boolean => listOf(value).every((each) => each === '')

/** Whether a request value matches some value of the policy, by the positive form of the operator. */
function matchesSome(condition: Exclude<Condition, { family: 'null' }>, value: string, keys: Keys): boolean {
  switch (condition.family) {
    case 'string':
      return condition.values.some((pattern) => stringMatches(pattern, condition.match, value, keys))
    case 'numeric': {
      const number = readDecimal(value)
      return (
        number !== undefined &&
        condition.values.some((wanted) => ordered(condition.comparison, compareDecimals(number, wanted)))
      )
    }
    case 'date': {
      const date = readDate(value)
      return (
        date !== undefined &&
        condition.values.some((wanted) => ordered(condition.comparison, compareDates(date, wanted)))
      )
    }
    case 'bool': {
      const truth = readBoolean(value)
      return (
        truth !== undefined &&
        condition.values.some((wanted) => {
          if (typeof wanted.value === 'boolean') return wanted.value === truth
          const text = textOf(wanted.value, keys)
          return text !== undefined && readBoolean(text) === truth
        })
      )
    }
    case 'binary': {
      const bytes = readBase64(value)
      return bytes !== undefined && condition.values.some((wanted) => wanted.bytes === bytes)
    }
    case 'address': {
      const address = readAddress(value)
      return address !== undefined && condition.values.some((range) => inRange(range, address))
    }
    case 'arn': {
      const parts = arnFields(value)
      return condition.values.some(
        (wanted) =>
          wanted.any ||
          (parts !== undefined &&
            wanted.fields.every((field, index) => {
              const glob = fill(field, (key) => variableValue(keys, key))
              return glob !== undefined && globMatches(glob, parts[index] ?? '')
            })),
      )
    }
  }
}

function ordered(
  comparison: 'equal' | 'less' | 'less-or-equal' | 'greater' | 'greater-or-equal',
  order: number,
): boolean {
  switch (comparison) {
    case 'equal':
      return order === 0
    case 'less':
      return order < 0
    case 'less-or-equal':
      return order <= 0
    case 'greater':
      return order > 0
    case 'greater-or-equal':
      return order >= 0
  }
}

function stringMatches(
  pattern: Pattern,
  match: 'exact' | 'ignore-case' | 'like',
  value: string,
  keys: Keys,
): boolean {
  if (match === 'like') {
    const glob = fill(pattern, (key) => variableValue(keys, key))
    return glob !== undefined && globMatches(glob, value)
  }
  const text = textOf(pattern, keys)
  if (text === undefined) return false
  return match === 'exact' ? text === value : text.toLowerCase() === value.toLowerCase()
}

/** The text of a pattern without wildcards, with its variables filled in; undefined when one has no value. */
function textOf(pattern: Pattern, keys: Keys): string | undefined {
  let text = ''
  for (const token of pattern.tokens) {
    if (typeof token === 'string') text += token
    else if (token.kind === 'variable') {
      const value = variableValue(keys, token.key) ?? token.fallback
      if (value === undefined) return undefined
      text += value
    }
  }
  return text
}

/** The six fields of an ARN, the last with the rest; undefined for what is no ARN. */
function arnFields(value: string): readonly string[] | undefined {
  const fields = value.split(':')
  if (fields.length < 6 || fields[0] !== 'arn') return undefined
  return [...fields.slice(0, 5), fields.slice(5).join(':')]
}
