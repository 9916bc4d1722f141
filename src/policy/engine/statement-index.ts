import type { Action } from './actions.ts'
import { arrange } from './arrange.ts'
import type { Candidates, Entry } from './candidates.ts'
import { fixedTest } from './glob.ts'
import type { Pattern } from '../pattern.ts'
import { servicesOf } from './statement.ts'

/**
 * Statements found by action. For each action that is asked about, the statements whose action matches are arranged once and
 * kept; action patterns are tested only then.
 */
export type StatementIndex = {
  readonly byService: ReadonlyMap<string, readonly Entry[]>
  readonly anyService: readonly Entry[]
  readonly count: number
  /** What is known of actions, and once more by the action's number, where it is found without a look-up. */
  readonly known: Map<Action, Arranged>
  slots: (Arranged | undefined)[]
  /** Actions that match the same statements share one arrangement. */
  readonly shared: Map<number, { readonly entries: readonly Entry[]; readonly candidates: Candidates }[]>
  /** Entries in arrangements. */
  kept: number
}

/** The statements whose action matches, by effect. */
export type Arranged = {
  readonly action: Action
  readonly allow: Candidates | undefined
  readonly deny: Candidates | undefined
  /** Every request for the action is allowed and none is denied. */
  readonly open: boolean
}

/** Actions kept per index. Callers choose the action's name, so the memory must have an end. */
const mostActions = 512

/** So many entries may stand in the arrangements of an index, in multiples of its statements. */
const mostKept = 8

/** An index over these entries. */
export function indexStatements(entries: readonly Entry[]): StatementIndex {
  const byService = new Map<string, Entry[]>()
  const anyService: Entry[] = []
  for (const entry of entries) {
    const services = servicesOf(entry.compiled.statement)
    if (!services) anyService.push(entry)
    for (const service of services ?? []) {
      const found = byService.get(service)
      if (found) found.push(entry)
      else byService.set(service, [entry])
    }
  }
  return {
    byService,
    anyService,
    count: entries.length,
    known: new Map(),
    slots: [undefined],
    shared: new Map(),
    kept: 0,
  }
}

/** The statements for an action. */
export function arrangedFor(index: StatementIndex, action: Action): Arranged {
  const { slots } = index
  const found = slots[action.number & (slots.length - 1)]
  return found !== undefined && found.action === action ? found : look(index, action)
}

function look(index: StatementIndex, action: Action): Arranged {
  const arranged = index.known.get(action) ?? arrangeFor(index, action)
  if (action.number >= 0) {
    index.known.set(action, arranged)
    if (index.known.size > index.slots.length) widen(index)
    index.slots[action.number & (index.slots.length - 1)] = arranged
  }
  return arranged
}

function widen(index: StatementIndex): void {
  const size = index.slots.length * 2
  index.slots = Array.from({ length: size }, () => undefined)
  for (const [action, arranged] of index.known) index.slots[action.number & (size - 1)] = arranged
}

function arrangeFor(index: StatementIndex, action: Action): Arranged {
  if (index.known.size >= mostActions || index.kept > mostKept * index.count + mostActions) {
    index.known.clear()
    index.shared.clear()
    index.slots = [undefined]
    index.kept = 0
  }
  const allow: Entry[] = []
  const deny: Entry[] = []
  // Statements share patterns, so each pattern is tested once.
  const verdicts = new Map<Pattern, boolean>()
  const matches = (pattern: Pattern): boolean => {
    let verdict = verdicts.get(pattern)
    if (verdict === undefined) {
      verdict = fixedTest(pattern)(action.folded)
      verdicts.set(pattern, verdict)
    }
    return verdict
  }
  for (const entries of [index.byService.get(action.service) ?? [], index.anyService]) {
    for (const entry of entries) {
      const { actions, effect } = entry.compiled.statement
      if (actions.patterns.some(matches) !== actions.not) (effect === 'Allow' ? allow : deny).push(entry)
    }
  }
  const allowing = arrangedOnce(index, allow)
  return {
    action,
    allow: allowing,
    deny: arrangedOnce(index, deny),
    open: deny.length === 0 && allowing?.sure !== undefined,
  }
}

function arrangedOnce(index: StatementIndex, entries: readonly Entry[]): Candidates | undefined {
  let hash = entries.length
  for (const { at } of entries) hash = (Math.imul(hash, 31) + at) | 0
  const alike = index.shared.get(hash) ?? []
  const same = alike.find((each) => sameEntries(each.entries, entries))
  if (same) return same.candidates
  const candidates = arrange(entries)
  if (candidates) {
    index.shared.set(hash, [...alike, { entries, candidates }])
    index.kept += entries.length
  }
  return candidates
}

const sameEntries = (a: readonly Entry[], b: readonly Entry[]): boolean =>
  a.length === b.length && a.every((each, at) => each === b[at])
