import { type Queryable, type Sql, sql } from '#database'
import type { NameRange } from '#directory'
import { type Clock, refuse, uniqueId } from '#kernel'
import { readPolicy } from './documents.ts'

/** A customer managed policy with its default version. */
export type ManagedPolicy = {
  readonly policyId: string
  readonly accountId: string
  readonly arn: string
  readonly name: string
  readonly path: string
  readonly description: string | undefined
  readonly defaultVersion: number
  readonly document: string
  readonly tags: Readonly<Record<string, string>>
  readonly createdAt: Temporal.Instant
  readonly updatedAt: Temporal.Instant
}

type Row = {
  policy_id: string
  account_id: string
  arn: string
  name: string
  path: string
  description: string | null
  default_version: number
  document: string
  tags: string
  created_at: Temporal.Instant
  updated_at: Temporal.Instant
}

const toPolicy = (row: Row): ManagedPolicy => ({
  policyId: row.policy_id,
  accountId: row.account_id,
  arn: row.arn,
  name: row.name,
  path: row.path,
  description: row.description ?? undefined,
  defaultVersion: row.default_version,
  document: row.document,
  tags: JSON.parse(row.tags) as Record<string, string>,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
})

const selected = sql`select p.policy_id, p.account_id, p.arn, p.name, p.path, p.description, p.default_version,
                            v.document, p.tags, p.created_at, p.updated_at
                     from managed_policy p
                     join policy_version v on v.policy_id = p.policy_id and v.version = p.default_version`

/** Versions a policy may have at once. */
const mostVersions = 5

/**
 * Creates a managed policy as version 1.
 *
 * @throws Failure malformed iam/malformed-policy; conflict iam/policy-exists, iam/policy-too-large
 */
export async function createPolicy(
  tx: Queryable,
  clock: Clock,
  policy: {
    accountId: string
    name: string
    path?: string | undefined
    description?: string | undefined
    document: string
    tags?: Readonly<Record<string, string>> | undefined
    /** Characters that the document may have. */
    size?: number | undefined
  },
): Promise<{ arn: string; policyId: string }> {
  readPolicy(policy.document, 'identity', policy.size)
  const path = policy.path ?? '/'
  const arn = `arn:aws:iam::${policy.accountId}:policy${path}${policy.name}`
  const policyId = uniqueId('ANPA')
  const now = clock()
  const { rows } = await tx.query(
    sql`insert into managed_policy (policy_id, account_id, arn, name, name_key, path, description, default_version, latest_version, tags, created_at, updated_at)
        values (${policyId}, ${policy.accountId}, ${arn}, ${policy.name}, ${policy.name.toLowerCase()}, ${path},
                ${policy.description}, 1, 1, ${JSON.stringify(policy.tags ?? {})}, ${now}, ${now})
        on conflict on constraint managed_policy_name do nothing returning arn`,
  )
  if (rows.length === 0)
    refuse(
      'conflict',
      'iam/policy-exists',
      `A policy called ${policy.name} already exists. Duplicate names are not allowed.`,
    )
  await tx.query(
    sql`insert into policy_version (policy_id, version, document, created_at) values (${policyId}, 1, ${policy.document}, ${now})`,
  )
  return { arn, policyId }
}

/**
 * Gives a policy a new default version; the oldest version that is not in use makes room when there are five.
 *
 * @returns whether anything changed: the same document again is no new version
 * @throws Failure not-found iam/no-policy; malformed iam/malformed-policy; conflict iam/policy-too-large
 */
