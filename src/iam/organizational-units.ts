import { type Queryable, sql, violatedUnique } from '#database'
import { type Clock, refuse, uniqueToken } from '#kernel'

/** A group of accounts that guard-rails are attached to together. `parentId` is absent directly under the root. */
export type OrganizationalUnit = {
  readonly unitId: string
  readonly parentId: string | undefined
  readonly name: string
}

/** Units below the root: AWS Organizations allows five levels. */
const mostLevels = 5

/**
 * Notes that the organization changed. It locks the organization's row first, so that two changes never see half of
 * each other: the checks on levels and last policies hold.
 *
 * @throws Failure conflict iam/no-organization while nobody has claimed this instance
 */
export async function organizationChanges(tx: Queryable): Promise<{ readonly rootId: string }> {
  const { rows } = await tx.query<{ root_id: string }>(
    sql`update organization set generation = generation + 1 returning root_id`,
  )
  const [row] = rows
  return row === undefined
    ? refuse('conflict', 'iam/no-organization', 'Nobody has claimed this instance yet.')
    : { rootId: row.root_id }
}

/** All units, parents before their children. */
export async function listUnits(db: Queryable): Promise<readonly OrganizationalUnit[]> {
  const { rows } = await db.query<{ unit_id: string; parent_id: string | null; name: string }>(
    sql`with recursive tree as (
          select unit_id, parent_id, name, 1 as level from organizational_unit where parent_id is null
          union all
          select u.unit_id, u.parent_id, u.name, tree.level + 1
            from organizational_unit u join tree on tree.unit_id = u.parent_id
        )
        select unit_id, parent_id, name from tree order by level, lower(name)`,
  )
  return rows.map((row) => ({
    unitId: row.unit_id,
    parentId: row.parent_id ?? undefined,
    name: row.name,
  }))
}

/** The names from below the root down to a unit, joined by slashes: how signet.yaml and people name it. */
export function unitPath(units: readonly OrganizationalUnit[], unitId: string): string {
  const unit = units.find((each) => each.unitId === unitId)
  if (unit === undefined) return ''
  return unit.parentId === undefined ? unit.name : `${unitPath(units, unit.parentId)}/${unit.name}`
}

/**
 * Creates a unit.
 *
 * @throws Failure conflict iam/unit-exists, iam/unit-depth; not-found iam/no-unit for the parent
 */
export async function createUnit(
  tx: Queryable,
  clock: Clock,
  request: { name: string; parentId?: string | undefined },
): Promise<OrganizationalUnit> {
  const { rootId } = await organizationChanges(tx)
  const units = await listUnits(tx)
  if (request.parentId !== undefined) {
    if (!units.some(({ unitId }) => unitId === request.parentId)) missing()
    if (unitPath(units, request.parentId).split('/').length >= mostLevels)
      refuse('conflict', 'iam/unit-depth', `Units stand at most ${mostLevels} levels below the root.`)
  }
  const unitId = `ou-${rootId.slice(2)}-${uniqueToken(8)}`
  await unlessTaken(
    request.name,
    tx.query(
      sql`insert into organizational_unit (unit_id, parent_id, name, created_at)
          values (${unitId}, ${request.parentId ?? null}, ${request.name}, ${clock()})`,
    ),
  )
  return { unitId, parentId: request.parentId, name: request.name }
}

/** Gives a unit another name. @throws Failure conflict iam/unit-exists; not-found iam/no-unit */
export async function renameUnit(tx: Queryable, unitId: string, name: string): Promise<void> {
  await organizationChanges(tx)
  const { rows } = await unlessTaken(
    name,
    tx.query(sql`update organizational_unit set name = ${name} where unit_id = ${unitId} returning unit_id`),
  )
  if (rows.length === 0) missing()
}

/**
 * Deletes a unit that holds nothing any more, with what was attached to it.
 *
 * @throws Failure conflict iam/unit-not-empty; not-found iam/no-unit
 */
export async function deleteUnit(tx: Queryable, unitId: string): Promise<void> {
  await organizationChanges(tx)
  const { rows: held } = await tx.query(
    sql`select 1 as held from organizational_unit where parent_id = ${unitId}
        union all select 1 from account where unit_id = ${unitId}`,
  )
  if (held.length > 0)
    refuse(
      'conflict',
      'iam/unit-not-empty',
      'This unit still has accounts or units in it. Move them elsewhere first.',
    )
  const { rows } = await tx.query(
    sql`delete from organizational_unit where unit_id = ${unitId} returning unit_id`,
  )
  if (rows.length === 0) missing()
  await tx.query(sql`delete from guard_rail_attachment where target_id = ${unitId}`)
  await tx.query(sql`delete from scp_full_access_detached where target_id = ${unitId}`)
}

/**
 * Moves an account into a unit, or directly under the root.
 *
 * @returns whether it stood elsewhere
 * @throws Failure not-found iam/no-unit, iam/no-account
 */
export async function moveAccount(
  tx: Queryable,
  accountId: string,
  unitId: string | undefined,
): Promise<boolean> {
  await organizationChanges(tx)
  if (unitId !== undefined && !(await listUnits(tx)).some((each) => each.unitId === unitId)) missing()
  const { rows } = await tx.query<{ moved: boolean }>(
    sql`update account a set unit_id = ${unitId ?? null}
          from (select account_id, unit_id from account where account_id = ${accountId}) old
         where a.account_id = old.account_id
        returning old.unit_id is distinct from a.unit_id as moved`,
  )
  return rows[0] === undefined
    ? refuse('not-found', 'iam/no-account', `There is no account ${accountId}.`)
    : rows[0].moved
}

const missing = (): never => refuse('not-found', 'iam/no-unit', 'There is no such organizational unit.')

async function unlessTaken<Result>(name: string, writing: Promise<Result>): Promise<Result> {
  try {
    return await writing
  } catch (thrown) {
    if (violatedUnique(thrown) === undefined) throw thrown
    return refuse('conflict', 'iam/unit-exists', `There is already a unit ${name} at this place.`)
  }
}
