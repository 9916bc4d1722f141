import { type Queryable, sql, violatedForeignKey, violatedUnique } from '#database'
import { type Clock, refuse, uniqueId } from '#kernel'
import { nameKey, toUser, userColumns, type NameRange, type User, type UserRow } from './users.ts'

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

/** The same, with the row locked until the transaction ends. */
export async function lockGroup(tx: Queryable, accountId: string, name: string): Promise<Group | undefined> {
  const { rows } = await tx.query<Row>(
    sql`select ${columns} from user_group g
        where g.account_id = ${accountId} and g.name_key = ${nameKey(name)} for update`,
  )
  return rows[0] === undefined ? undefined : toGroup(rows[0])
}

/** Groups in the order of their names. */
export async function listGroups(
  db: Queryable,
  accountId: string,
  { after, pathPrefix = '/', limit = 100 }: Partial<NameRange> = {},
): Promise<readonly Group[]> {
  const { rows } = await db.query<Row>(
    sql`select ${columns} from user_group g
        where g.account_id = ${accountId} and g.name_key > ${after === undefined ? '' : nameKey(after)}
          and starts_with(g.path, ${pathPrefix})
        order by g.name_key limit ${limit}`,
  )
  return rows.map(toGroup)
}

/** How many groups an account has. */
export async function countGroups(db: Queryable, accountId: string): Promise<number> {
  const { rows } = await db.query<{ count: number }>(
    sql`select count(*) as count from user_group where account_id = ${accountId}`,
  )
  return rows[0]?.count ?? 0
}

/** Gives a group another name or path; its unique id stays. @throws Failure conflict directory/group-exists */
export async function updateGroup(
  tx: Queryable,
  group: Group,
  { name = group.name, path = group.path }: { name?: string | undefined; path?: string | undefined },
): Promise<void> {
  try {
    await tx.query(
      sql`update user_group set name = ${name}, name_key = ${nameKey(name)}, path = ${path}
          where group_id = ${group.groupId}`,
    )
  } catch (thrown) {
    if (violatedUnique(thrown) === undefined) throw thrown
    refuse('conflict', 'directory/group-exists', `Group with name ${name} already exists.`)
  }
}

/** Deletes a group. @throws Failure conflict directory/group-in-use while it has members */
export async function deleteGroup(tx: Queryable, groupId: string): Promise<void> {
  try {
    await tx.query(sql`delete from user_group where group_id = ${groupId}`)
  } catch (thrown) {
    if (violatedForeignKey(thrown) === undefined) throw thrown
    refuse('conflict', 'directory/group-in-use', 'Cannot delete entity, must remove users from group first.')
  }
}

/** The members of a group in the order of their names. */
export async function listMembers(
  db: Queryable,
  groupId: string,
  { after, limit }: NameRange,
): Promise<readonly User[]> {
  const { rows } = await db.query<UserRow>(
    sql`select ${userColumns} from users
        where user_id in (select user_id from group_member where group_id = ${groupId})
          and name_key > ${after === undefined ? '' : nameKey(after)}
        order by name_key limit ${limit}`,
  )
  return rows.map(toUser)
}

/** Takes a user out of a group, whoever put it there. @returns whether it was in */
export async function removeFromGroup(tx: Queryable, groupId: string, userId: string): Promise<boolean> {
  const { rows } = await tx.query(
    sql`delete from group_member where group_id = ${groupId} and user_id = ${userId} returning user_id`,
  )
  return rows.length > 0
}

/** The groups a user is in, by name. */
export async function groupsOf(db: Queryable, userId: string): Promise<readonly Group[]> {
  const { rows } = await db.query<Row>(
    sql`select ${columns} from user_group g join group_member m using (group_id)
        where m.user_id = ${userId} order by g.name_key`,
  )
  return rows.map(toGroup)
}

/** The names of the groups that each of these users is in. */
export async function groupNamesOf(
  db: Queryable,
  userIds: readonly string[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const { rows } = await db.query<{ user_id: string; name: string }>(
    sql`select m.user_id, g.name from group_member m join user_group g using (group_id)
        where m.user_id = any(${[...userIds]}::text[]) order by g.name_key`,
  )
  return new Map(
    [...Map.groupBy(rows, ({ user_id }) => user_id)].map(([id, of]) => [id, of.map(({ name }) => name)]),
  )
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
