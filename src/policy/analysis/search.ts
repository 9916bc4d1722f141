/**
 * The search that all checks share. Requests fall into cells: a class of actions, a class of resources, a caller, and a way in which
 * the conditions turn out. Within a cell every request is decided alike, so one request of each stands for all.
 */
import type { Condition, DocumentType, Statement } from '../ast.ts'
import type { Link } from '../principals.ts'
import type { ContextValue } from '../request.ts'
import { patternsOf } from '../simulate/context-keys.ts'
import { answersOf, holdsFor, type Answer } from './answers.ts'
import type { Budget } from './automaton.ts'
import { bindVariables } from './bind.ts'
import { createDimension, signatureOf, take, type Class, type Dimension, type List } from './dimension.ts'
import type { Person } from './people.ts'

export type Side = 'before' | 'after'

/** A statement on the board: on which side, and its lists by the numbers of their patterns. */
export type Item = {
  readonly statement: Statement
  readonly type: DocumentType
  readonly side: Side
  readonly actions: List
  readonly resources: List | undefined
  readonly conditions: readonly number[]
}

/** All statements of a check, made ready. */
export type Board = {
  readonly items: readonly Item[]
  readonly actions: Dimension
  readonly resources: Dimension
  readonly conditions: readonly Condition[]
  readonly people: readonly Person[]
  readonly budget: Budget
  /** The ways in which some conditions on one key can turn out. */
  readonly answers: (key: string, conditions: readonly number[]) => readonly Answer[] | undefined
}

/** A request that shows what was asked for. */
export type Shown = {
  readonly action: string
  readonly resource: string
  readonly context: ReadonlyMap<string, ContextValue>
  readonly person: Person
  readonly before: Strength
  readonly after: Strength
}

/** How strongly a side names the caller in what it allows; 0 when it does not allow, -1 when it denies. */
export type Strength = -1 | 0 | 1 | 2 | 3

const strengthOf: Record<Link, Strength> = { direct: 3, parent: 2, account: 1 }

/** Steps of automata and pairs of statements and assignments that are looked at: about a second's worth. */
const mostSteps = 10_000_000
/** Assignments of truth to the conditions of one cell. */
const mostAssignments = 8192
/** Requests that are tried until one shows the difference. */
const mostReplays = 400

/** Puts statements on a board. */
export function createBoard(
  placed: readonly { readonly statement: Statement; readonly type: DocumentType; readonly side: Side }[],
  people: (
    placed: readonly { readonly statement: Statement; readonly type: DocumentType }[],
  ) => readonly Person[] | undefined,
  answers: (
    key: string,
    conditions: readonly Condition[],
    budget: Budget,
  ) => readonly Answer[] | undefined = answersOf,
): Board | undefined {
  const actions = createDimension()
  const resources = createDimension()
  const budget = { left: mostSteps }
  const conditions: Condition[] = []
  const ids = new Map<string, number>()
  const conditionId = (condition: Condition): number => {
    const name = nameOfCondition(condition)
    const known = ids.get(name)
    if (known !== undefined) return known
    ids.set(name, conditions.length)
    return conditions.push(condition) - 1
  }
  const items = placed.map((each): Item => ({
    ...each,
    actions: actions.list(each.statement.actions.not, each.statement.actions.patterns),
    resources:
      each.statement.resources &&
      resources.list(each.statement.resources.not, each.statement.resources.patterns),
    conditions: [...new Set(each.statement.conditions.map(conditionId))],
  }))
  const all = people(placed)
  if (!all) return undefined
  const known = new Map<string, readonly Answer[] | undefined>()
  return {
    items,
    actions,
    resources,
    conditions,
    people: all,
    budget,
    answers: (key, wanted) => {
      const name = `${key} ${wanted.join()}`
      if (!known.has(name)) {
        known.set(
          name,
          answers(
            key,
            wanted.flatMap((id) => conditions[id] ?? []),
            budget,
          ),
        )
      }
      return known.get(name)
    },
  }
}

function nameOfCondition(condition: Condition): string {
  const values = condition.values.map(({ text }) => text)
  return JSON.stringify([condition.operator, condition.key, values, patternsOf(condition).map(signatureOf)])
}

/** What a search is after. */
export type Goal = {
  /** Where to look: patterns by their numbers; requests outside are of no interest. */
  readonly starts: Iterable<{
    readonly action: number
    readonly resource: number
    readonly item?: number | undefined
  }>
  /** A Deny of the side before that is gone counts too, not only what the side after allows. */
  readonly missesDenials: boolean
  /** Whether this is what is looked for. It grows with `after` and falls with `before`. */
  readonly wanted: (person: Person, before: Strength, after: Strength) => boolean
  /** Whether the engine itself agrees. */
  readonly replays: (shown: Shown) => boolean
}

