import { type Queryable, sql } from '#database'
import { type DocumentType, type PolicyRef, unreadablePolicy } from '#policy'
import type { BuiltInPolicies } from './built-in.ts'
import { policyFrom } from './documents.ts'

type Row = { id: string; version: string | null; document: string | null; is_boundary: boolean }

function toRef(row: Row, builtIn: BuiltInPolicies): PolicyRef {
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

/**
 * The policies of a principal, as they are now: its own and its groups', attached and inline, and its boundary. One
 * statement.
 *
 * @param holder a user's or role's unique id, and the ARN of its permissions boundary
 */
export async function policiesOf(
  db: Queryable,
  builtIn: BuiltInPolicies,
  holder: { id: string; permissionsBoundary?: string | undefined },
): Promise<{ identity: readonly PolicyRef[]; boundary: PolicyRef | undefined }> {
  const { rows } = await db.query<Row>(
    sql`with holder as (
          select ${holder.id}::text as id
          union all select group_id from group_member where user_id = ${holder.id}
        ), managed as (
          select a.policy_arn as arn, false as is_boundary from policy_attachment a join holder on holder.id = a.principal_id
          union select ${holder.permissionsBoundary ?? null}::text, true where ${holder.permissionsBoundary ?? null}::text is not null
        )
        select m.arn as id, 'v' || v.version as version, v.document, m.is_boundary
        from managed m
        left join managed_policy p on p.arn = m.arn
        left join policy_version v on v.policy_id = p.policy_id and v.version = p.default_version
        union all
        select 'inline:' || i.name, null, i.document, false from inline_policy i join holder on holder.id = i.principal_id`,
  )
  const boundary = rows.find((row) => row.is_boundary)
  return {
    identity: rows.filter((row) => !row.is_boundary).map((row) => toRef(row, builtIn)),
    boundary: boundary === undefined ? undefined : toRef(boundary, builtIn),
  }
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
