import { type Queryable, sql, violatedForeignKey, violatedUnique } from '#database'
import { type Clock, refuse, uniqueId } from '#kernel'

/** A person or machine with a name in an account. */
export type User = {
  readonly userId: string
  readonly accountId: string
  readonly name: string
  readonly path: string
  readonly arn: string
  readonly displayName: string | undefined
  readonly mail: string | undefined
  readonly mailVerified: boolean
  readonly status: 'active' | 'disabled'
  /** ARN of the permissions boundary. */
  readonly permissionsBoundary: string | undefined
  readonly tags: Readonly<Record<string, string>>
  readonly createdAt: Temporal.Instant
  readonly passwordLastUsed: Temporal.Instant | undefined
}

export type NewUser = {
  readonly accountId: string
  readonly name: string
  readonly path?: string | undefined
  readonly displayName?: string | undefined
  readonly mail?: string | undefined
  readonly mailVerified?: boolean | undefined
  readonly permissionsBoundary?: string | undefined
  readonly tags?: Readonly<Record<string, string>> | undefined
}

/** What may change; an absent member stays, null empties. */
export type UserChanges = {
  readonly name?: string
  readonly path?: string
  readonly displayName?: string | null
  readonly mail?: string | null
  readonly mailVerified?: boolean
  readonly status?: 'active' | 'disabled'
  readonly permissionsBoundary?: string | null
  readonly tags?: Readonly<Record<string, string>>
}

/** A row of `users`. */
export type UserRow = {
  user_id: string
  account_id: string
  name: string
  path: string
  display_name: string | null
  mail: string | null
  mail_verified: boolean
  status: 'active' | 'disabled'
  permissions_boundary: string | null
  tags: string
  created_at: Temporal.Instant
  password_last_used: Temporal.Instant | null
}

/** The columns of `users`, for who selects from it. */
export const userColumns = sql`user_id, account_id, name, path, display_name, mail, mail_verified, status,
                    permissions_boundary, tags, created_at, password_last_used`

/** The user of a row. */
export const toUser = (row: UserRow): User => ({
  userId: row.user_id,
  accountId: row.account_id,
  name: row.name,
  path: row.path,
  arn: `arn:aws:iam::${row.account_id}:user${row.path}${row.name}`,
  displayName: row.display_name ?? undefined,
  mail: row.mail ?? undefined,
  mailVerified: row.mail_verified,
  status: row.status,
  permissionsBoundary: row.permissions_boundary ?? undefined,
  tags: JSON.parse(row.tags) as Record<string, string>,
  createdAt: row.created_at,
  passwordLastUsed: row.password_last_used ?? undefined,
})

/** Names and mail addresses are compared without regard to case and to how an accent is written. */
export const nameKey = (name: string): string => name.normalize('NFKC').toLowerCase()

const one = (rows: readonly UserRow[]): User | undefined =>
  rows[0] === undefined ? undefined : toUser(rows[0])

function taken(thrown: unknown, name: string, mail: string | undefined | null): never {
  const constraint = violatedUnique(thrown)
  if (constraint === 'users_name')
    refuse('conflict', 'directory/user-exists', `User with name ${name} already exists.`)
  if (constraint === 'users_mail')
    refuse(
      'conflict',
      'directory/mail-taken',
      `The mail address ${mail ?? ''} already belongs to another user.`,
    )
  throw thrown
}

/**
 * Creates a user.
 *
 * @throws Failure conflict directory/user-exists, directory/mail-taken
 */
export async function createUser(tx: Queryable, clock: Clock, user: NewUser): Promise<User> {
  try {
    const { rows } = await tx.query<UserRow>(
      sql`insert into users (user_id, account_id, name, name_key, path, display_name, mail, mail_key, mail_verified,
                             permissions_boundary, tags, created_at)
          values (${uniqueId('AIDA')}, ${user.accountId}, ${user.name}, ${nameKey(user.name)}, ${user.path ?? '/'},
                  ${user.displayName}, ${user.mail}, ${user.mail === undefined ? null : nameKey(user.mail)},
                  ${user.mailVerified ?? false}, ${user.permissionsBoundary}, ${JSON.stringify(user.tags ?? {})}, ${clock()})
          returning ${userColumns}`,
    )
    return (
      one(rows) ?? refuse('conflict', 'directory/user-exists', `User with name ${user.name} already exists.`)
    )
  } catch (thrown) {
    return taken(thrown, user.name, user.mail)
  }
}

/**
 * Changes a user. Disabling ends everything that was issued to it, by the database's own trigger.
 *
 * @throws Failure not-found directory/no-user, conflict directory/user-exists, directory/mail-taken
 */