export type Outcome =
  { readonly found: Shown } | { readonly found?: undefined; readonly unsettled?: string | undefined }

/** Looks through all cells of the starts. Without `found` and `unsettled` there is surely no such request. */
export function searchBoard(board: Board, goal: Goal): Outcome {
  const state: State = { board, goal, seen: new Set(), replays: 0, unsettled: undefined }
  for (const { action, resource, item } of goal.starts) {
    const relevant = board.items.flatMap((each, index) =>
      board.actions.mayTake(each.actions, action) &&
      (!each.resources || board.resources.mayTake(each.resources, resource))
        ? [index]
        : [],
    )
    const found = searchRegion(state, relevant, action, resource, item)
    if (found) return { found }
    if (board.budget.left < 0) return { unsettled: 'the patterns combine in too many ways' }
  }
  return state.unsettled === undefined ? {} : { unsettled: state.unsettled }
}

type State = {
  readonly board: Board
  readonly goal: Goal
  readonly seen: Set<string>
  replays: number
  unsettled: string | undefined
}

type Live = {
  readonly index: number
  readonly item: Item
  readonly variables: readonly number[]
  readonly not: boolean
}

function searchRegion(
  state: State,
  relevant: readonly number[],
  action: number,
  resource: number,
  must: number | undefined,
): Shown | undefined {
  const { actions, resources, items, budget } = state.board
  const patternsIn = (dimension: Dimension, lists: readonly (List | undefined)[], start: number) =>
    lists.flatMap((list) => list?.patterns.filter((each) => dimension.overlap(each, start)) ?? [])
  const special = actions.intern(whoAmI)
  const some = relevant.map((index) => items[index])
  const actionClasses = actions.classes(
    action,
    [
      ...patternsIn(
        actions,
        some.map((each) => each?.actions),
        action,
      ),
      ...(actions.overlap(special, action) ? [special] : []),
    ],
    budget,
  )
  const resourceClasses = resources.classes(
    resource,
    patternsIn(
      resources,
      some.map((each) => each?.resources),
      resource,
    ),
    budget,
  )
  if (!actionClasses || !resourceClasses) return undefined
  for (const actionClass of actionClasses) {
    // STS GetCallerIdentity is allowed whatever policies say.
    if (actionClass.hits.has(special)) continue
    const acting = relevant.filter((index) => takes(actions, items[index]?.actions, actionClass))
    if (must !== undefined && !acting.includes(must)) continue
    if (!acting.some((index) => matters(state.goal, items[index]))) continue
    for (const resourceClass of resourceClasses) {
      budget.left -= acting.length
      if (budget.left < 0) return undefined
      const here = acting.flatMap((index) => liveIn(state.board, index, resourceClass))
      if (must !== undefined && !here.some(({ index }) => index === must)) continue
      if (!here.some(({ item }) => matters(state.goal, item))) continue
      const name = here.map(({ index, variables }) => `${index}.${variables.join('.')}`).join()
      if (state.seen.has(name)) continue
      state.seen.add(name)
      const found = searchCell(state, here, actionClass.witness, resourceClass.witness)
      if (found) return found
    }
  }
  return undefined
}

const whoAmI = { text: 'sts:getcalleridentity', tokens: ['sts:getcalleridentity'] }

/** Only where the side after allows, or the side before denied, can anything be new. */
const matters = ({ missesDenials }: Goal, item: Item | undefined): boolean =>
  item?.side === 'after'
    ? item.statement.effect === 'Allow'
    : missesDenials && item?.statement.effect === 'Deny'

/** Actions hold no variables. */
const takes = (dimension: Dimension, list: List | undefined, each: Class): boolean =>
  list !== undefined && take(dimension, list, each).by === 'all'

function liveIn({ items, resources }: Board, index: number, resourceClass: Class): readonly Live[] {
  const item = items[index]
  if (!item) return []
  if (!item.resources) return [{ index, item, variables: [], not: false }]
  const taken = take(resources, item.resources, resourceClass)
  if (taken.by === 'variables') return [{ index, item, variables: taken.patterns, not: taken.not }]
  return taken.by === 'none' ? [] : [{ index, item, variables: [], not: false }]
}

