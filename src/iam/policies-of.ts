import { type Queryable, sql } from '#database'
import { type DocumentType, type PolicyRef, unreadablePolicy } from '#policy'
import type { BuiltInPolicies } from './built-in.ts'
import { policyFrom } from './documents.ts'

/** A managed or inline policy as it is stored; without a document it is built in, or gone. */
export type PolicyRow = { id: string; version: string | null; document: string | null; is_boundary: boolean }

/** The policy of a stored row, parsed once for each text. */
export function policyRefOf(row: PolicyRow, builtIn: BuiltInPolicies): PolicyRef {
  const type: DocumentType = row.is_boundary ? 'boundary' : 'identity'
  const own = builtIn.get(row.id)
  const document = row.document ?? own?.document
  return {
    id: row.id,
    version: row.version ?? own?.version,
    // An attached policy that is gone allows nothing; a boundary that is gone therefore denies all.
    policy:
      document === undefined
        ? unreadablePolicy(type, `The policy ${row.id} is missing.`)
        : policyFrom(document, type),
  }
}

/** The policies that a principal holds. */
export type Held = { readonly identity: readonly PolicyRef[]; readonly boundary: PolicyRef | undefined }

/** A user's or role's unique id, and the ARN of its permissions boundary. */
export type Holder = { readonly id: string; readonly permissionsBoundary?: string | undefined }

/** The policies of a principal, as they are now: its own and its groups', attached and inline, and its boundary. */
export async function policiesOf(db: Queryable, builtIn: BuiltInPolicies, holder: Holder): Promise<Held> {
  const held = await policiesOfMany(db, builtIn, [holder])
  return held.get(holder.id) ?? { identity: [], boundary: undefined }
}

/** The policies of many principals by their ids. One statement. */
export async function policiesOfMany(
  db: Queryable,
  builtIn: BuiltInPolicies,
  holders: readonly Holder[],
): Promise<ReadonlyMap<string, Held>> {
  const ids = holders.map(({ id }) => id)
  const { rows } = await db.query<PolicyRow & { owner: string }>(
    sql`with who as (
          select id, boundary
            from unnest(${ids}::text[], ${holders.map((each) => each.permissionsBoundary ?? null)}::text[])
                 as who(id, boundary)
        ), holder as (
          select id as owner, id from who
          union all select user_id, group_id from group_member where user_id = any(${ids}::text[])
        ), managed as (
          select owner, a.policy_arn as arn, false as is_boundary
            from policy_attachment a join holder on holder.id = a.principal_id
          union select id, boundary, true from who where boundary is not null
        )
        select m.owner, m.arn as id, 'v' || v.version as version, v.document, m.is_boundary
        from managed m
        left join managed_policy p on p.arn = m.arn
        left join policy_version v on v.policy_id = p.policy_id and v.version = p.default_version
        union all
        select holder.owner, 'inline:' || i.name, null, i.document, false
        from inline_policy i join holder on holder.id = i.principal_id`,
  )
  const found = new Map<string, { identity: PolicyRef[]; boundary: PolicyRef | undefined }>(
    ids.map((id) => [id, { identity: [], boundary: undefined }]),
  )
  for (const row of rows) {
    const held = found.get(row.owner)
    if (held === undefined) continue
    if (row.is_boundary) held.boundary = policyRefOf(row, builtIn)
    else held.identity.push(policyRefOf(row, builtIn))
  }
  return found
}

/** Managed policies by ARN, as session policies; those that do not exist are absent from the answer. */
export async function policyRefs(
  db: Queryable,
  builtIn: BuiltInPolicies,
  arns: readonly string[],
): Promise<readonly PolicyRef[]> {
  if (arns.length === 0) return []
  const { rows } = await db.query<{ arn: string; version: string; document: string }>(
    sql`select p.arn, 'v' || v.version as version, v.document from managed_policy p
        join policy_version v on v.policy_id = p.policy_id and v.version = p.default_version
        where p.arn = any(${[...arns]}::text[])`,
  )
  return arns.flatMap((arn) => {
    const row = rows.find((each) => each.arn === arn) ?? builtIn.get(arn)
    return row === undefined
      ? []
      : [{ id: arn, version: row.version, policy: policyFrom(row.document, 'session') }]
  })
}
