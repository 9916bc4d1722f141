import { sha256 } from '#crypto'
import { type Queryable, sql } from '#database'
import { type Clock, randomId } from '#kernel'

/** How long the way from Signet to the host may take. */
const codeSeconds = 60

/** Who came to a host, and from which browser session. */
export type Arrival = { readonly userId: string; readonly family: string }

/** A code that takes a browser session to one host, once, in the browser that began there. */
export async function createCode(
  db: Queryable,
  clock: Clock,
  request: Arrival & { readonly host: string; readonly flowHash: Uint8Array },
): Promise<string> {
  const code = randomId()
  await db.query(
    sql`insert into proxy_code (code_hash, host, flow_hash, user_id, family, expires_at)
        values (${sha256(code)}, ${request.host}, ${request.flowHash}, ${request.userId}, ${request.family},
                ${clock().add({ seconds: codeSeconds })})`,
  )
  return code
}

/** Uses a code up. Undefined when it is used, over, for another host, or another browser brings it. */
export async function takeCode(
  db: Queryable,
  clock: Clock,
  request: { readonly code: string; readonly host: string; readonly flow: string },
): Promise<Arrival | undefined> {
  const { rows } = await db.query<{ user_id: string; family: string }>(
    sql`delete from proxy_code
        where code_hash = ${sha256(request.code)} and host = ${request.host}
          and flow_hash = ${sha256(request.flow)} and expires_at > ${clock()}
        returning user_id, family`,
  )
  const [row] = rows
  return row && { userId: row.user_id, family: row.family }
}

/** Begins a session at a host. @returns the cookie's value */
export async function beginSiteSession(
  db: Queryable,
  clock: Clock,
  request: Arrival & { readonly host: string },
): Promise<string> {
  const id = randomId()
  const now = clock()
  // It ends with the browser session; this bound only tidies up.
  await db.query(
    sql`insert into proxy_session (id_hash, host, user_id, family, created_at, expires_at)
        values (${sha256(id)}, ${request.host}, ${request.userId}, ${request.family}, ${now}, ${now.add({ hours: 24 * 30 })})`,
  )
  return id
}

/** Where a session at a host came from. Whether that is still alive is for `sessions` to say. */
export async function findSiteSession(
  db: Queryable,
  clock: Clock,
  request: { readonly id: string; readonly host: string },
): Promise<Arrival | undefined> {
  const { rows } = await db.query<{ user_id: string; family: string }>(
    sql`select user_id, family from proxy_session
        where id_hash = ${sha256(request.id)} and host = ${request.host} and expires_at > ${clock()}`,
  )
  const [row] = rows
  return row && { userId: row.user_id, family: row.family }
}

/** Removes what is over. Called now and then. */
export async function sweepForwardAuth(db: Queryable, clock: Clock): Promise<void> {
  const now = clock()
  await db.query(sql`delete from proxy_code where expires_at < ${now}`)
  await db.query(
    sql`delete from proxy_session p
        where expires_at < ${now} or not exists (select from browser_session b where b.family = p.family)`,
  )
}
