import { type Queryable, sql } from '#database'

/** That a client takes part in a browser session: by which grant, and under which `sid`. */
export type Participation = {
  readonly clientId: string
  readonly userId: string
  readonly grantId: string
  readonly sid: string
  /** Tokens with `offline_access` outlive the session they came from. */
  readonly survivesLogout: boolean
}

const columns = sql`client_id as "clientId", user_id as "userId", grant_id as "grantId", sid,
                    survives_logout as "survivesLogout"`

/** The clients of a browser session. */
export async function participationsOf(
  database: Queryable,
  family: string,
): Promise<readonly Participation[]> {
  const { rows } = await database.query<Participation>(
    sql`select ${columns} from oidc_participation where session_family = ${family}`,
  )
  return rows
}

/**
 * Lets a client take part by a grant. Of two tabs that come at once one wins, and both go on by the winner's grant.
 *
 * @param replaces the dead grant that this one takes the place of, if any
 */
export async function participate(
  database: Queryable,
  entry: Omit<Participation, 'survivesLogout'> & {
    readonly family: string
    readonly expiresAt: Temporal.Instant
    readonly replaces: string | undefined
  },
): Promise<Participation> {
  await database.query(sql`
    insert into oidc_participation (session_family, client_id, user_id, grant_id, sid, expires_at)
    values (${entry.family}, ${entry.clientId}, ${entry.userId}, ${entry.grantId}, ${entry.sid}, ${entry.expiresAt})
    on conflict (session_family, client_id) do update
       set grant_id = excluded.grant_id
     where oidc_participation.grant_id = ${entry.replaces ?? ''}`)
  const { rows } = await database.query<Participation>(sql`
    select ${columns} from oidc_participation
     where session_family = ${entry.family} and client_id = ${entry.clientId}`)
  const [row] = rows
  if (row === undefined) throw new Error('A participation vanished while it was made.')
  return row
}

/** Notes that a client holds tokens which outlive the session. */
export async function keepAfterLogout(database: Queryable, grantId: string, family: string): Promise<void> {
  await database.query(sql`
    update oidc_participation set survives_logout = true
     where session_family = ${family} and grant_id = ${grantId} and not survives_logout`)
}
