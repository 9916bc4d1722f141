import { type Queryable, sql, violatedUnique } from '#database'
import { type Clock, refuse, uniqueToken } from '#kernel'
import { readPolicy } from './documents.ts'
import { organizationChanges } from './organizational-units.ts'

/** What a guard-rail limits: what an account's principals may do (scp), or what may be done to its resources (rcp). */
export type GuardRailType = 'scp' | 'rcp'

/** A service control policy or resource control policy of the organization. */
export type GuardRail = {
  readonly policyId: string
  readonly type: GuardRailType
  readonly name: string
  readonly description: string
  readonly document: string
  readonly version: number
}

/** AWS Organizations' quotas: policies of one kind at one target, FullAWSAccess included. */
const mostAttached = 5

type Row = {
  policy_id: string
  type: GuardRailType
  name: string
  description: string
  document: string
  version: number
}
const toGuardRail = ({ policy_id, ...row }: Row): GuardRail => ({ policyId: policy_id, ...row })

/** All guard-rails, by kind and name. */
export async function listGuardRails(db: Queryable): Promise<readonly GuardRail[]> {
  const { rows } = await db.query<Row>(
    sql`select policy_id, type, name, description, document, version from guard_rail
        order by type, lower(name)`,
  )
  return rows.map(toGuardRail)
}

/** What is attached where: pairs of a guard-rail's id and a target's. */
export async function listGuardRailAttachments(
  db: Queryable,
): Promise<readonly { readonly policyId: string; readonly targetId: string }[]> {
  const { rows } = await db.query<{ policyId: string; targetId: string }>(
    sql`select policy_id as "policyId", target_id as "targetId" from guard_rail_attachment
        order by target_id, policy_id`,
  )
  return rows
}

/**
 * Creates a guard-rail; attached nowhere, it limits nothing.
 *
 * @throws Failure conflict iam/guard-rail-exists; malformed iam/malformed-policy
 */
export async function createGuardRail(
  tx: Queryable,
  clock: Clock,
  request: { type: GuardRailType; name: string; description?: string | undefined; document: string },
): Promise<GuardRail> {
  await organizationChanges(tx)
  readPolicy(request.document, request.type)
  const made: GuardRail = {
    policyId: `p-${uniqueToken(8)}`,
    type: request.type,
    name: request.name,
    description: request.description ?? '',
    document: request.document,
    version: 1,
  }
  await unlessTaken(
    made.name,
    tx.query(
      sql`insert into guard_rail (policy_id, type, name, description, document, version, created_at, updated_at)
          values (${made.policyId}, ${made.type}, ${made.name}, ${made.description}, ${made.document}, 1,
                  ${clock()}, ${clock()})`,
    ),
  )
  return made
}

/**
 * Changes a guard-rail; in force at once, everywhere it is attached.
 *
 * @returns whether anything is different now
 * @throws Failure not-found iam/no-guard-rail; conflict iam/guard-rail-exists; malformed iam/malformed-policy
 */
export async function updateGuardRail(
  tx: Queryable,
  clock: Clock,
  policyId: string,
  changes: { name?: string | undefined; description?: string | undefined; document?: string | undefined },
): Promise<boolean> {
  await organizationChanges(tx)
  const found = (await listGuardRails(tx)).find((each) => each.policyId === policyId) ?? missing()
  if (changes.document !== undefined) readPolicy(changes.document, found.type)
  const name = changes.name ?? found.name
  const description = changes.description ?? found.description
  const document = changes.document ?? found.document
  if (name === found.name && description === found.description && document === found.document) return false
  await unlessTaken(
    name,
    tx.query(
      sql`update guard_rail
             set name = ${name}, description = ${description}, document = ${document},
                 version = ${document === found.document ? found.version : found.version + 1},
                 updated_at = ${clock()}
           where policy_id = ${policyId}`,
    ),
  )
  return true
}

/** Deletes a guard-rail that is attached nowhere. @throws Failure not-found iam/no-guard-rail; conflict iam/guard-rail-in-use */
export async function deleteGuardRail(tx: Queryable, policyId: string): Promise<void> {
  await organizationChanges(tx)
  const { rows: used } = await tx.query(
    sql`select 1 as used from guard_rail_attachment where policy_id = ${policyId}`,
  )
  if (used.length > 0)
    refuse('conflict', 'iam/guard-rail-in-use', 'This guard-rail is still attached. Detach it first.')
  const { rows } = await tx.query(
    sql`delete from guard_rail where policy_id = ${policyId} returning policy_id`,
  )
  if (rows.length === 0) missing()
}

/**
 * Attaches a guard-rail to the root, a unit or an account.
 *
 * @returns whether it was not attached before
 * @throws Failure not-found iam/no-guard-rail, iam/no-target; conflict iam/guard-rail-limit
 */
