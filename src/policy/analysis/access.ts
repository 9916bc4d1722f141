/**
 * Questions about all requests at once. PASS is sound: no request is an exception. FAIL carries a request that has been decided
 * by the engine both ways. What cannot be settled within the caps is UNKNOWN.
 */
import { canonicalKey, foldAscii, type Condition, type Policy } from '../ast.ts'
import { parsePattern, type Pattern } from '../pattern.ts'
import type { ContextValue, RequestPrincipal } from '../request.ts'
import type { Answer } from './answers.ts'
import type { Budget } from './automaton.ts'
import type { Dimension, List } from './dimension.ts'
import { peopleOf, type Person } from './people.ts'
import { kindOf, replayer, type Kind, type Replay } from './replay.ts'
import { createBoard, searchBoard, type Board, type Item, type Strength } from './search.ts'

/** A request that shows the difference. */
export type Counterexample = {
  readonly action: string
  readonly resource: string
  readonly context: ReadonlyMap<string, ContextValue>
  /** Who asks, where the documents name principals. */
  readonly principal?: RequestPrincipal | undefined
  /** The two requests that the engine decided. */
  readonly replay: Replay
}

export type Finding =
  | { readonly result: 'PASS' }
  | { readonly result: 'FAIL'; readonly counterexample: Counterexample }
  | { readonly result: 'UNKNOWN'; readonly because: string }

/**
 * Whether the new policies allow nothing that the old ones do not (IAM Access Analyzer CheckNoNewAccess). Each list is what one
 * caller has, or what one resource or role says. Of resource and trust policies the way in which a caller is named counts too: to be
 * named oneself is more than to be in a named account, since it needs no policy of one's own. A Deny that is gone is new access for
 * callers of the resource's account.
 */
export function checkNoNewAccess(before: readonly Policy[], after: readonly Policy[]): Finding {
  return check(before, after, {})
}

/** Which access is meant: any of these actions on any of these resources, both patterns. */
export type Access = {
  readonly actions: readonly string[]
  readonly resources?: readonly string[] | undefined
}

/**
 * Whether the policies allow none of these actions on any of these resources, both patterns (IAM Access Analyzer
 * CheckAccessNotGranted).
 */
export function checkAccessNotGranted(policies: readonly Policy[], access: Access): Finding {
  return check([], policies, { access })
}

/** What narrows a check. */
export type Narrowing = {
  readonly access?: Access | undefined
  readonly people?: (all: readonly Person[]) => readonly Person[]
  readonly answers?: (
    key: string,
    conditions: readonly Condition[],
    budget: Budget,
  ) => readonly Answer[] | undefined
}

const unknown = (because: string): Finding => ({ result: 'UNKNOWN', because })

/** The check that the others are made of: is there a request that `after` allows and `before` does not? */
export function check(before: readonly Policy[], after: readonly Policy[], narrowing: Narrowing): Finding {
  const policies = [...before, ...after]
  if (policies.some(({ unreadable }) => unreadable !== undefined))
    return unknown('a policy could not be read')
  const kind = kindOf(policies)
  if (!kind) return unknown('documents of different types are not compared')
  const placed = [
    ...before.flatMap(({ statements, type }) =>
      statements.map((statement) => ({ statement, type, side: 'before' as const })),
    ),
    ...after.flatMap(({ statements, type }) =>
      statements.map((statement) => ({ statement, type, side: 'after' as const })),
    ),
  ]
  const everybody = kind === 'caller' ? () => [somebody(placed.length)] : peopleOf
  const board = createBoard(
    placed,
    (items) => {
      const all = everybody(items)
      return all && (narrowing.people ? narrowing.people(all) : all)
    },
    narrowing.answers,
  )
  if (!board) return unknown('too many principals are named')
  const replay = replayer(kind, before, after)
  let made: Replay | undefined
  const outcome = searchBoard(board, {
    starts: narrowing.access ? accessStarts(board, narrowing.access) : newStarts(board, kind),
    missesDenials: kind === 'resource',
    wanted: (person, old, now) => grade(kind, person, now) > grade(kind, person, old),
    replays: (shown) => (made = replay(shown)) !== undefined,
  })
  if (outcome.found && made) {
    const { action, resource, context, person } = outcome.found
    const principal = kind === 'caller' ? undefined : person.principal
    return { result: 'FAIL', counterexample: { action, resource, context, principal, replay: made } }
  }
  return outcome.found || outcome.unsettled === undefined ? { result: 'PASS' } : unknown(outcome.unsettled)
}

const accountId = '000000000000'

/** The one caller whose policies are compared. */
const somebody = (items: number): Person => ({
  principal: {
    kind: 'user',
    accountId,
    arn: `arn:aws:iam::${accountId}:user/x`,
    uniqueId: 'AIDAWITNESS000000000',
  },
  bounded: false,
  links: Array.from({ length: items }, () => 'direct' as const),
  isStranger: false,
})

