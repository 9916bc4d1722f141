import { canonicalKey, foldAscii, type Policy, type Statement } from '../ast.ts'
import { parsePattern } from '../pattern.ts'
import { actionMatches } from '../reference/applies.ts'
import { keysOfStatement } from '../simulate/context-keys.ts'
import { createDimension, take, type Dimension, type List, type Taken } from './dimension.ts'

/** What a caller may do with one class of resources: all those that the same patterns match. */
export type Permission = {
  /** In the case in which it was asked. */
  readonly action: string
  /** A resource of the class; `x` where a pattern leaves the text open. */
  readonly example: string
  /** The patterns of allowing statements that match the class; empty where NotResource does. */
  readonly resources: readonly string[]
  /** `always`: whatever the request's context; `conditional`: it depends on these keys. */
  readonly when: 'always' | 'conditional'
  readonly keys: readonly string[]
}

/** What the permissions of a caller are made of, and what limits them. Without boundary and session policies there is no such limit. */
export type Held = {
  readonly identity: readonly Policy[]
  readonly boundary?: Policy | undefined
  readonly session?: readonly Policy[] | undefined
}

/** Automata steps for all actions together: a few seconds at the most. */
const mostSteps = 40_000_000

/**
 * What a caller may do in its own account, by its own policies: for every action the classes of resources on which it is allowed. The
 * list is complete for the actions that are asked about. `conditional` says that the conditions decide; some can contradict each other.
 *
 * @returns undefined when a policy cannot be read or the patterns combine in too many ways
 */
export function whatCan(held: Held, actions: readonly string[]): readonly Permission[] | undefined {
  const layers = [
    held.identity,
    held.boundary ? [held.boundary] : undefined,
    held.session?.length ? held.session : undefined,
  ].filter((each) => each !== undefined)
  if (layers.flat().some(({ unreadable }) => unreadable !== undefined)) return undefined
  const dimension = createDimension()
  const budget = { left: mostSteps }
  const star = everything(dimension)
  const placed = layers.map((policies) =>
    policies.flatMap(({ statements }) =>
      statements.map((statement): Placed => ({
        statement,
        list: dimension.list(statement.resources?.not ?? false, statement.resources?.patterns ?? []),
      })),
    ),
  )
  const permissions: Permission[] = []
  for (const action of actions) {
    const folded = foldAscii(action)
    const acting = placed.map((layer) => layer.filter(({ statement }) => actionMatches(statement, folded)))
    if (acting.some((layer) => layer.every(({ statement }) => statement.effect === 'Deny'))) continue
    const patterns = acting.flat().flatMap(({ list }) => list.patterns)
    const classes = dimension.classes(star, patterns, budget)
    if (!classes) return undefined
    for (const each of classes) {
      const live = acting.map((layer) =>
        layer.flatMap(({ statement, list }): Live[] => {
          const taken = take(dimension, list, each)
          return taken.by === 'none' ? [] : [{ statement, taken, list }]
        }),
      )
      const when = combine(live)
      if (when === 'never') continue
      const own = live[0]?.filter(({ statement }) => statement.effect === 'Allow') ?? []
      const resources = own.flatMap(({ list }) =>
        list.not
          ? []
          : list.patterns.filter((id) => each.hits.has(id)).map((id) => dimension.entry(id).pattern.text),
      )
      const keys = when === 'always' ? [] : keysOf(live.flat())
      permissions.push({ action, example: each.witness, resources: [...new Set(resources)], when, keys })
    }
  }
  return permissions
}

type Placed = { readonly statement: Statement; readonly list: List }
type Live = Placed & { readonly taken: Taken }

function everything(dimension: Dimension): number {
  const read = parsePattern('*', { wildcards: true, variables: false }, canonicalKey)
  return 'pattern' in read ? dimension.intern(read.pattern) : 0
}

const isCertain = ({ statement, taken }: Live): boolean =>
  statement.conditions.length === 0 && taken.by === 'all'

/** Every layer must allow and none may deny. */
function combine(layers: readonly (readonly Live[])[]): 'always' | 'conditional' | 'never' {
  const all = layers.flat()
  const denies = all.filter(({ statement }) => statement.effect === 'Deny')
  if (denies.some(isCertain)) return 'never'
  const allows = layers.map((layer) => layer.filter(({ statement }) => statement.effect === 'Allow'))
  if (allows.some((layer) => layer.length === 0)) return 'never'
  return denies.length === 0 && allows.every((layer) => layer.some(isCertain)) ? 'always' : 'conditional'
}

function keysOf(live: readonly Live[]): readonly string[] {
  const keys = new Map<string, string>()
  for (const { statement } of live) {
    for (const name of keysOfStatement(statement))
      if (!keys.has(canonicalKey(name))) keys.set(canonicalKey(name), name)
  }
  return [...keys.values()]
}