function searchCell(
  state: State,
  here: readonly Live[],
  action: string,
  resource: string,
): Shown | undefined {
  const { board, goal } = state
  const certain = ({ item, variables }: Live) => item.conditions.length === 0 && variables.length === 0
  const people = board.people.filter((person) => {
    const denied = here.some(
      (each) =>
        each.item.side === 'after' &&
        each.item.statement.effect === 'Deny' &&
        person.links[each.index] !== undefined &&
        certain(each),
    )
    if (denied) return false
    const [most, least] = extremes(here, person, certain)
    return goal.wanted(person, least, most)
  })
  if (people.length === 0) return undefined

  const conditions = [...new Set(here.flatMap(({ item }) => item.conditions))]
  const variables = [...new Set(here.flatMap((each) => each.variables))]
  const byKey = [...Map.groupBy(conditions, (id) => board.conditions[id]?.key ?? '')].toSorted(([a], [b]) =>
    a < b ? -1 : 1,
  )
  const answers: {
    readonly key: string
    readonly ids: readonly number[]
    readonly ways: readonly Answer[]
  }[] = []
  let count = 2 ** variables.length
  for (const [key, ids] of byKey) {
    const ways = board.answers(key, ids)
    count *= ways?.length ?? Infinity
    if (ways) answers.push({ key, ids, ways })
  }
  if (count > mostAssignments || variables.length > 12) {
    state.unsettled ??= 'the conditions combine in too many ways'
    return undefined
  }

  let isShown = true
  for (let number = 0; number < count; number++) {
    board.budget.left -= here.length
    if (board.budget.left < 0) return undefined
    let rest = number
    const truth = new Map<number, boolean>()
    const chosen: Answer[] = []
    for (const { ids, ways } of answers) {
      const way = ways[rest % ways.length]
      rest = Math.floor(rest / ways.length)
      if (!way) continue
      chosen.push(way)
      for (const [at, id] of ids.entries()) truth.set(id, way.holds[at] ?? false)
    }
    const matching = new Set(variables.filter((_, at) => (rest & (1 << at)) !== 0))
    const applying = here.filter(
      ({ item, variables: own, not }) =>
        (own.length === 0 || own.some((id) => matching.has(id)) !== not) &&
        item.conditions.every((id) => truth.get(id)),
    )
    for (const person of people) {
      const after = strength(applying, 'after', person)
      const before = strength(applying, 'before', person)
      if (!goal.wanted(person, before, after)) continue
      const context = contextOf(board, answers, chosen, matching, resource)
      const shown = context && { action, resource, context, person, before, after }
      if (shown && state.replays++ < mostReplays && goal.replays(shown)) return shown
      isShown = false
    }
  }
  if (!isShown) state.unsettled ??= 'a possible difference could not be shown by a request'
  return undefined
}

/** The most that the side after can allow, and the least that the side before does. */
function extremes(
  here: readonly Live[],
  person: Person,
  certain: (each: Live) => boolean,
): readonly [most: Strength, least: Strength] {
  let most: Strength = 0
  let least: Strength = 0
  let isDenied = false
  for (const each of here) {
    const link = person.links[each.index]
    if (!link) continue
    const { side, statement } = each.item
    if (side === 'after' && statement.effect === 'Allow' && strengthOf[link] > most) most = strengthOf[link]
    if (side === 'before' && statement.effect === 'Deny') isDenied = true
    if (side === 'before' && statement.effect === 'Allow' && certain(each) && strengthOf[link] > least) {
      least = strengthOf[link]
    }
  }
  return [most, isDenied ? -1 : least]
}

function strength(applying: readonly Live[], side: Side, person: Person): Strength {
  let best: Strength = 0
  for (const { item, index } of applying) {
    const link = item.side === side ? person.links[index] : undefined
    if (!link) continue
    if (item.statement.effect === 'Deny') return -1
    if (strengthOf[link] > best) best = strengthOf[link]
  }
  return best
}

/** A context in which the conditions turn out so, and the variables so that these patterns match the resource. */
function contextOf(
  board: Board,
  answers: readonly { readonly key: string; readonly ids: readonly number[] }[],
  chosen: readonly Answer[],
  matching: ReadonlySet<number>,
  resource: string,
): ReadonlyMap<string, ContextValue> | undefined {
  let bound: ReadonlyMap<string, string> = new Map()
  for (const id of matching) {
    const more = bindVariables(board.resources.entry(id).pattern, resource, bound)
    if (!more) return undefined
    bound = more
  }
  const context = new Map<string, ContextValue>(bound)
  for (const [at, { key, ids }] of answers.entries()) {
    const way = chosen[at]
    const value = bound.get(key)
    if (value !== undefined) {
      const conditions = ids.flatMap((id) => board.conditions[id] ?? [])
      const holds = holdsFor(key, conditions, value, context)
      if (holds.some((each, index) => each !== way?.holds[index])) return undefined
    } else if (!way?.shown) return undefined
    else if (way.shown.value !== undefined) context.set(key, way.shown.value)
  }
  return context
}
