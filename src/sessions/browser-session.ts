import { sha256 } from '#crypto'
import { type Database, type Queryable, sql } from '#database'
import { type Context, type CookieJar, requestInfo } from '#http'
import { type Clock, randomId, refuse, uuid } from '#kernel'
import type { SessionSettings } from './config.ts'
import type { Epochs } from './epochs.ts'

/** How somebody proved who they are. `upstream`: another identity provider said so. */
export type Factor = 'password' | 'totp' | 'recovery-code' | 'passkey' | 'upstream' | 'upstream-mfa'

/** One proof, and when it was given. amr and acr are derived from these, never stored. */
export type Authentication = { readonly factor: Factor; readonly at: Temporal.Instant }

/** A browser that is signed in. */
export type BrowserSession = {
  /** Names the session through all changes of its cookie: in audit events, lists and revocation. */
  readonly family: string
  readonly userId: string
  readonly authentications: readonly Authentication[]
  readonly createdAt: Temporal.Instant
  readonly lastSeenAt: Temporal.Instant
  readonly expiresAt: Temporal.Instant
  readonly ip: string
  readonly userAgent: string
}

/** What a session's proofs amount to. */
export type SignedIn = {
  /** When the person last proved to be present (OIDC `auth_time`). */
  readonly authTime: Temporal.Instant
  /** When a second factor was last given, if any. */
  readonly mfaAt: Temporal.Instant | undefined
  /** RFC 8176. */
  readonly amr: readonly string[]
  readonly acr: 'urn:signet:aal:1' | 'urn:signet:aal:2'
}

/** Browser sessions over the database and the cookie `session`. */
export type Sessions = {
  /** The session of this browser; undefined when there is none, it is over, or it was ended. */
  current(ctx: Context): Promise<BrowserSession | undefined>
  /** Signs a browser in under a new id; the old session of this browser, if any, ends. */
  begin(
    tx: Queryable,
    ctx: Context,
    user: { userId: string },
    authentications: readonly Authentication[],
  ): Promise<BrowserSession>
  /**
   * Adds proofs to this browser's session, under a new id (never keep an id across a rise of privilege). Where another tab has
   * done so since the session was read, its new id stays: the browser could get the two cookies in either order.
   *
   * @throws Failure conflict sessions/ended when it was ended meanwhile
   */
  strengthen(
    tx: Queryable,
    ctx: Context,
    session: BrowserSession,
    more: readonly Authentication[],
  ): Promise<BrowserSession>
  /** Gives a session a new id, for a browser that never got the cookie. @throws as `strengthen` */
  renew(tx: Queryable, ctx: Context, session: BrowserSession): Promise<BrowserSession>
  /** Ends this browser's session. */
  end(tx: Queryable, ctx: Context): Promise<void>
  /** Ends one session of a user; false when it was not theirs. */
  revoke(tx: Queryable, userId: string, family: string): Promise<boolean>
  /** Ends all sessions of a user but, when given, one. */
  revokeAll(tx: Queryable, userId: string, except?: string): Promise<number>
  list(userId: string): Promise<readonly BrowserSession[]>
  /** Whether a family is still signed in: asked by what was issued from it. */
  isAlive(family: string): Promise<boolean>
  /** The session of a family while it is alive, seen now: by a host of an app, which has no cookie of ours. */
  ofFamily(family: string): Promise<BrowserSession | undefined>
}

