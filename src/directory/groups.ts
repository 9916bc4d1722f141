import { type Queryable, sql, violatedUnique } from '#database'
import { type Clock, refuse, uniqueId } from '#kernel'
import { nameKey } from './users.ts'

/** A set of users. */
export type Group = {
  readonly groupId: string
  readonly accountId: string
  readonly name: string
  readonly path: string
  readonly arn: string
  readonly createdAt: Temporal.Instant
}

type Row = { group_id: string; account_id: string; name: string; path: string; created_at: Temporal.Instant }

const columns = sql`g.group_id, g.account_id, g.name, g.path, g.created_at`

const toGroup = (row: Row): Group => ({
  groupId: row.group_id,
  accountId: row.account_id,
  name: row.name,
  path: row.path,
  arn: `arn:aws:iam::${row.account_id}:group${row.path}${row.name}`,
  createdAt: row.created_at,
})

/** @throws Failure conflict directory/group-exists */
export async function createGroup(
  tx: Queryable,
  clock: Clock,
  group: { accountId: string; name: string; path?: string | undefined },
): Promise<Group> {
  try {
    const { rows } = await tx.query<Row>(
      sql`insert into user_group as g (group_id, account_id, name, name_key, path, created_at)
          values (${uniqueId('AGPA')}, ${group.accountId}, ${group.name}, ${nameKey(group.name)}, ${group.path ?? '/'}, ${clock()})
          returning ${columns}`,
    )
    const [row] = rows
    if (row !== undefined) return toGroup(row)
  } catch (thrown) {
    if (violatedUnique(thrown) === undefined) throw thrown
  }
  return refuse('conflict', 'directory/group-exists', `Group with name ${group.name} already exists.`)
}

/** The group of a name, in any case. */
export async function findGroup(db: Queryable, accountId: string, name: string): Promise<Group | undefined> {
  const { rows } = await db.query<Row>(
    sql`select ${columns} from user_group g where g.account_id = ${accountId} and g.name_key = ${nameKey(name)}`,
  )
  return rows[0] === undefined ? undefined : toGroup(rows[0])
}

/** Groups in the order of their names. */
export async function listGroups(
  db: Queryable,
  accountId: string,
  { after, limit = 100 }: { after?: string; limit?: number } = {},
): Promise<readonly Group[]> {
  const { rows } = await db.query<Row>(
    sql`select ${columns} from user_group g
        where g.account_id = ${accountId} and g.name_key > ${after === undefined ? '' : nameKey(after)}
        order by g.name_key limit ${limit}`,
  )
  return rows.map(toGroup)
}

/** The groups a user is in, by name. */
export async function groupsOf(db: Queryable, userId: string): Promise<readonly Group[]> {
  const { rows } = await db.query<Row>(
    sql`select ${columns} from user_group g join group_member m using (group_id)
        where m.user_id = ${userId} order by g.name_key`,
  )
  return rows.map(toGroup)
}

/** Puts a user into a group; a second time changes nothing. @returns whether it was new */
export async function addToGroup(
  tx: Queryable,
  groupId: string,
  userId: string,
  source = 'local',
): Promise<boolean> {
  const { rows } = await tx.query(
    sql`insert into group_member (group_id, user_id, source) values (${groupId}, ${userId}, ${source})
        on conflict do nothing returning user_id`,
  )
  return rows.length > 0
}

/** Makes the groups that one source gave a user exactly these; memberships of other sources stay. */
export async function setGroupsFrom(
  tx: Queryable,
  source: string,
  userId: string,
  groupIds: readonly string[],
): Promise<void> {
  await tx.query(
    sql`delete from group_member
        where user_id = ${userId} and source = ${source} and group_id <> all(${[...groupIds]}::text[])`,
  )
  for (const groupId of groupIds) await addToGroup(tx, groupId, userId, source)
}
