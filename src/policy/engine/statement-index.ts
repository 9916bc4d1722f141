import type { Link } from '../principals.ts'
import { all, arrange, find, type Candidates, type Entry } from './candidates.ts'
import type { View } from './view.ts'

/**
 * Statements found by action. For each action that is asked about, the statements whose action matches are arranged once and
 * kept; action patterns are tested only then.
 */
export type StatementIndex = {
  readonly count: number
  /** Some statement of that effect that applies. */
  find(effect: 'Allow' | 'Deny', view: View): Entry | undefined
  /** Every one, with the link by which it names the caller. */
  all(effect: 'Allow' | 'Deny', view: View): readonly (readonly [Entry, Link])[]
}

/** Actions kept per index. Callers choose the action's name, so the memory must have an end. */
const mostActions = 512

type Arranged = { readonly Allow: Candidates | undefined; readonly Deny: Candidates | undefined }

/** An index over these entries. */
export function indexStatements(entries: readonly Entry[]): StatementIndex {
  const byService = new Map<string, Entry[]>()
  const anyService: Entry[] = []
  for (const entry of entries) {
    const { services } = entry.compiled
    if (!services) anyService.push(entry)
    for (const service of services ?? []) {
      const found = byService.get(service)
      if (found) found.push(entry)
      else byService.set(service, [entry])
    }
  }
  const known = new Map<string, Arranged>()

  function arranged(action: string): Arranged {
    const colon = action.indexOf(':')
    const found = [...(byService.get(colon < 0 ? '' : action.slice(0, colon)) ?? []), ...anyService].filter(
      ({ compiled }) => compiled.action(action),
    )
    const of = (effect: 'Allow' | 'Deny') => {
      const some = found.filter(({ compiled }) => compiled.statement.effect === effect)
      return some.length ? arrange(some) : undefined
    }
    const made = { Allow: of('Allow'), Deny: of('Deny') }
    if (known.size >= mostActions) known.clear()
    known.set(action, made)
    return made
  }

  return {
    count: entries.length,
    find(effect, view) {
      const candidates = (known.get(view.action) ?? arranged(view.action))[effect]
      return candidates && find(candidates, view)
    },
    all(effect, view) {
      const candidates = (known.get(view.action) ?? arranged(view.action))[effect]
      return candidates ? all(candidates, view) : []
    },
  }
}