export async function setPolicyDocument(
  tx: Queryable,
  clock: Clock,
  arn: string,
  document: string,
): Promise<boolean> {
  readPolicy(document, 'identity')
  const policy = await findPolicy(tx, arn)
  if (policy === undefined)
    refuse('not-found', 'iam/no-policy', `Policy ${arn} does not exist or is not attachable.`)
  if (policy.document === document) return false
  const now = clock()
  await tx.query(
    sql`update managed_policy set latest_version = latest_version + 1, default_version = latest_version + 1, updated_at = ${now}
        where policy_id = ${policy.policyId}`,
  )
  await tx.query(
    sql`insert into policy_version (policy_id, version, document, created_at)
        select policy_id, default_version, ${document}, ${now} from managed_policy where policy_id = ${policy.policyId}`,
  )
  await tx.query(
    sql`delete from policy_version where policy_id = ${policy.policyId} and version not in
          (select version from policy_version where policy_id = ${policy.policyId} order by version desc limit ${mostVersions})`,
  )
  return true
}

/** A customer managed policy by its ARN. */
export async function findPolicy(db: Queryable, arn: string): Promise<ManagedPolicy | undefined> {
  const { rows } = await db.query<Row>(sql`${selected} where p.arn = ${arn}`)
  return rows[0] === undefined ? undefined : toPolicy(rows[0])
}

/**
 * The same, with the row locked until the transaction ends.
 *
 * @param use `change` for who changes or deletes it; `keep` for who attaches it: many may, and it stays meanwhile
 */
export async function lockPolicy(
  tx: Queryable,
  arn: string,
  use: 'change' | 'keep' = 'change',
): Promise<ManagedPolicy | undefined> {
  const lock = use === 'change' ? sql`for update of p` : sql`for key share of p`
  const { rows } = await tx.query<Row>(sql`${selected} where p.arn = ${arn} ${lock}`)
  return rows[0] === undefined ? undefined : toPolicy(rows[0])
}

/** Makes the tags of a policy exactly these. */
export async function setPolicyTags(
  tx: Queryable,
  policyId: string,
  tags: Readonly<Record<string, string>>,
): Promise<void> {
  await tx.query(sql`update managed_policy set tags = ${JSON.stringify(tags)} where policy_id = ${policyId}`)
}

/** Customer managed policies of an account below a path, in the order of their names. */
export async function listPoliciesFrom(
  db: Queryable,
  accountId: string,
  { after, pathPrefix = '/', limit, attached }: NameRange & { attached?: PolicyUse | 'any' | undefined },
): Promise<readonly ManagedPolicy[]> {
  const used = attached === undefined ? sql`` : sql`and ${usedAs(attached)}`
  const { rows } = await db.query<Row>(
    sql`${selected}
        where p.account_id = ${accountId} and p.name_key > ${after?.toLowerCase() ?? ''}
          and starts_with(p.path, ${pathPrefix}) ${used}
        order by p.name_key limit ${limit}`,
  )
  return rows.map(toPolicy)
}

/** What a managed policy is used as. */
export type PolicyUse = 'PermissionsPolicy' | 'PermissionsBoundary'

const attachedSomewhere = sql`exists (select 1 from policy_attachment a where a.policy_arn = p.arn)`
const boundsSomebody = sql`(exists (select 1 from users u where u.permissions_boundary = p.arn)
                            or exists (select 1 from role r where r.permissions_boundary = p.arn))`

const usedAs = (use: PolicyUse | 'any'): Sql =>
  use === 'PermissionsPolicy'
    ? attachedSomewhere
    : use === 'PermissionsBoundary'
      ? boundsSomebody
      : sql`(${attachedSomewhere} or ${boundsSomebody})`

/** How many policies of its own an account has. */
export async function countPolicies(db: Queryable, accountId: string): Promise<number> {
  const { rows } = await db.query<{ count: number }>(
    sql`select count(*) as count from managed_policy where account_id = ${accountId}`,
  )
  return rows[0]?.count ?? 0
}

/** Customer managed policies of an account, by name. */
export async function listPolicies(db: Queryable, accountId: string): Promise<readonly ManagedPolicy[]> {
  const { rows } = await db.query<Row>(
    sql`${selected} where p.account_id = ${accountId} order by p.name_key limit 10000`,
  )
  return rows.map(toPolicy)
}

