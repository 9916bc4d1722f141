/**
 * Questions about all requests at once. PASS is sound: no request is an exception. FAIL carries a request that has been decided
 * by the engine both ways. What cannot be settled within the caps is UNKNOWN.
 */
import type { Condition, Policy, Statement } from '../ast.ts'
import { canonicalKey, foldAscii } from '../ast.ts'
import { evaluate } from '../evaluate.ts'
import { fill, many, type Glob } from '../glob.ts'
import { parsePattern, variablesOf, type Pattern } from '../pattern.ts'
import type { ContextValue, DecisionRequest } from '../request.ts'
import { classesOf, type TextClass } from './classes.ts'
import { contextFor, type Wish } from './witness.ts'

/** A request that shows the difference. */
export type Counterexample = {
  readonly action: string
  readonly resource: string
  readonly context: ReadonlyMap<string, ContextValue>
}

export type Finding =
  | { readonly result: 'PASS' }
  | { readonly result: 'FAIL'; readonly counterexample: Counterexample }
  | { readonly result: 'UNKNOWN'; readonly because: string }

/** Truth assignments are enumerated, so that many independent conditions on one statement must stop somewhere. */
const mostAtoms = 10
/** Pairs of action and resource classes that are looked at. */
const mostCells = 200_000

/**
 * Whether the new policies allow nothing that the old ones do not (IAM Access Analyzer CheckNoNewAccess). For documents
 * without principals; every list is what one caller has.
 */
export function checkNoNewAccess(before: readonly Policy[], after: readonly Policy[]): Finding {
  return search(before, after, undefined)
}

/**
 * Whether the policies allow none of these actions on any of these resources, both patterns (IAM Access Analyzer
 * CheckAccessNotGranted).
 */
export function checkAccessNotGranted(
  policies: readonly Policy[],
  access: { readonly actions: readonly string[]; readonly resources?: readonly string[] | undefined },
): Finding {
  const read = (text: string) => parsePattern(text, { wildcards: true, variables: false }, canonicalKey)
  const patterns = (texts: readonly string[]) =>
    texts.map(read).flatMap((made) => ('pattern' in made ? [made.pattern] : []))
  return search([], policies, {
    actions: patterns(access.actions.map(foldAscii)),
    resources: patterns(access.resources ?? ['*']),
  })
}

type Within = { readonly actions: readonly Pattern[]; readonly resources: readonly Pattern[] }

const unknown = (because: string): Finding => ({ result: 'UNKNOWN', because })

function search(before: readonly Policy[], after: readonly Policy[], within: Within | undefined): Finding {
  const policies = [...before, ...after]
  if (policies.some(({ unreadable }) => unreadable !== undefined))
    return unknown('a policy could not be read')
  const old = before.flatMap(({ statements }) => statements)
  const new_ = after.flatMap(({ statements }) => statements)
  const all = [...old, ...new_]
  if (all.some(({ principals, resources }) => principals ?? !resources)) {
    return unknown('documents with principals are not compared')
  }
  const actions = dimension([...all.map(({ actions }) => actions), positive(within?.actions)])
  const resources = dimension([
    ...all.map(({ resources }) => resources ?? { not: false, patterns: [] }),
    positive(within?.resources),
  ])
  if (!actions || !resources) return unknown('the patterns combine in too many ways')
  const isOld = (index: number) => index < old.length

  let cells = 0
  let unsettled: string | undefined
  for (const action of actions) {
    const live = all.flatMap((statement, index) =>
      action.lists[index]?.matches ? [{ statement, index }] : [],
    )
    if (within && !action.lists[all.length]?.matches) continue
    if (!live.some(({ statement, index }) => !isOld(index) && statement.effect === 'Allow')) continue
    for (const resource of resources) {
      if (++cells > mostCells) return unknown('the policies have too many combinations')
      if (within && !resource.lists[all.length]?.matches) continue
      const here = live.flatMap(({ statement, index }): Live[] => {
        const list = resource.lists[index]
        return list?.matches || list?.variable.length ? [{ statement, old: isOld(index), list }] : []
      })
      if (!here.some((each) => !each.old && each.statement.effect === 'Allow')) continue
      const found = difference(here, action.witness, resource.witness, before, after)
      if (found === 'too many') unsettled ??= 'the conditions combine in too many ways'
      else if (found === 'no witness') unsettled ??= 'a possible difference could not be shown by a request'
      else if (found) return { result: 'FAIL', counterexample: found }
    }
  }
  return unsettled === undefined ? { result: 'PASS' } : unknown(unsettled)
}

type List = { readonly not: boolean; readonly patterns: readonly Pattern[] }
const positive = (patterns: readonly Pattern[] | undefined): List => ({
  not: false,
  patterns: patterns ?? [],
})

/**
 * How a list takes a class of texts. `matches`: some way it does; `variable`: the patterns with variables that decide it, of which
 * each may or may not match; `fixed`: a pattern without variables matches for certain.
 */
