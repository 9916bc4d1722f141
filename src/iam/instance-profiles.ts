import { type Queryable, sql } from '#database'
import { type Clock, refuse, uniqueId } from '#kernel'

/** A named container of one role, for machines. */
export type InstanceProfile = {
  readonly instanceProfileId: string
  readonly accountId: string
  readonly name: string
  readonly path: string
  readonly arn: string
  readonly roleId: string | undefined
  readonly tags: Readonly<Record<string, string>>
  readonly createdAt: Temporal.Instant
}

type Row = {
  instance_profile_id: string
  account_id: string
  name: string
  path: string
  role_id: string | null
  tags: string
  created_at: Temporal.Instant
}

const columns = sql`instance_profile_id, account_id, name, path, role_id, tags, created_at`

const toProfile = (row: Row): InstanceProfile => ({
  instanceProfileId: row.instance_profile_id,
  accountId: row.account_id,
  name: row.name,
  path: row.path,
  arn: `arn:aws:iam::${row.account_id}:instance-profile${row.path}${row.name}`,
  roleId: row.role_id ?? undefined,
  tags: JSON.parse(row.tags) as Record<string, string>,
  createdAt: row.created_at,
})

/** @throws Failure conflict iam/instance-profile-exists */
export async function createInstanceProfile(
  tx: Queryable,
  clock: Clock,
  profile: {
    accountId: string
    name: string
    path?: string | undefined
    tags?: Readonly<Record<string, string>> | undefined
  },
): Promise<InstanceProfile> {
  const { rows } = await tx.query<Row>(
    sql`insert into instance_profile (instance_profile_id, account_id, name, name_key, path, tags, created_at)
        values (${uniqueId('AIPA')}, ${profile.accountId}, ${profile.name}, ${profile.name.toLowerCase()},
                ${profile.path ?? '/'}, ${JSON.stringify(profile.tags ?? {})}, ${clock()})
        on conflict on constraint instance_profile_name do nothing
        returning ${columns}`,
  )
  return rows[0] === undefined
    ? refuse('conflict', 'iam/instance-profile-exists', `Instance Profile ${profile.name} already exists.`)
    : toProfile(rows[0])
}

/** The profile of a name, in any case. */
export async function findInstanceProfile(
  db: Queryable,
  accountId: string,
  name: string,
): Promise<InstanceProfile | undefined> {
  const { rows } = await db.query<Row>(
    sql`select ${columns} from instance_profile
        where account_id = ${accountId} and name_key = ${name.toLowerCase()}`,
  )
  return rows[0] === undefined ? undefined : toProfile(rows[0])
}

/** The same, with the row locked until the transaction ends. */
export async function lockInstanceProfile(
  tx: Queryable,
  accountId: string,
  name: string,
): Promise<InstanceProfile | undefined> {
  const { rows } = await tx.query<Row>(
    sql`select ${columns} from instance_profile
        where account_id = ${accountId} and name_key = ${name.toLowerCase()} for update`,
  )
  return rows[0] === undefined ? undefined : toProfile(rows[0])
}

/** Profiles in the order of their names: of an account, below a path, with a role. `after` is the name before the first. */
export async function listInstanceProfiles(
  db: Queryable,
  {
    accountId,
    pathPrefix = '/',
    roleId,
    after = '',
    limit = 100,
  }: {
    accountId: string
    pathPrefix?: string | undefined
    roleId?: string | undefined
    after?: string | undefined
    limit?: number | undefined
  },
): Promise<readonly InstanceProfile[]> {
  const { rows } = await db.query<Row>(
    sql`select ${columns} from instance_profile
        where account_id = ${accountId} and name_key > ${after.toLowerCase()}
          and starts_with(path, ${pathPrefix})
          and (${roleId ?? null}::text is null or role_id = ${roleId ?? null}::text)
        order by name_key limit ${limit}`,
  )
  return rows.map(toProfile)
}

/** The profiles that have one of these roles in them. */
export async function instanceProfilesOf(
  db: Queryable,
  roleIds: readonly string[],
): Promise<readonly InstanceProfile[]> {
  const { rows } = await db.query<Row>(
    sql`select ${columns} from instance_profile
        where role_id = any(${[...roleIds]}::text[]) order by name_key`,
  )
  return rows.map(toProfile)
}

/** How many profiles an account has. */
export async function countInstanceProfiles(db: Queryable, accountId: string): Promise<number> {
  const { rows } = await db.query<{ count: number }>(
    sql`select count(*) as count from instance_profile where account_id = ${accountId}`,
  )
  return rows[0]?.count ?? 0
}

/** Puts a role in. @throws Failure conflict iam/instance-profile-full when there is one already */
export async function addRoleToInstanceProfile(
  tx: Queryable,
  profileId: string,
  roleId: string,
): Promise<void> {
  const { rows } = await tx.query(
    sql`update instance_profile set role_id = ${roleId}
        where instance_profile_id = ${profileId} and role_id is null
        returning instance_profile_id`,
  )
  if (rows.length === 0)
    refuse(
      'conflict',
      'iam/instance-profile-full',
      'Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1',
    )
}

/** Takes a role out. @returns whether it was in */
export async function removeRoleFromInstanceProfile(
  tx: Queryable,
  profileId: string,
  roleId: string,
): Promise<boolean> {
  const { rows } = await tx.query(
    sql`update instance_profile set role_id = null
        where instance_profile_id = ${profileId} and role_id = ${roleId}
        returning instance_profile_id`,
  )
  return rows.length > 0
}

/** Makes these the profile's tags. */
export async function setInstanceProfileTags(
  tx: Queryable,
  profileId: string,
  tags: Readonly<Record<string, string>>,
): Promise<void> {
  await tx.query(
    sql`update instance_profile set tags = ${JSON.stringify(tags)} where instance_profile_id = ${profileId}`,
  )
}

/** Deletes an empty profile. @throws Failure conflict iam/instance-profile-in-use while a role is in it */
export async function deleteInstanceProfile(tx: Queryable, profileId: string): Promise<void> {
  const { rows } = await tx.query(
    sql`delete from instance_profile where instance_profile_id = ${profileId} and role_id is null
        returning instance_profile_id`,
  )
  if (rows.length === 0)
    refuse(
      'conflict',
      'iam/instance-profile-in-use',
      'Cannot delete entity, must remove roles from instance profile first.',
    )
}
