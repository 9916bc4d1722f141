import { storedResource } from '#access'
import { findRoleByArn, guardRailsNow, holdingsOf, type Holding, organizationKeys, recalled } from '#iam'
import { refuse } from '#kernel'
import { type AccessIndex, canonicalKey, type ContextValue, createAccessIndex, type PolicyRef } from '#policy'
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

/** Answers who can do what in an account, as a decision at that moment would. */
export type WhoCanIndex = (question: {
  readonly accountId: string
  readonly action: string
  readonly resource: string
  readonly context: ReadonlyMap<string, ContextValue>
  readonly from: number
  readonly limit: number
}) => Promise<WhoCan>

/** Users and roles of one account that an index holds. */
const mostHolders = 200_000
/** Accounts whose index is kept. */
const mostKept = 8

/**
 * Opens the question who can: users and roles by their own policies and boundaries, the guard-rails of their account and the
 * resource's, and what an app stored about the resource, or a role's trust policy. An index is kept until something changes that
 * decisions rest on.
 */
export function openWhoCan(needs: AnalyzerNeeds): WhoCanIndex {
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
    const byName = new Map(
      holders.flatMap(({ arn, id }, caller) => [[arn, caller] as const, [id, caller] as const]),
    )
    const index = createAccessIndex({
      policies,
      count: holders.length,
      policiesOf: (caller) => at(caller).policies,
      boundaryOf: (caller) => at(caller).boundary,
      accountOf: () => accountId,
      principal: (caller) => identities(caller).principal,
      known: (caller) => identities(caller).known,
      named: (name) => {
        const caller = byName.get(name)
        return caller === undefined ? [] : [caller]
      },
    })
    return { index, holders, asOf }
  }

  async function open(accountId: string): Promise<Built> {
    const kept = await recalled(needs, 'who can', () => Promise.resolve(new Map<string, Promise<Built>>()))
    const known = kept.get(accountId)
    if (known) return known
    const built = build(accountId, needs.clock())
    const [oldest] = kept.keys()
    if (kept.size >= mostKept && oldest !== undefined) kept.delete(oldest)
    kept.set(accountId, built)
    built.catch(() => kept.delete(accountId))
    return built
  }

  return async ({ accountId, action, resource, context, from, limit }) => {
    const field = resource.split(':')[4] ?? ''
    const owner = field === '' ? accountId : field
    const [{ index, holders, asOf }, rails, stored] = await Promise.all([
      open(accountId),
      guardRailsNow(needs.database),
      ownersSide(needs, action, resource),
    ])
    const given = new Set([...context.keys()].map(canonicalKey))
    const around = [...known(needs, rails, accountId, owner), ...(stored?.keys ?? [])]
    const found = index.whoCan({
      action,
      resource,
      accountId: owner,
      context: new Map([...around.filter(([name]) => !given.has(canonicalKey(name))), ...context]),
      owners: stored?.policy,
      scpLevels: rails?.standingOf(accountId)?.scpLevels,
      rcpLevels: rails?.standingOf(owner)?.rcpLevels,
    })
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

type OwnersSide = {
  readonly policy: PolicyRef | undefined
  readonly keys: Iterable<readonly [string, ContextValue]>
}

/** The trust policy of a role that is to be assumed, or what an app stored about its resource. */
async function ownersSide(
  needs: AnalyzerNeeds,
  action: string,
  resource: string,
): Promise<OwnersSide | undefined> {
  if (!/^sts:(assumerole|tagsession|setsourceidentity)/i.test(action)) return storedResource(needs, resource)
  const role = /^arn:aws:iam::\d{12}:role\//.test(resource)
    ? await findRoleByArn(needs.database, resource)
    : undefined
  return role && { policy: { id: `${role.arn}#trust`, policy: role.trust }, keys: [] }
}

/** What is known of a request that anybody could make now. */
function known(
  { clock }: AnalyzerNeeds,
  rails: Awaited<ReturnType<typeof guardRailsNow>>,
  accountId: string,
  owner: string,
): readonly (readonly [string, ContextValue])[] {
  const now = clock()
  const time: [string, ContextValue][] = [
    ['aws:CurrentTime', now.toString({ smallestUnit: 'second' })],
    ['aws:EpochTime', String(Math.floor(now.epochMilliseconds / 1_000))],
  ]
  return [
    ...time,
    ...organizationKeys(rails, accountId, owner).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value] as const],
    ),
  ]
}
