import { type Queryable, sql } from '#database'
import type { PolicyUse } from './policies.ts'

/** How often a managed policy is used in an account. */
export type PolicyUsage = { readonly attachments: number; readonly boundaries: number }

/** The uses of policies in an account, by ARN. */
export async function policyUsage(
  db: Queryable,
  accountId: string,
  arns: readonly string[],
): Promise<ReadonlyMap<string, PolicyUsage>> {
  if (arns.length === 0) return new Map()
  const { rows } = await db.query<{ arn: string; attachments: number; boundaries: number }>(
    sql`select given.arn,
          (select count(*) from policy_attachment a
           where a.policy_arn = given.arn
             and (exists (select 1 from users where user_id = a.principal_id and account_id = ${accountId})
               or exists (select 1 from user_group where group_id = a.principal_id and account_id = ${accountId})
               or exists (select 1 from role where role_id = a.principal_id and account_id = ${accountId}))) as attachments,
          (select count(*) from users where permissions_boundary = given.arn and account_id = ${accountId})
          + (select count(*) from role where permissions_boundary = given.arn and account_id = ${accountId}) as boundaries
        from unnest(${[...arns]}::text[]) as given(arn)`,
  )
  return new Map(rows.map(({ arn, attachments, boundaries }) => [arn, { attachments, boundaries }]))
}

/** A user, group or role that a policy is attached to or bounds. */
export type PolicyHolder = {
  readonly type: 'group' | 'role' | 'user'
  readonly id: string
  readonly name: string
}

/** Who holds a policy in an account, in the order of kind and unique id, from the one after `after` on. */
export async function policyHolders(
  db: Queryable,
  accountId: string,
  arn: string,
  range: {
    readonly type?: PolicyHolder['type'] | undefined
    readonly use?: PolicyUse | undefined
    readonly pathPrefix?: string | undefined
    readonly after?: Pick<PolicyHolder, 'type' | 'id'> | undefined
    readonly limit: number
  },
): Promise<readonly PolicyHolder[]> {
  const { after, limit, pathPrefix = '/', use } = range
  const attached = use !== 'PermissionsBoundary'
  const bounding = use !== 'PermissionsPolicy'
  const { rows } = await db.query<PolicyHolder>(
    sql`with holder as (
          select principal_id as id from policy_attachment where policy_arn = ${arn} and ${attached}::boolean
          union select user_id from users where permissions_boundary = ${arn} and ${bounding}::boolean
          union select role_id from role where permissions_boundary = ${arn} and ${bounding}::boolean
        ), named as (
          select 'user' as type, user_id as id, name, path from users join holder on id = user_id where account_id = ${accountId}
          union all
          select 'group', group_id, name, path from user_group join holder on id = group_id where account_id = ${accountId}
          union all
          select 'role', role_id, name, path from role join holder on id = role_id where account_id = ${accountId}
        )
        select type, id, name from named
        where starts_with(path, ${pathPrefix}) and (type, id) > (${after?.type ?? ''}, ${after?.id ?? ''})
          and (${range.type ?? null}::text is null or type = ${range.type ?? null}::text)
        order by type, id limit ${limit}`,
  )
  return rows
}

/** What still hangs on a user, group or role, in the words of AWS's refusal to delete it. */
export async function principalHolds(db: Queryable, principalId: string): Promise<string | undefined> {
  const { rows } = await db.query<{ what: string }>(
    sql`select 'detach all policies' as what from policy_attachment where principal_id = ${principalId}
        union all select 'delete policies' from inline_policy where principal_id = ${principalId}
        union all select 'remove roles from instance profile' from instance_profile where role_id = ${principalId}
        union all select 'delete signing certificates' from signing_certificate where user_id = ${principalId}
        union all select 'delete SSH public keys' from ssh_public_key where user_id = ${principalId}
        limit 1`,
  )
  return rows[0]?.what
}

/** What policies hang on a principal directly. */
export type HeldPolicies = {
  readonly attached: readonly string[]
  readonly inline: readonly { readonly name: string; readonly document: string }[]
}

/** The policies of many principals at once, by unique id; who holds none is absent. */
export async function policiesHeldBy(
  db: Queryable,
  principalIds: readonly string[],
): Promise<ReadonlyMap<string, HeldPolicies>> {
  const ids = [...principalIds]
  const attached = await db.query<{ id: string; arn: string }>(
    sql`select principal_id as id, policy_arn as arn from policy_attachment
        where principal_id = any(${ids}::text[]) order by policy_arn`,
  )
  const inline = await db.query<{ id: string; name: string; document: string }>(
    sql`select principal_id as id, name, document from inline_policy
        where principal_id = any(${ids}::text[]) order by name_key`,
  )
  const arns = Map.groupBy(attached.rows, ({ id }) => id)
  const documents = Map.groupBy(inline.rows, ({ id }) => id)
  return new Map(
    ids.map((id) => [
      id,
      {
        attached: (arns.get(id) ?? []).map(({ arn }) => arn),
        inline: (documents.get(id) ?? []).map(({ name, document }) => ({ name, document })),
      },
    ]),
  )
}