/** What a session's proofs amount to: levels and methods are derived at the moment of use. */
export function signedIn(session: { authentications: readonly Authentication[] }): SignedIn {
  const latest = (wanted: readonly Factor[]) =>
    session.authentications
      .filter(({ factor }) => wanted.includes(factor))
      .map(({ at }) => at)
      .toSorted((a, b) => Temporal.Instant.compare(b, a))[0]
  const mfaAt = latest(['totp', 'recovery-code', 'passkey', 'upstream-mfa'])
  const names: Record<Factor, readonly string[]> = {
    password: ['pwd'],
    totp: ['otp'],
    'recovery-code': ['otp'],
    passkey: ['hwk', 'user'],
    upstream: [],
    'upstream-mfa': ['mfa'],
  }
  const amr = new Set(session.authentications.flatMap(({ factor }) => names[factor]))
  if (mfaAt !== undefined) amr.add('mfa')
  return {
    authTime:
      latest(['password', 'totp', 'recovery-code', 'passkey', 'upstream', 'upstream-mfa']) ??
      Temporal.Instant.fromEpochMilliseconds(0),
    mfaAt,
    amr: [...amr],
    acr: mfaAt === undefined ? 'urn:signet:aal:1' : 'urn:signet:aal:2',
  }
}

type Row = {
  family: string
  user_id: string
  authentications: string
  created_at: Temporal.Instant
  last_seen_at: Temporal.Instant
  expires_at: Temporal.Instant
  ip: string
  user_agent: string
}

const toSession = (row: Row): BrowserSession => ({
  family: row.family,
  userId: row.user_id,
  authentications: (JSON.parse(row.authentications) as { factor: Factor; at: string }[]).map(
    ({ factor, at }) => ({
      factor,
      at: Temporal.Instant.from(at),
    }),
  ),
  createdAt: row.created_at,
  lastSeenAt: row.last_seen_at,
  expiresAt: row.expires_at,
  ip: row.ip,
  userAgent: row.user_agent,
})

const written = (authentications: readonly Authentication[]): string =>
  JSON.stringify(authentications.map(({ factor, at }) => ({ factor, at: at.toString() })))

const columns = sql`family, user_id, authentications, created_at, last_seen_at, expires_at, ip, user_agent`