export async function attachGuardRail(tx: Queryable, policyId: string, targetId: string): Promise<boolean> {
  const { rootId } = await organizationChanges(tx)
  await requireTarget(tx, rootId, targetId)
  const rail = (await listGuardRails(tx)).find((each) => each.policyId === policyId) ?? missing()
  const there = await attachedTo(tx, rail.type, targetId)
  if (there.includes(policyId)) return false
  if (there.length + (await builtInAt(tx, rail.type, targetId)) >= mostAttached)
    refuse(
      'conflict',
      'iam/guard-rail-limit',
      `At most ${mostAttached} policies of one kind can be attached to one target.`,
    )
  await tx.query(
    sql`insert into guard_rail_attachment (policy_id, target_id) values (${policyId}, ${targetId})`,
  )
  return true
}

/**
 * Takes a guard-rail away from a target.
 *
 * @returns whether it was attached
 * @throws Failure conflict iam/last-scp when nothing would be left that allows anything there
 */
export async function detachGuardRail(tx: Queryable, policyId: string, targetId: string): Promise<boolean> {
  await organizationChanges(tx)
  const { rows } = await tx.query<{ type: GuardRailType }>(
    sql`delete from guard_rail_attachment a using guard_rail g
         where a.policy_id = ${policyId} and a.target_id = ${targetId} and g.policy_id = a.policy_id
        returning g.type`,
  )
  const [row] = rows
  if (row?.type === 'scp') await requireSomeScp(tx, targetId)
  return row !== undefined
}

/**
 * Attaches or detaches FullAWSAccess, the service control policy that every target starts with.
 *
 * @returns whether that was a change
 * @throws Failure not-found iam/no-target; conflict iam/last-scp when no other one is attached
 */
export async function setScpFullAccess(tx: Queryable, targetId: string, attached: boolean): Promise<boolean> {
  const { rootId } = await organizationChanges(tx)
  await requireTarget(tx, rootId, targetId)
  const { rows } = attached
    ? await tx.query(
        sql`delete from scp_full_access_detached where target_id = ${targetId} returning target_id`,
      )
    : await tx.query(
        sql`insert into scp_full_access_detached (target_id) values (${targetId})
            on conflict do nothing returning target_id`,
      )
  if (!attached) await requireSomeScp(tx, targetId)
  return rows.length > 0
}

/** Targets whose FullAWSAccess was detached. */
export async function listScpFullAccessDetached(db: Queryable): Promise<readonly string[]> {
  const { rows } = await db.query<{ target_id: string }>(
    sql`select target_id from scp_full_access_detached order by target_id`,
  )
  return rows.map(({ target_id: id }) => id)
}

async function attachedTo(tx: Queryable, type: GuardRailType, targetId: string): Promise<readonly string[]> {
  const { rows } = await tx.query<{ policy_id: string }>(
    sql`select a.policy_id from guard_rail_attachment a join guard_rail g on g.policy_id = a.policy_id
         where a.target_id = ${targetId} and g.type = ${type}`,
  )
  return rows.map(({ policy_id: id }) => id)
}

/** RCPFullAWSAccess cannot be detached and counts too. */
const builtInAt = async (tx: Queryable, type: GuardRailType, targetId: string): Promise<0 | 1> =>
  type === 'scp' && (await listScpFullAccessDetached(tx)).includes(targetId) ? 0 : 1

async function requireSomeScp(tx: Queryable, targetId: string): Promise<void> {
  if ((await builtInAt(tx, 'scp', targetId)) === 1) return
  if ((await attachedTo(tx, 'scp', targetId)).length > 0) return
  refuse(
    'conflict',
    'iam/last-scp',
    'A target needs at least one service control policy: without one nothing at all is allowed there. Attach another one first.',
  )
}

async function requireTarget(tx: Queryable, rootId: string, targetId: string): Promise<void> {
  if (targetId === rootId) return
  const { rows } = await tx.query(
    sql`select 1 as found from organizational_unit where unit_id = ${targetId}
        union all select 1 from account where account_id = ${targetId}`,
  )
  if (rows.length === 0)
    refuse('not-found', 'iam/no-target', `There is no root, unit or account ${targetId} here.`)
}

const missing = (): never => refuse('not-found', 'iam/no-guard-rail', 'There is no such guard-rail.')

async function unlessTaken(name: string, writing: Promise<unknown>): Promise<void> {
  try {
    await writing
  } catch (thrown) {
    if (violatedUnique(thrown) === undefined) throw thrown
    refuse('conflict', 'iam/guard-rail-exists', `There is already a guard-rail ${name} of this kind.`)
  }
}
