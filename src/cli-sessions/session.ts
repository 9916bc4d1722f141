import { type Queryable, sql } from '#database'
import { findUserById, passwordOf, type User } from '#directory'
import type { CliNeeds } from './needs.ts'

/** A command line that acts for a person. */
export type CliSession = {
  /** Also its name among the revocation epochs of kind `session`. */
  readonly sessionId: string
  readonly flow: 'sso' | 'login'
  readonly userId: string
  readonly userEpoch: number
  readonly browserFamily: string
  readonly clientName: string
  readonly clientHash: Buffer
  readonly keyThumbprint: string | undefined
  readonly roleId: string | undefined
  readonly ip: string
  readonly userAgent: string
  readonly authTime: Temporal.Instant
  readonly mfaAt: Temporal.Instant | undefined
  /** Number of the newest refresh token, from 0. */
  readonly generation: number
  readonly createdAt: Temporal.Instant
  readonly lastUsedAt: Temporal.Instant
  readonly expiresAt: Temporal.Instant
}

export type Row = {
  session_id: string
  flow: 'sso' | 'login'
  user_id: string
  user_epoch: number
  browser_family: string
  client_name: string
  client_hash: Buffer
  key_thumbprint: string | null
  role_id: string | null
  ip: string
  user_agent: string
  auth_time: Temporal.Instant
  mfa_at: Temporal.Instant | null
  generation: number
  created_at: Temporal.Instant
  last_used_at: Temporal.Instant
  expires_at: Temporal.Instant
}

export const columns = sql`session_id, flow, user_id, user_epoch, browser_family, client_name, client_hash, key_thumbprint,
  role_id, ip, user_agent, auth_time, mfa_at, generation, created_at, last_used_at, expires_at`

export const toSession = (row: Row): CliSession => ({
  sessionId: row.session_id,
  flow: row.flow,
  userId: row.user_id,
  userEpoch: row.user_epoch,
  browserFamily: row.browser_family,
  clientName: row.client_name,
  clientHash: row.client_hash,
  keyThumbprint: row.key_thumbprint ?? undefined,
  roleId: row.role_id ?? undefined,
  ip: row.ip,
  userAgent: row.user_agent,
  authTime: row.auth_time,
  mfaAt: row.mfa_at ?? undefined,
  generation: row.generation,
  createdAt: row.created_at,
  lastUsedAt: row.last_used_at,
  expiresAt: row.expires_at,
})

const notRevoked = ({ epochs }: { readonly epochs: Pick<CliNeeds['epochs'], 'of'> }, row: Row): boolean =>
  epochs.of('user', row.user_id) === row.user_epoch &&
  epochs.of('session', row.browser_family) === 0 &&
  epochs.of('session', row.session_id) === 0

/**
 * A session that counts, and its person: neither over nor revoked, the user active. Every path asks this.
 *
 * @throws Failure unavailable `sessions/revocations-unknown`
 */
export async function findLive(
  needs: Pick<CliNeeds, 'database' | 'clock' | 'epochs'>,
  sessionId: string,
  flow: CliSession['flow'],
): Promise<{ readonly session: CliSession; readonly user: User } | undefined> {
  const { rows } = await needs.database.query<Row>(
    sql`select ${columns} from cli_session
        where session_id = ${sessionId} and flow = ${flow} and expires_at > ${needs.clock()}`,
  )
  const [row] = rows
  await needs.epochs.requireFresh()
  if (row === undefined || !notRevoked(needs, row)) return undefined
  const user = await findUserById(needs.database, row.user_id)
  return user?.status === 'active' ? { session: toSession(row), user } : undefined
}

/** Whether a session is over because its person has a new password since: what its client tells them. */
export async function wasPasswordChanged(db: Queryable, sessionId: string): Promise<boolean> {
  const { rows } = await db.query<{ user_id: string; created_at: Temporal.Instant }>(
    sql`select user_id, created_at from cli_session where session_id = ${sessionId}`,
  )
  const [row] = rows
  const password = row && (await passwordOf(db, row.user_id))
  return (
    password !== undefined &&
    row !== undefined &&
    Temporal.Instant.compare(password.setAt, row.created_at) > 0
  )
}

/** How presenting a refresh token ended: `again` is a second presentation within the moment that clients share a cache. */
export type Rotated =
  { readonly state: 'rotated' | 'again'; readonly generation: number } | { readonly state: 'reused' }

/** Processes that share one cache file refresh at the same moment: so long the one before the newest is good. */
const leewaySeconds = 60

/**
 * Takes a refresh token of a session by its number and names the number of the next: the same again for a token that was
 * just taken. An older one was stolen, or stolen from: the session ends.
 */
export async function rotate(needs: CliNeeds, session: CliSession, generation: number): Promise<Rotated> {
  const now = needs.clock()
  const { rows } = await needs.database.query(
    sql`update cli_session set generation = generation + 1, rotated_at = ${now}, last_used_at = ${now}
        where session_id = ${session.sessionId} and generation = ${generation}
        returning generation`,
  )
  if (rows.length === 1) return { state: 'rotated', generation: generation + 1 }
  const { rows: again } = await needs.database.query(
    sql`select generation from cli_session
        where session_id = ${session.sessionId} and generation = ${generation + 1}
          and rotated_at > ${now.subtract({ seconds: leewaySeconds })}`,
  )
  if (again.length === 1) return { state: 'again', generation: generation + 1 }
  await endCliSession(needs, session.sessionId)
  return { state: 'reused' }
}

/**
 * Ends a session, and with it every role session that was taken in it.
 *
 * @param userId when given, only if it is this user's
 * @returns whether there was one
 */
export async function endCliSession(
  needs: Pick<CliNeeds, 'database' | 'epochs'>,
  sessionId: string,
  userId?: string,
): Promise<boolean> {
  return needs.database.transaction(async (tx) => {
    const { rows } = await tx.query(
      sql`delete from cli_session
          where session_id = ${sessionId} and (${userId ?? null}::text is null or user_id = ${userId ?? null}::text)
          returning session_id`,
    )
    if (rows.length === 0) return false
    await needs.epochs.raise(tx, 'session', sessionId)
    return true
  })
}

/** A user's sessions that count, the newest first. */
export async function listCliSessions(
  needs: {
    readonly database: Queryable
    readonly clock: CliNeeds['clock']
    readonly epochs: Pick<CliNeeds['epochs'], 'of'>
  },
  userId: string,
): Promise<readonly CliSession[]> {
  const { rows } = await needs.database.query<Row>(
    sql`select ${columns} from cli_session
        where user_id = ${userId} and expires_at > ${needs.clock()} order by last_used_at desc limit 100`,
  )
  return rows.filter((row) => notRevoked(needs, row)).map(toSession)
}