export async function updateUser(tx: Queryable, userId: string, changes: UserChanges): Promise<User> {
  const now = await findUserById(tx, userId)
  if (now === undefined) refuse('not-found', 'directory/no-user', 'There is no such user.')
  const pick = <Value>(changed: Value | null | undefined, present: Value | undefined) =>
    changed === undefined ? (present ?? null) : changed
  const name = changes.name ?? now.name
  const mail = pick(changes.mail, now.mail)
  try {
    const { rows } = await tx.query<UserRow>(
      sql`update users
          set name = ${name}, name_key = ${nameKey(name)}, path = ${changes.path ?? now.path},
              display_name = ${pick(changes.displayName, now.displayName)},
              mail = ${mail}, mail_key = ${mail === null ? null : nameKey(mail)},
              mail_verified = ${changes.mailVerified ?? now.mailVerified},
              status = ${changes.status ?? now.status},
              permissions_boundary = ${pick(changes.permissionsBoundary, now.permissionsBoundary)},
              tags = ${JSON.stringify(changes.tags ?? now.tags)}
          where user_id = ${userId}
          returning ${userColumns}`,
    )
    return one(rows) ?? refuse('not-found', 'directory/no-user', 'There is no such user.')
  } catch (thrown) {
    return taken(thrown, name, mail)
  }
}

/**
 * Deletes a user that nothing hangs on any more.
 *
 * @throws Failure conflict directory/user-in-use while it has access keys
 */
export async function deleteUser(tx: Queryable, userId: string): Promise<void> {
  try {
    await tx.query(sql`delete from users where user_id = ${userId}`)
  } catch (thrown) {
    if (violatedForeignKey(thrown) !== undefined)
      refuse('conflict', 'directory/user-in-use', 'Cannot delete entity, must delete access keys first.')
    throw thrown
  }
}

/** The user of a unique id. */
export async function findUserById(db: Queryable, userId: string): Promise<User | undefined> {
  const { rows } = await db.query<UserRow>(sql`select ${userColumns} from users where user_id = ${userId}`)
  return one(rows)
}

/** The user of a name, in any case. */
export async function findUserByName(
  db: Queryable,
  accountId: string,
  name: string,
): Promise<User | undefined> {
  const { rows } = await db.query<UserRow>(
    sql`select ${userColumns} from users where account_id = ${accountId} and name_key = ${nameKey(name)}`,
  )
  return one(rows)
}

/** The same, with the row locked until the transaction ends: what changes it comes one after the other. */
export async function lockUser(tx: Queryable, accountId: string, name: string): Promise<User | undefined> {
  const { rows } = await tx.query<UserRow>(
    sql`select ${userColumns} from users where account_id = ${accountId} and name_key = ${nameKey(name)} for update`,
  )
  return one(rows)
}

/** What to list, and from where on: by name, below a path. */
export type NameRange = {
  /** The name of the last one that was listed. */
  readonly after?: string | undefined
  readonly pathPrefix?: string | undefined
  readonly limit: number
}

/** Users of an account in the order of their names. */
export async function listUsers(
  db: Queryable,
  accountId: string,
  { after, pathPrefix = '/', limit }: NameRange,
): Promise<readonly User[]> {
  const { rows } = await db.query<UserRow>(
    sql`select ${userColumns} from users
        where account_id = ${accountId} and name_key > ${after === undefined ? '' : nameKey(after)}
          and starts_with(path, ${pathPrefix})
        order by name_key limit ${limit}`,
  )
  return rows.map(toUser)
}

/** How many users an account has. */
export async function countUsers(db: Queryable, accountId: string): Promise<number> {
  const { rows } = await db.query<{ count: number }>(
    sql`select count(*) as count from users where account_id = ${accountId}`,
  )
  return rows[0]?.count ?? 0
}

/** What of this slice still hangs on a user, in the words of AWS's refusal to delete it; undefined when nothing does. */
export async function userHolds(db: Queryable, userId: string): Promise<string | undefined> {
  const { rows } = await db.query<{ what: string }>(
    sql`select 'remove the user from all groups' as what from group_member where user_id = ${userId}
        union all select 'delete access keys' from access_key where user_id = ${userId}
        union all select 'delete login profile' from user_password where user_id = ${userId}
        limit 1`,
  )
  return rows[0]?.what
}

/** The user whose verified mail address this is. */
export async function findUserByMail(
  db: Queryable,
  accountId: string,
  mail: string,
): Promise<User | undefined> {
  const { rows } = await db.query<UserRow>(
    sql`select ${userColumns} from users
        where account_id = ${accountId} and mail_key = ${nameKey(mail)} and mail_verified`,
  )
  return one(rows)
}

/** Whom somebody means who types a name or a mail address at sign-in. A name wins over a mail. */
export async function findUserForSignIn(
  db: Queryable,
  accountId: string,
  identifier: string,
): Promise<User | undefined> {
  const key = nameKey(identifier.trim())
  const { rows } = await db.query<UserRow>(
    sql`select ${userColumns} from users
        where account_id = ${accountId} and (name_key = ${key} or (mail_key = ${key} and mail_verified))
        order by name_key <> ${key}
        limit 1`,
  )
  return one(rows)
}

/** Active users of an account in the order of their names, from after one on. `after` is a `nameKey`. */
export async function listActiveUsers(
  db: Queryable,
  request: { accountId: string; after?: string | undefined; limit: number },
): Promise<readonly User[]> {
  const { rows } = await db.query<UserRow>(
    sql`select ${userColumns} from users
        where account_id = ${request.accountId} and status = 'active' and name_key > ${request.after ?? ''}
        order by name_key
        limit ${request.limit}`,
  )
  return rows.map(toUser)
}