/** Opens the sessions. */
export function createSessions(needs: {
  database: Database
  clock: Clock
  jar: CookieJar
  epochs: Epochs
  settings: SessionSettings
}): Sessions {
  const { database, clock, jar, epochs, settings } = needs

  /** A row counts while neither idle nor over, and not revoked. */
  const alive = (now: Temporal.Instant) =>
    sql`expires_at > ${now} and last_seen_at + make_interval(secs => idle_seconds) > ${now}`
  const notRevoked = (row: { user_id: string; user_epoch: number; family: string }) =>
    row.user_epoch === epochs.of('user', row.user_id) && epochs.of('session', row.family) === 0

  const epochNow = (userId: string) =>
    sql`coalesce((select epoch from revocation_epoch where kind = 'user' and id = ${userId}), 0)`

  /** Changes the row in its place: of several requests that do so at once each waits for the one before it. */
  async function update(
    tx: Queryable,
    ctx: Context,
    { family, userId }: BrowserSession,
    { more, isOwn }: { readonly more: readonly Authentication[]; readonly isOwn: boolean },
  ): Promise<BrowserSession> {
    const { rows } = await tx.query<Row & { id_hash: Buffer }>(
      sql`select ${columns}, id_hash from browser_session where family = ${family} for update`,
    )
    const [row] = rows
    if (row === undefined)
      refuse('conflict', 'sessions/ended', 'You were signed out meanwhile. Please sign in again.')
    const present = toSession(row)
    const authentications = [
      ...present.authentications.filter(({ factor }) => !more.some((each) => each.factor === factor)),
      ...more,
    ]
    const held = jar.read(ctx, 'session')
    const hasRisen = isOwn && held !== undefined && !sha256(held).equals(row.id_hash)
    const id = hasRisen ? undefined : randomId()
    const now = clock()
    const { ip, userAgent } = requestInfo(ctx)
    await tx.query(
      sql`update browser_session
          set id_hash = ${id === undefined ? row.id_hash : sha256(id)},
              user_epoch = ${isOwn ? epochNow(userId) : sql`user_epoch`},
              authentications = ${written(authentications)}, ip = ${ip}, user_agent = ${userAgent},
              last_seen_at = ${now}, idle_seconds = ${settings.idle_seconds}
          where family = ${family}`,
    )
    if (id !== undefined) jar.write(ctx, 'session', id)
    return { ...present, authentications, lastSeenAt: now, ip, userAgent }
  }

  const removeOwn = async (tx: Queryable, ctx: Context) => {
    const id = jar.read(ctx, 'session')
    if (id !== undefined) await tx.query(sql`delete from browser_session where id_hash = ${sha256(id)}`)
  }

  return {
    async current(ctx) {
      const id = jar.read(ctx, 'session')
      if (id === undefined || !/^[\w-]{43}$/.test(id)) return undefined
      await epochs.requireFresh()
      const now = clock()
      const { rows } = await database.query<Row & { user_epoch: number }>(
        sql`select ${columns}, user_epoch from browser_session where id_hash = ${sha256(id)} and ${alive(now)}`,
      )
      const [row] = rows
      if (row === undefined || !notRevoked(row)) return undefined
      if (row.last_seen_at.until(now).total('seconds') >= 60)
        await database.query(
          sql`update browser_session set last_seen_at = ${now} where id_hash = ${sha256(id)}`,
        )
      return toSession(row)
    },
    async begin(tx, ctx, user, authentications) {
      await removeOwn(tx, ctx)
      const now = clock()
      const id = randomId()
      const { ip, userAgent } = requestInfo(ctx)
      const session: BrowserSession = {
        family: uuid(),
        userId: user.userId,
        authentications,
        createdAt: now,
        lastSeenAt: now,
        expiresAt: now.add({ seconds: settings.absolute_seconds }),
        ip,
        userAgent,
      }
      await tx.query(
        sql`insert into browser_session (id_hash, family, user_id, user_epoch, authentications, ip, user_agent,
                                         created_at, last_seen_at, idle_seconds, expires_at)
            values (${sha256(id)}, ${session.family}, ${session.userId}, ${epochNow(user.userId)},
                    ${written(authentications)}, ${ip}, ${userAgent},
                    ${now}, ${now}, ${settings.idle_seconds}, ${session.expiresAt})`,
      )
      jar.write(ctx, 'session', id)
      return session
    },
    strengthen: (tx, ctx, session, more) => update(tx, ctx, session, { more, isOwn: true }),
    renew: (tx, ctx, session) => update(tx, ctx, session, { more: [], isOwn: false }),
    async end(tx, ctx) {
      await removeOwn(tx, ctx)
      jar.clear(ctx, 'session')
    },
    async revoke(tx, userId, family) {
      const { rows } = await tx.query(
        sql`delete from browser_session where family = ${family} and user_id = ${userId} returning family`,
      )
      if (rows.length > 0) await epochs.raise(tx, 'session', family)
      return rows.length > 0
    },
    async revokeAll(tx, userId, except) {
      const { rows } = await tx.query<{ family: string }>(
        sql`delete from browser_session where user_id = ${userId} and family <> ${except ?? ''} returning family`,
      )
      for (const { family } of rows) await epochs.raise(tx, 'session', family)
      return rows.length
    },
    async list(userId) {
      const { rows } = await database.query<Row & { user_epoch: number }>(
        sql`select ${columns}, user_epoch from browser_session
            where user_id = ${userId} and ${alive(clock())} order by last_seen_at desc limit 100`,
      )
      return rows.filter(notRevoked).map(toSession)
    },
    async ofFamily(family) {
      const now = clock()
      const { rows } = await database.query<Row & { user_epoch: number }>(
        sql`select ${columns}, user_epoch from browser_session where family = ${family} and ${alive(now)}`,
      )
      const [row] = rows
      if (row === undefined || !notRevoked(row)) return undefined
      if (row.last_seen_at.until(now).total('seconds') >= 60)
        await database.query(sql`update browser_session set last_seen_at = ${now} where family = ${family}`)
      return toSession(row)
    },
    async isAlive(family) {
      const { rows } = await database.query<Row & { user_epoch: number }>(
        sql`select ${columns}, user_epoch from browser_session where family = ${family} and ${alive(clock())}`,
      )
      return rows[0] !== undefined && notRevoked(rows[0])
    },
  }
}
