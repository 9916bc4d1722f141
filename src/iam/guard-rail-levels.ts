import { type Queryable, sql } from '#database'
import { type PolicyRef, rcpFullAccess, scpFullAccess } from '#policy'
import { policyFrom } from './documents.ts'
import type { GuardRailType } from './guard-rails.ts'

/** Policies from the root of the organization down to an account: every level must allow. */
export type Levels = readonly (readonly PolicyRef[])[]

/** What the organization says about one account. */
export type Standing = {
  /** `o-…/r-…/ou-…/`: where the account stands (aws:PrincipalOrgPaths). */
  readonly path: string
  /** Absent where nothing limits: in the home account, which manages the others, and while nothing is attached. */
  readonly scpLevels: Levels | undefined
  readonly rcpLevels: Levels | undefined
}

/** The organization with its guard-rails as they are at one moment. */
export type GuardRails = {
  readonly organizationId: string
  readonly rootId: string
  /** Undefined for accounts that are not of this deployment. */
  standingOf(accountId: string): Standing | undefined
}

type Head = {
  readonly organization_id: string
  readonly root_id: string
  readonly home_account_id: string
  readonly generation: number
}

type Part =
  | { readonly kind: 'unit' | 'account'; readonly id: string; readonly parent: string | null }
  | {
      readonly kind: 'attached'
      readonly id: string
      readonly target: string
      readonly type: GuardRailType
      readonly version: number
      readonly document: string
    }
  | { readonly kind: 'detached'; readonly target: string }

/** What was read, by organization: one generation of it. */
const kept = new Map<string, { readonly generation: number; readonly rails: GuardRails }>()
const most = 64

/**
 * The guard-rails as they are now. One look at one row; all of them are read again only when their generation changed.
 *
 * @returns undefined while nobody has claimed this instance
 */
export async function guardRailsNow(db: Queryable): Promise<GuardRails | undefined> {
  const { rows } = await db.query<Head>(
    sql`select organization_id, root_id, home_account_id, generation from organization`,
  )
  const [head] = rows
  if (head === undefined) return undefined
  const known = kept.get(head.organization_id)
  if (known !== undefined && known.generation === head.generation) return known.rails
  const rails = assemble(head, await readParts(db))
  // Inside a transaction that may be undone, what was read would be kept under a generation that comes again.
  if (!('script' in db)) {
    const [oldest] = kept.keys()
    if (kept.size >= most && oldest !== undefined) kept.delete(oldest)
    kept.set(head.organization_id, { generation: head.generation, rails })
  }
  return rails
}

/** One statement, so that all parts are of the same moment. */
async function readParts(db: Queryable): Promise<readonly Part[]> {
  const { rows } = await db.query<{ part: string }>(
    sql`select json_build_object('kind', 'unit', 'id', unit_id, 'parent', parent_id)::text as part
          from organizational_unit
        union all
        select json_build_object('kind', 'account', 'id', account_id, 'parent', unit_id)::text from account
        union all
        select json_build_object('kind', 'attached', 'id', g.policy_id, 'target', a.target_id, 'type', g.type,
                                 'version', g.version, 'document', g.document)::text
          from guard_rail_attachment a join guard_rail g on g.policy_id = a.policy_id
        union all
        select json_build_object('kind', 'detached', 'target', target_id)::text from scp_full_access_detached`,
  )
  return rows.map(({ part }) => JSON.parse(part) as Part)
}

function assemble(head: Head, parts: readonly Part[]): GuardRails {
  const parents = new Map<string, string | null>()
  const accounts = new Map<string, string | null>()
  const attached: Readonly<Record<GuardRailType, Map<string, PolicyRef[]>>> = {
    scp: new Map(),
    rcp: new Map(),
  }
  const detached = new Set<string>()
  for (const part of parts.toSorted((a, b) => (key(a) < key(b) ? -1 : 1))) {
    if (part.kind === 'detached') detached.add(part.target)
    else if (part.kind !== 'attached') (part.kind === 'unit' ? parents : accounts).set(part.id, part.parent)
    else {
      const list = attached[part.type].get(part.target) ?? []
      list.push({
        id: guardRailArn(head, part),
        version: `v${part.version}`,
        policy: policyFrom(part.document, part.type),
      })
      attached[part.type].set(part.target, list)
    }
  }
  const limited = { scp: attached.scp.size > 0 || detached.size > 0, rcp: attached.rcp.size > 0 }
  const at = (target: string) => ({
    scp: [...(detached.has(target) ? [] : [scpFullAccess]), ...(attached.scp.get(target) ?? [])],
    rcp: [rcpFullAccess, ...(attached.rcp.get(target) ?? [])],
  })
  const levelOf = new Map<string, ReturnType<typeof at>>()
  const level = (target: string) => {
    const known = levelOf.get(target) ?? at(target)
    levelOf.set(target, known)
    return known
  }
  const chainOf = (unit: string | null): readonly string[] =>
    unit === null ? [head.root_id] : [...chainOf(parents.get(unit) ?? null), unit]

  const standings = new Map<string, Standing>()
  return {
    organizationId: head.organization_id,
    rootId: head.root_id,
    standingOf(accountId) {
      const known = standings.get(accountId)
      const unit = accounts.get(accountId)
      if (known !== undefined || unit === undefined) return known
      const chain = chainOf(unit)
      const targets = [...chain, accountId]
      const isHome = accountId === head.home_account_id
      // The same arrays every time: the engine keeps what it prepared by them.
      const standing: Standing = {
        path: `${head.organization_id}/${chain.join('/')}/`,
        scpLevels: isHome || !limited.scp ? undefined : targets.map((target) => level(target).scp),
        rcpLevels: isHome || !limited.rcp ? undefined : targets.map((target) => level(target).rcp),
      }
      standings.set(accountId, standing)
      return standing
    },
  }
}

const key = (part: Part): string => ('id' in part ? part.id : part.target)

const services: Readonly<Record<GuardRailType, string>> = {
  scp: 'service_control_policy',
  rcp: 'resource_control_policy',
}

/** The ARN of a guard-rail, in AWS Organizations' shape. */
export const guardRailArn = (
  organization: { readonly organization_id: string; readonly home_account_id: string },
  rail: { readonly id: string; readonly type: GuardRailType },
): string =>
  `arn:aws:organizations::${organization.home_account_id}:policy/${organization.organization_id}/${services[rail.type]}/${rail.id}`