type Taken = {
  readonly matches: boolean
  readonly not: boolean
  readonly fixed: boolean
  readonly variable: readonly Pattern[]
}
type Class = { readonly witness: string; readonly lists: readonly Taken[] }

function dimension(lists: readonly List[]): readonly Class[] | undefined {
  const patterns = [
    ...new Map(lists.flatMap((list) => list.patterns.map((each) => [each.text, each] as const))).values(),
  ]
  const at = new Map(patterns.map(({ text }, index) => [text, index]))
  const classes = classesOf(patterns.map(relaxed))
  if (!classes) return undefined
  const distinct = new Map<string, Class>()
  for (const each of classes) {
    const taken = lists.map((list) => take(list, each, at))
    const key = taken
      .map(({ matches, fixed, variable }) => `${+matches}${+fixed}${variable.map(({ text }) => text).join()}`)
      .join(';')
    if (!distinct.has(key)) distinct.set(key, { witness: each.witness, lists: taken })
  }
  return [...distinct.values()]
}

function take({ not, patterns }: List, { accepted }: TextClass, at: ReadonlyMap<string, number>): Taken {
  const hit = patterns.filter(({ text }) => accepted[at.get(text) ?? -1])
  const variable = hit.filter((each) => variablesOf(each).length > 0)
  const fixed = hit.length > variable.length
  return { not, fixed, variable: fixed ? [] : variable, matches: not ? !fixed : hit.length > 0 }
}

/** A variable may hold anything: an over-approximation, tied back by one atom for each pattern. */
function relaxed(pattern: Pattern): Glob {
  const tokens = pattern.tokens.map((token) =>
    typeof token === 'object' && token.kind === 'variable' ? ({ kind: 'many' } as const) : token,
  )
  const units = fill({ text: pattern.text, tokens }, () => undefined) ?? []
  return units.filter((unit, index) => unit !== many || units[index - 1] !== many)
}

type Live = { readonly statement: Statement; readonly old: boolean; readonly list: Taken }

/** A request of this cell that only the new policies allow; undefined when there is none. */
function difference(
  here: readonly Live[],
  action: string,
  resource: string,
  before: readonly Policy[],
  after: readonly Policy[],
): Counterexample | 'too many' | 'no witness' | undefined {
  const certain = ({ statement, list }: Live) =>
    statement.conditions.length === 0 && list.variable.length === 0
  const oldDenies = here.some((each) => each.old && each.statement.effect === 'Deny')
  if (!oldDenies && here.some((each) => each.old && each.statement.effect === 'Allow' && certain(each)))
    return undefined
  if (here.some((each) => !each.old && each.statement.effect === 'Deny' && certain(each))) return undefined

  const atoms = new Map<string, Condition | Pattern>()
  for (const { statement, list } of here) {
    for (const condition of statement.conditions) atoms.set(conditionName(condition), condition)
    for (const pattern of list.variable) atoms.set(`resource ${pattern.text}`, pattern)
  }
  if (atoms.size > mostAtoms) return 'too many'
  const names = [...atoms.keys()]
  let shown = true
  for (let bits = 0; bits < 2 ** names.length; bits++) {
    const truth = new Map(names.map((name, index) => [name, (bits & (1 << index)) !== 0]))
    const applies = ({ statement, list }: Live) =>
      (list.fixed || list.variable.some(({ text }) => truth.get(`resource ${text}`))) !== list.not &&
      statement.conditions.every((condition) => truth.get(conditionName(condition)))
    const decides = (old: boolean) => {
      const applying = here.filter((each) => each.old === old && applies(each))
      return (
        applying.some(({ statement }) => statement.effect === 'Allow') &&
        applying.every(({ statement }) => statement.effect === 'Allow')
      )
    }
    if (!decides(false) || decides(true)) continue
    const wishes = [...atoms].map(([name, atom]): Wish => {
      const holds = truth.get(name) ?? false
      return 'family' in atom ? { condition: atom, holds } : { pattern: atom, holds }
    })
    const context = contextFor(wishes, resource)
    if (context && replays({ action, resource, context }, before, after)) return { action, resource, context }
    shown = false
  }
  return shown ? undefined : 'no witness'
}

const conditionName = ({ operator, key, values }: Condition): string =>
  `${operator} ${key} ${JSON.stringify(values.map(({ text }) => text))}`

/** Whether the engine itself allows the request by the new policies and not by the old ones. */
function replays(
  { action, resource, context }: Counterexample,
  before: readonly Policy[],
  after: readonly Policy[],
): boolean {
  const accountId = '000000000000'
  const decide = (policies: readonly Policy[]) => {
    const request: DecisionRequest = {
      principal: {
        kind: 'user',
        accountId,
        arn: `arn:aws:iam::${accountId}:user/x`,
        uniqueId: 'AIDAWITNESS000000000',
      },
      action,
      resource: { arn: resource, accountId },
      context,
      policies: {
        identity: policies.map((policy, index) => ({
          id: `inline:${index}`,
          policy: { ...policy, type: 'identity' },
        })),
      },
    }
    return evaluate(request).effect === 'Allow'
  }
  return decide(after) && !decide(before)
}
