import { holdingsOf, type Holding } from '#iam'
import { refuse } from '#kernel'
import { type AccessIndex, type ContextValue, createAccessIndex } from '#policy'
import type { AnalyzerNeeds } from './needs.ts'
import { identityOf } from './subject.ts'

/** Who may do something, as of a moment. */
export type WhoCan = {
  readonly count: number
  readonly principals: readonly { readonly kind: 'user' | 'role'; readonly arn: string }[]
  /** Where the next page begins; undefined on the last. */
  readonly next: number | undefined
  readonly asOf: Temporal.Instant
}

type Built = {
  readonly index: AccessIndex
  readonly holders: readonly Holding[]
  readonly asOf: Temporal.Instant
}

/** Answers who can do what in an account, from an index that is a few seconds old at the most. */
export type WhoCanIndex = (question: {
  readonly accountId: string
  readonly action: string
  readonly resource: string
  readonly context: ReadonlyMap<string, ContextValue>
  readonly from: number
  readonly limit: number
}) => Promise<WhoCan>

/** An index is built anew when it is older than this. */
const oldestSeconds = 5
/** Users and roles of one account that an index holds. */
const mostHolders = 200_000
/** Accounts whose index is kept. */
const mostKept = 8

/**
 * Opens the question who can. Users and roles by their own policies and boundaries; resource policies and guard-rails are not
 * looked at: they are questions of a simulation.
 */
export function openWhoCan(needs: AnalyzerNeeds): WhoCanIndex {
  const kept = new Map<string, { readonly asOf: Temporal.Instant; readonly built: Promise<Built> }>()

  async function build(accountId: string, asOf: Temporal.Instant): Promise<Built> {
    const holdings = await holdingsOf(needs.database, needs.builtInPolicies, { accountId, most: mostHolders })
    if (holdings === undefined)
      return refuse(
        'malformed',
        'analyzer/too-many',
        `This account has more than ${mostHolders} users and roles.`,
      )
    const { holders, policies } = holdings
    const at = (caller: number): Holding =>
      holders[caller] ?? refuse('not-found', 'analyzer/no-principal', 'No such caller.')
    const identities = (caller: number) => {
      const holder = at(caller)
      return identityOf({ ...holder, tags: JSON.parse(holder.tags) as Record<string, string> })
    }
    const index = createAccessIndex({
      policies,
      count: holders.length,
      policiesOf: (caller) => at(caller).policies,
      boundaryOf: (caller) => at(caller).boundary,
      accountOf: () => accountId,
      principal: (caller) => identities(caller).principal,
      known: (caller) => identities(caller).known,
    })
    return { index, holders, asOf }
  }

  const open = (accountId: string): Promise<Built> => {
    const now = needs.clock()
    const known = kept.get(accountId)
    if (known && Temporal.Instant.compare(known.asOf.add({ seconds: oldestSeconds }), now) > 0)
      return known.built
    const built = build(accountId, now)
    kept.delete(accountId)
    const [oldest] = kept.keys()
    if (kept.size >= mostKept && oldest !== undefined) kept.delete(oldest)
    kept.set(accountId, { asOf: now, built })
    built.catch(() => kept.delete(accountId))
    return built
  }

  return async ({ accountId, action, resource, context, from, limit }) => {
    const { index, holders, asOf } = await open(accountId)
    const owner = resource.split(':')[4] ?? ''
    const found = index.whoCan({ action, resource, accountId: owner === '' ? accountId : owner, context })
    const page = found.list(from, limit + 1)
    return {
      count: found.count,
      principals: page.slice(0, limit).flatMap((at) => {
        const holder = holders[at]
        return holder ? [{ kind: holder.kind, arn: holder.arn }] : []
      }),
      next: page[limit],
      asOf,
    }
  }
}
