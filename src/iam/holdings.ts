import { type Queryable, sql } from '#database'
import type { PolicyRef } from '#policy'
import type { BuiltInPolicies } from './built-in.ts'
import { policyRefOf } from './policies-of.ts'

/** A user or role with the numbers of its policies in the list of all that are held. */
export type Holding = {
  readonly kind: 'user' | 'role'
  readonly id: string
  readonly accountId: string
  readonly name: string
  readonly arn: string
  readonly tags: string
  /** Its own and its groups'. */
  readonly policies: readonly number[]
  readonly boundary: number
}

/** Who holds which policies in an account: each policy stands in the list once, however many hold it. */
export type Holdings = { readonly policies: readonly PolicyRef[]; readonly holders: readonly Holding[] }

type HolderRow = {
  kind: 'user' | 'role'
  id: string
  name: string
  path: string
  tags: string
  boundary: string | null
  groups: string
}

/**
 * All active users and all roles of an account with their policies, as they are at one moment.
 *
 * @returns undefined when there are more than `most` users and roles
 */
export async function holdingsOf(
  db: Queryable,
  builtIn: BuiltInPolicies,
  { accountId, most }: { readonly accountId: string; readonly most: number },
): Promise<Holdings | undefined> {
  const { rows: holders } = await db.query<HolderRow>(
    sql`select 'user' as kind, u.user_id as id, u.name, u.path, u.tags, u.permissions_boundary as boundary,
               coalesce((select string_agg(m.group_id, ' ') from group_member m where m.user_id = u.user_id), '') as groups
          from users u where u.account_id = ${accountId} and u.status = 'active'
        union all
        select 'role', role_id, name, path, tags, permissions_boundary, ''
          from role where account_id = ${accountId}
        limit ${most + 1}`,
  )
  if (holders.length > most) return undefined
  const { rows: held } = await db.query<{
    holder: string
    id: string
    version: string | null
    document: string | null
  }>(
    sql`select a.principal_id as holder, a.policy_arn as id, 'v' || v.version as version, v.document
          from policy_attachment a
          left join managed_policy p on p.arn = a.policy_arn
          left join policy_version v on v.policy_id = p.policy_id and v.version = p.default_version
        union all
        select principal_id, 'inline:' || name, null, document from inline_policy
        union all
        select '', p.arn, 'v' || v.version, v.document
          from managed_policy p join policy_version v on v.policy_id = p.policy_id and v.version = p.default_version
         where p.arn in (select permissions_boundary from users union select permissions_boundary from role)`,
  )
  const policies: PolicyRef[] = []
  const numbers = new Map<string, number>()
  const numberOf = (
    row: { id: string; version: string | null; document: string | null },
    isBoundary: boolean,
  ): number => {
    const key = `${isBoundary} ${row.id} ${row.document ?? ''}`
    const known = numbers.get(key)
    if (known !== undefined) return known
    numbers.set(key, policies.length)
    return policies.push(policyRefOf({ ...row, is_boundary: isBoundary }, builtIn)) - 1
  }
  const byHolder = Map.groupBy(held, ({ holder }) => holder)
  const managed = new Map(held.filter(({ holder }) => holder === '').map((row) => [row.id, row]))
  return {
    policies,
    holders: holders.map(({ kind, id, name, path, tags, boundary, groups }): Holding => {
      const owners = [id, ...groups.split(' ').filter((each) => each !== '')]
      const own = owners.flatMap((owner) => (byHolder.get(owner) ?? []).map((row) => numberOf(row, false)))
      const limit =
        boundary === null
          ? undefined
          : (managed.get(boundary) ?? { id: boundary, version: null, document: null })
      return {
        kind,
        id,
        accountId,
        name,
        arn: `arn:aws:iam::${accountId}:${kind}${path}${name}`,
        tags,
        policies: [...new Set(own)],
        boundary: limit === undefined ? -1 : numberOf(limit, true),
      }
    }),
  }
}
