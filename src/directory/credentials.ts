import { type Queryable, sql } from '#database'
import { summaryColumns, toSummary, type AccessKeySummary, type SummaryRow } from './access-keys.ts'
import type { PasswordState } from './passwords.ts'
import type { User } from './users.ts'
import { nameKey, toUser, type UserRow, userColumns } from './users.ts'

/** What a user can sign in and sign requests with; `user` is absent for the root user. */
export type UserCredentials = {
  readonly user: User | undefined
  readonly password: PasswordState | undefined
  /** Oldest first. */
  readonly accessKeys: readonly AccessKeySummary[]
}

/**
 * Users of an account with what they sign in with, by name, without any secret: for the credential report.
 *
 * @param request `root`: the root user alone; `after`: the name before the first
 */
export async function listCredentials(
  db: Queryable,
  accountId: string,
  request: { root?: true; after?: string | undefined; limit?: number } = {},
): Promise<readonly UserCredentials[]> {
  if (request.root) {
    const { rows } = await db.query<SummaryRow>(
      sql`select ${summaryColumns} from access_key
          where account_id = ${accountId} and user_id is null order by created_at, access_key_id`,
    )
    return [{ user: undefined, password: undefined, accessKeys: rows.map(toSummary) }]
  }
  const { rows } = await db.query<UserRow>(
    sql`select ${userColumns} from users
        where account_id = ${accountId} and name_key > ${nameKey(request.after ?? '')}
        order by name_key limit ${request.limit ?? 100}`,
  )
  const users = rows.map(toUser)
  const ids = users.map(({ userId }) => userId)
  const { rows: keys } = await db.query<SummaryRow>(
    sql`select ${summaryColumns} from access_key
        where user_id = any(${ids}::text[]) order by created_at, access_key_id`,
  )
  const { rows: passwords } = await db.query<{
    user_id: string
    created_at: Temporal.Instant
    set_at: Temporal.Instant
    must_change: boolean
  }>(
    sql`select user_id, created_at, set_at, must_change from user_password where user_id = any(${ids}::text[])`,
  )
  const keysOf = Map.groupBy(keys, ({ user_id }) => user_id ?? '')
  const passwordOfUser = new Map(
    passwords.map(({ user_id, created_at, set_at, must_change }) => [
      user_id,
      { createdAt: created_at, setAt: set_at, mustChange: must_change },
    ]),
  )
  return users.map((user) => ({
    user,
    password: passwordOfUser.get(user.userId),
    accessKeys: (keysOf.get(user.userId) ?? []).map(toSummary),
  }))
}
