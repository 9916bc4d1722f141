import { type Queryable, sql } from '#database'
import { type Clock, refuse } from '#kernel'
import { readPolicy } from './documents.ts'

/** One of the up to five documents of a managed policy. */
export type PolicyVersion = {
  readonly version: number
  readonly document: string
  readonly isDefault: boolean
  readonly createdAt: Temporal.Instant
}

type Row = { version: number; document: string; is_default: boolean; created_at: Temporal.Instant }

const toVersion = (row: Row): PolicyVersion => ({
  version: row.version,
  document: row.document,
  isDefault: row.is_default,
  createdAt: row.created_at,
})

/** The versions of a policy, the newest first. */
export async function listPolicyVersions(db: Queryable, policyId: string): Promise<readonly PolicyVersion[]> {
  const { rows } = await db.query<Row>(
    sql`select v.version, v.document, v.version = p.default_version as is_default, v.created_at
        from policy_version v join managed_policy p using (policy_id)
        where policy_id = ${policyId} order by v.version desc`,
  )
  return rows.map(toVersion)
}

/** How many versions all policies of an account have together. */
export async function countPolicyVersions(db: Queryable, accountId: string): Promise<number> {
  const { rows } = await db.query<{ count: number }>(
    sql`select count(*) as count from policy_version join managed_policy using (policy_id)
        where account_id = ${accountId}`,
  )
  return rows[0]?.count ?? 0
}

/**
 * Adds a version. The caller holds the policy's lock and has counted.
 *
 * @param size characters that the document may have
 * @throws Failure malformed iam/malformed-policy; conflict iam/policy-too-large
 */
export async function addPolicyVersion(
  tx: Queryable,
  clock: Clock,
  policyId: string,
  {
    document,
    isDefault,
    size,
  }: { readonly document: string; readonly isDefault: boolean; readonly size?: number | undefined },
): Promise<PolicyVersion> {
  readPolicy(document, 'identity', size)
  const now = clock()
  const { rows } = await tx.query<{ latest_version: number }>(
    sql`update managed_policy
        set latest_version = latest_version + 1, updated_at = ${now},
            default_version = case when ${isDefault}::boolean then latest_version + 1 else default_version end
        where policy_id = ${policyId} returning latest_version`,
  )
  const version = rows[0]?.latest_version
  if (version === undefined) return refuse('not-found', 'iam/no-policy', 'There is no such policy.')
  await tx.query(
    sql`insert into policy_version (policy_id, version, document, created_at)
        values (${policyId}, ${version}, ${document}, ${now})`,
  )
  return { version, document, isDefault, createdAt: now }
}

/** Makes a version the one that decides. @returns whether there is such a version */
export async function setDefaultVersion(
  tx: Queryable,
  clock: Clock,
  policyId: string,
  version: number,
): Promise<boolean> {
  const { rows } = await tx.query(
    sql`update managed_policy p set default_version = ${version}, updated_at = ${clock()}
        where policy_id = ${policyId}
          and exists (select 1 from policy_version v where v.policy_id = p.policy_id and v.version = ${version})
        returning policy_id`,
  )
  return rows.length > 0
}

/** Removes a version, which the caller knows not to be the default. @returns whether there was one */
export async function removePolicyVersion(
  tx: Queryable,
  policyId: string,
  version: number,
): Promise<boolean> {
  const { rows } = await tx.query(
    sql`delete from policy_version where policy_id = ${policyId} and version = ${version} returning version`,
  )
  return rows.length > 0
}
