import type { Condition } from '../ast.ts'
import type { Keys } from '../context.ts'
import { layoutOf } from '../layout.ts'
import { conditionHolds } from '../reference/conditions.ts'
import type { ContextValue } from '../request.ts'
import type { Budget } from './automaton.ts'
import { representatives } from './representatives.ts'

/** One way in which the conditions on a key can turn out together, with a value by which they do. */
export type Answer = {
  readonly holds: readonly boolean[]
  /** Absent: the way is assumed to be possible, and nobody has a value for it. `value` undefined: the key is absent. */
  readonly shown?: { readonly value: ContextValue | undefined } | undefined
}

/** More ways than this are not enumerated. */
const mostAnswers = 2048

/**
 * Every way in which the conditions on one key can turn out together: no way is left out; undefined when there are too many. Where
 * representatives were found each way is shown by a value; otherwise all combinations are assumed, some with a value.
 */
export function answersOf(
  key: string,
  conditions: readonly Condition[],
  budget: Budget,
): readonly Answer[] | undefined {
  const values = representatives(conditions, budget)
  if (values) return shownAnswers(key, conditions, values, true)
  if (conditions.length > 10) return undefined
  const shown = shownAnswers(key, conditions, guesses(conditions), true) ?? []
  const known = new Set(shown.map(nameOf))
  const assumed = Array.from({ length: 2 ** conditions.length }, (_, bits): Answer => ({
    holds: conditions.map((__, index) => (bits & (1 << index)) !== 0),
  }))
  return [...shown, ...assumed.filter((each) => !known.has(nameOf(each)))]
}

const nameOf = ({ holds }: Answer): string => holds.map(Number).join('')

/** Whether conditions on one key hold, for one value of it. */
export function holdsFor(
  key: string,
  conditions: readonly Condition[],
  value: ContextValue | undefined,
  others?: ReadonlyMap<string, ContextValue>,
): readonly boolean[] {
  const context = new Map(others)
  if (value !== undefined) context.set(key, value)
  const keys: Keys = { context, layout: layoutOf([...context.keys()]), inOrder: undefined }
  return conditions.map((condition) => conditionHolds(condition, keys))
}

/**
 * The ways that values show: of the absent key, of each value alone, and, with `lists`, of every list of them. A list answers a
 * condition by whether some and whether all of its values do, so lists are built up until nothing new comes.
 */
export function shownAnswers(
  key: string,
  conditions: readonly Condition[],
  values: readonly (string | undefined)[],
  lists: boolean,
): readonly Answer[] | undefined {
  const answers = new Map<string, Answer>()
  const add = (value: ContextValue | undefined) => {
    const answer: Answer = { holds: holdsFor(key, conditions, value), shown: { value } }
    const name = nameOf(answer)
    if (!answers.has(name)) answers.set(name, answer)
  }
  if (lists || values.includes(undefined)) add(undefined)
  const single = values.filter((value) => value !== undefined)
  for (const value of single) add(value)
  if (!lists) return [...answers.values()]
  add([])
  const bases = conditions.map(baseOf)
  const classes = new Map<string, string>()
  for (const value of single) {
    const name = `${value === ''}${nameOf({ holds: holdsFor(key, bases, [value]) })}`
    if (!classes.has(name)) classes.set(name, value)
  }
  const seen = new Set<string>()
  const queue: (readonly string[])[] = [...classes.values()].map((value) => [value])
  for (const list of queue) {
    add(list)
    if (answers.size > mostAnswers || queue.length > mostAnswers) return undefined
    for (const value of classes.values()) {
      if (list.includes(value)) continue
      const longer = [...list, value]
      // What a list answers, and what it would answer to under every operator: some of each, all of each.
      const name = lookOf(key, bases, longer)
      if (seen.has(name)) continue
      seen.add(name)
      queue.push(longer)
    }
  }
  return [...answers.values()]
}

/** What a list looks like to any operator: for each condition, whether some and whether all of its values satisfy it. */
function lookOf(key: string, bases: readonly Condition[], list: readonly string[]): string {
  const single = list.map((value) => holdsFor(key, bases, [value]))
  return bases
    .map((_, index) => {
      const some = single.some((each) => each[index])
      return some ? (single.every((each) => each[index]) ? 'a' : 's') : 'n'
    })
    .join('')
    .concat(list.every((value) => value === '') ? 'e' : '')
}

/** The operator without its set prefix and IfExists: what each value of a list is held against. */
const baseOf = (condition: Condition): Condition => ({ ...condition, set: undefined, ifExists: false })

/** Values that the conditions name, and some that they do not. */
function guesses(conditions: readonly Condition[]): readonly string[] {
  const named = conditions.flatMap((condition) =>
    condition.values.map(({ text }) =>
      text
        .replaceAll(/\$\{[^}]*\}/g, 'x')
        .replaceAll('*', 'x')
        .replaceAll('?', 'y'),
    ),
  )
  const near = named.flatMap((text) =>
    /^-?\d{1,12}$/.test(text) ? [String(Number(text) - 1), String(Number(text) + 1)] : [],
  )
  return [
    ...new Set([
      ...named,
      ...near,
      ...named.map((text) => text.split('/')[0] ?? text),
      'true',
      'false',
      'unnamed',
      '0',
      '1970-01-01T00:00:00Z',
      '2999-01-01T00:00:00Z',
      '192.0.2.1',
      '2001:db8::1',
      'arn:aws:none::000000000000:none',
      '',
    ]),
  ]
}