/** What a strength is worth to this caller: the root user is allowed in its own account anyway, and who has no account is named or not. */
function grade(kind: Kind, { principal }: Person, strength: Strength): number {
  // Within its account a resource policy need not allow, but it may deny what callers' own policies allow.
  if (strength < 0) return kind === 'resource' && principal.accountId !== undefined ? -1 : 0
  if (kind === 'caller' || strength === 0) return strength
  if (principal.accountId === undefined) return strength === 3 ? 1 : 0
  return principal.kind === 'root' ? 1 : strength
}

type Start = { readonly action: number; readonly resource: number; readonly item?: number }

function accessStarts(board: Board, { actions, resources = ['*'] }: Access): readonly Start[] {
  const some = patternsFrom(actions.map(foldAscii)).map((each) => board.actions.intern(each))
  const all = patternsFrom(resources).map((each) => board.resources.intern(each))
  return some.flatMap((action) => all.map((resource) => ({ action, resource })))
}

const patternsFrom = (texts: readonly string[]): readonly Pattern[] =>
  texts.flatMap((text) => {
    const made = parsePattern(text, { wildcards: true, variables: false }, canonicalKey)
    return 'pattern' in made ? [made.pattern] : []
  })

/** Where new access may be: in what the new statements allow and no old one surely did. */
function* newStarts(board: Board, kind: Kind): Iterable<Start> {
  const [star] = patternsFrom(['*'])
  if (!star) return
  const everyAction = board.actions.intern(star)
  const everyResource = board.resources.intern(star)
  const denials = openDenials(board)
  for (const [index, item] of board.items.entries()) {
    const isGone = kind === 'resource' && denials.includes(index)
    if (!isGone && (item.side !== 'after' || item.statement.effect !== 'Allow')) continue
    const resources = !item.resources || item.resources.not ? [everyResource] : item.resources.patterns
    for (const action of item.actions.not ? [everyAction] : item.actions.patterns) {
      for (const resource of resources) {
        if (isGone || !isCovered(board, item, index, action, resource, denials))
          yield { action, resource, item: index }
      }
    }
  }
}

/** The old Denies that no new Deny surely repeats. */
function openDenials(board: Board): readonly number[] {
  const denies = (side: Item['side']) =>
    [...board.items.entries()].filter(([, item]) => item.side === side && item.statement.effect === 'Deny')
  return denies('before').flatMap(([index, old]) =>
    denies('after').some(
      ([at, now]) =>
        listCovers(board.actions, now.actions, old.actions) &&
        listCovers(board.resources, now.resources, old.resources) &&
        now.conditions.every((id) => old.conditions.includes(id)) &&
        board.people.every(({ links }) => links[index] === undefined || links[at] !== undefined),
    )
      ? []
      : [index],
  )
}

/** Whether one old Allow surely holds all that the new one allows here, and no old Deny takes from it. */
function isCovered(
  board: Board,
  item: Item,
  index: number,
  action: number,
  resource: number,
  denials: readonly number[],
): boolean {
  const { items, actions, resources, people } = board
  const touches = (each: Item | undefined) =>
    each !== undefined &&
    actions.mayTake(each.actions, action) &&
    (!each.resources || resources.mayTake(each.resources, resource))
  if (denials.some((at) => touches(items[at]))) return false
  const rank = { account: 1, parent: 2, direct: 3 }
  return items.some(
    (old, at) =>
      old.side === 'before' &&
      old.statement.effect === 'Allow' &&
      (item.actions.not
        ? listCovers(actions, old.actions, item.actions)
        : actions.takesAll(old.actions, action)) &&
      (!item.resources || !old.resources
        ? old.resources === undefined
        : item.resources.not
          ? listCovers(resources, old.resources, item.resources)
          : resources.takesAll(old.resources, resource)) &&
      old.conditions.every((id) => item.conditions.includes(id)) &&
      people.every(({ links }) => {
        const [was, is] = [links[at], links[index]]
        return is === undefined || (was !== undefined && rank[was] >= rank[is])
      }),
  )
}

/** Whether a list surely takes every text that another takes. */
function listCovers(dimension: Dimension, wide: List | undefined, narrow: List | undefined): boolean {
  if (!wide || !narrow) return wide === undefined
  if (!narrow.not) return narrow.patterns.every((each) => dimension.takesAll(wide, each))
  // What is left out of the wide list must be left out of the narrow one.
  if (wide.not)
    return wide.patterns.every((out) => narrow.patterns.some((each) => dimension.covers(each, out)))
  return wide.patterns.some((each) => dimension.entry(each).pattern.text === '*')
}