/** @throws Failure conflict iam/policy-in-use while it is attached */
export async function deletePolicy(tx: Queryable, arn: string): Promise<void> {
  const { rows } = await tx.query(
    sql`select principal_id from policy_attachment where policy_arn = ${arn} limit 1`,
  )
  if (rows.length > 0) refuse('conflict', 'iam/policy-in-use', 'Cannot delete a policy attached to entities.')
  await tx.query(sql`delete from managed_policy where arn = ${arn}`)
}

/** Attaches a managed policy to a user, group or role; a second time changes nothing. @returns whether it was new */
export async function attachPolicy(tx: Queryable, principalId: string, policyArn: string): Promise<boolean> {
  const { rows } = await tx.query(
    sql`insert into policy_attachment (principal_id, policy_arn) values (${principalId}, ${policyArn})
        on conflict do nothing returning policy_arn`,
  )
  return rows.length > 0
}

/** Detaches a managed policy. @returns whether it was attached */
export async function detachPolicy(tx: Queryable, principalId: string, policyArn: string): Promise<boolean> {
  const { rows } = await tx.query(
    sql`delete from policy_attachment where principal_id = ${principalId} and policy_arn = ${policyArn} returning policy_arn`,
  )
  return rows.length > 0
}

/** The ARNs attached to a user, group or role. */
export async function attachedPolicies(db: Queryable, principalId: string): Promise<readonly string[]> {
  const { rows } = await db.query<{ policy_arn: string }>(
    sql`select policy_arn from policy_attachment where principal_id = ${principalId} order by policy_arn`,
  )
  return rows.map(({ policy_arn }) => policy_arn)
}

/**
 * Makes a user's, group's or role's inline policy of a name like this.
 *
 * @param limit characters of all its inline policies together; AWS's default when left out
 * @returns whether anything changed
 * @throws Failure malformed iam/malformed-policy; conflict iam/policy-too-large when all inline policies together pass the limit
 */
export async function putInlinePolicy(
  tx: Queryable,
  principalId: string,
  name: string,
  document: string,
  limit = principalId.startsWith('AIDA') ? 2_048 : principalId.startsWith('AGPA') ? 5_120 : 10_240,
): Promise<boolean> {
  // All of them together have a limit of their own.
  readPolicy(document, 'identity', limit)
  const { rows } = await tx.query(
    sql`insert into inline_policy (principal_id, name, name_key, document)
        values (${principalId}, ${name}, ${name.toLowerCase()}, ${document})
        on conflict (principal_id, name_key) do update set name = excluded.name, document = excluded.document
          where inline_policy.document <> excluded.document or inline_policy.name <> excluded.name
        returning name`,
  )
  const { rows: sizes } = await tx.query<{ size: number }>(
    sql`select coalesce(sum(length(regexp_replace(document, '\s', '', 'g'))), 0)::int as size
        from inline_policy where principal_id = ${principalId}`,
  )
  if ((sizes[0]?.size ?? 0) > limit)
    refuse(
      'conflict',
      'iam/policy-too-large',
      `Maximum policy size of ${limit} bytes exceeded for the inline policies of this entity.`,
    )
  return rows.length > 0
}

/** Removes an inline policy. @returns whether there was one */
export async function removeInlinePolicy(tx: Queryable, principalId: string, name: string): Promise<boolean> {
  const { rows } = await tx.query(
    sql`delete from inline_policy where principal_id = ${principalId} and name_key = ${name.toLowerCase()} returning name`,
  )
  return rows.length > 0
}

/** The inline policies of a user, group or role. */
export async function inlinePolicies(
  db: Queryable,
  principalId: string,
): Promise<readonly { readonly name: string; readonly document: string }[]> {
  const { rows } = await db.query<{ name: string; document: string }>(
    sql`select name, document from inline_policy where principal_id = ${principalId} order by name_key`,
  )
  return rows
}
