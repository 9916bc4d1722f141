import { valueOf, variableValue } from '../context.ts'
import type { ArnPattern, Comparison, Condition } from '../ast.ts'
import { literalOf, variablesOf, type Pattern } from '../pattern.ts'
import { compareDates, compareDecimals, inRange, readBase64, readBoolean } from '../values.ts'
import { fixedTest, piecesMatch, piecesOf } from './glob.ts'
import { addressOf, arnOf, dateOf, decimalOf, type View } from './view.ts'

/** A condition as a function of the request. */
export type Check = (view: View) => boolean

/** Whether a request value matches some value of the policy, by the positive form of the operator. */
type Matcher = (value: string, view: View) => boolean

type Compared = Exclude<Condition, { family: 'null' }>

/** What a family costs to compare; cheap conditions are asked first. */
const cost: Record<Condition['family'], number> = {
  null: 0,
  string: 1,
  bool: 1,
  binary: 2,
  numeric: 3,
  date: 4,
  address: 4,
  arn: 5,
}

const none: readonly Check[] = []
const compiled = new WeakMap<Condition, Check>()

/** The conditions of a statement, cheap ones first. Statements that share a condition share what was made of it. */
export function compiledConditions(conditions: readonly Condition[]): readonly Check[] {
  if (conditions.length === 0) return none
  return conditions.toSorted((a, b) => costOf(a) - costOf(b)).map(compiledCondition)
}

function compiledCondition(condition: Condition): Check {
  const known = compiled.get(condition)
  if (known) return known
  const made = compileCondition(condition)
  compiled.set(condition, made)
  return made
}

const costOf = (condition: Condition): number =>
  cost[condition.family] + (condition.family === 'string' && condition.match === 'like' ? 2 : 0)

/** One condition; the same truth table as the reference's conditionHolds. */
function compileCondition(condition: Condition): Check {
  const { key, set } = condition
  if (condition.family === 'null') {
    if (set) return set === 'ForAllValues' ? always : never
    const wanted = new Set(condition.values.map(({ value }) => value))
    return (view) => wanted.has(isNull(valueOf(view, key)))
  }
  const matches = condition.values.length === 0 ? undefined : matcherOf(condition)
  if (set) return setCheck(condition, set === 'ForAllValues', matches)
  const whenAbsent = condition.ifExists || condition.negated
  const { negated } = condition
  return (view) => {
    const value = valueOf(view, key)
    if (typeof value === 'string') return matches !== undefined && matches(value, view) !== negated
    if (value === undefined || value.length === 0) return whenAbsent
    return matches !== undefined && value.some((each) => matches(each, view)) !== negated
  }
}

const always: Check = () => true
const never: Check = () => false

const isNull = (value: string | readonly string[] | undefined): boolean =>
  value === undefined || (typeof value === 'string' ? value === '' : value.every((each) => each === ''))

function setCheck({ key, negated }: Compared, all: boolean, matches: Matcher | undefined): Check {
  return (view) => {
    const value = valueOf(view, key)
    if (value === undefined || isNull(value)) return all
    if (!matches) return false
    if (typeof value === 'string') return matches(value, view) !== negated
    return all
      ? value.every((each) => matches(each, view) !== negated)
      : value.some((each) => matches(each, view) !== negated)
  }
}

function matcherOf(condition: Compared): Matcher {
  switch (condition.family) {
    case 'string':
      return stringMatcher(condition)
    case 'numeric': {
      const test = orderTest(condition.comparison)
      const { values } = condition
      return (text, view) => {
        const number = decimalOf(view, text)
        return number !== undefined && values.some((wanted) => test(compareDecimals(number, wanted)))
      }
    }
    case 'date': {
      const test = orderTest(condition.comparison)
      const { values } = condition
      return (text, view) => {
        const date = dateOf(view, text)
        return date !== undefined && values.some((wanted) => test(compareDates(date, wanted)))
      }
    }
    case 'bool': {
      const { values } = condition
      return (text, view) => {
        const truth = readBoolean(text)
        return (
          truth !== undefined &&
          values.some(({ value }) => {
            const wanted = typeof value === 'boolean' ? value : readBoolean(textOf(value, view) ?? '')
            return wanted === truth
          })
        )
      }
    }
    case 'binary': {
      const wanted = new Set(condition.values.map(({ bytes }) => bytes))
      return (text) => {
        const bytes = readBase64(text)
        return bytes !== undefined && wanted.has(bytes)
      }
    }
    case 'address': {
      const { values } = condition
      return (text, view) => {
        const address = addressOf(view, text)
        if (address === undefined) return false
        for (const range of values) if (inRange(range, address)) return true
        return false
      }
    }
    case 'arn': {
      const tests = condition.values.map(arnTest)
      return (text, view) => tests.some((test) => test(text, view))
    }
  }
}

function orderTest(comparison: Comparison): (order: number) => boolean {
  switch (comparison) {
    case 'equal':
      return (order) => order === 0
    case 'less':
      return (order) => order < 0
    case 'less-or-equal':
      return (order) => order <= 0
    case 'greater':
      return (order) => order > 0
    case 'greater-or-equal':
      return (order) => order >= 0
  }
}

function stringMatcher({ match, values }: Extract<Compared, { family: 'string' }>): Matcher {
  if (match === 'like') {
    const tests = values.map((value) => likeTest(value))
    const [only] = tests
    return only && tests.length === 1 ? only : (text, view) => tests.some((test) => test(text, view))
  }
  const fold = match === 'ignore-case' ? (text: string) => text.toLowerCase() : (text: string) => text
  const constants = new Set<string>()
  const dynamic: Pattern[] = []
  for (const value of values) {
    const text = literalOf(value)
    if (text === undefined) dynamic.push(value)
    else constants.add(fold(text))
  }
  if (dynamic.length === 0) {
    const [only = ''] = constants
    if (constants.size === 1) return (text) => fold(text) === only
    return (text) => constants.has(fold(text))
  }
  return (text, view) => {
    const folded = fold(text)
    if (constants.has(folded)) return true
    return dynamic.some((pattern) => {
      const wanted = textOf(pattern, view)
      return wanted !== undefined && fold(wanted) === folded
    })
  }
}

/** A pattern as a test of a value, its variables filled in for each request. */
export function likeTest(pattern: Pattern): Matcher {
  if (variablesOf(pattern).length === 0) return fixedTest(pattern)
  const { tokens } = pattern
  const [first] = tokens
  const beginning = typeof first === 'string' ? first : ''
  return (text, view) => {
    if (beginning !== '' && text.slice(0, beginning.length) !== beginning) return false
    const pieces = piecesOf(tokens, (key) => variableValue(view, key))
    return pieces !== undefined && piecesMatch(pieces, text)
  }
}

function arnTest(pattern: ArnPattern): Matcher {
  if (pattern.any) return () => true
  const tests = pattern.fields.map((field) => likeTest(field))
  return (text, view) => {
    const fields = arnOf(view, text)
    return fields !== undefined && tests.every((test, index) => test(fields[index] ?? '', view))
  }
}

/** The text of a pattern without wildcards; undefined when a variable has no value. */
function textOf({ tokens }: Pattern, view: View): string | undefined {
  let text = ''
  for (const token of tokens) {
    if (typeof token === 'string') text += token
    else if (token.kind === 'variable') {
      const value = variableValue(view, token.key) ?? token.fallback
      if (value === undefined) return undefined
      text += value
    }
  }
  return text
}
