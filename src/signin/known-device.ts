import { sha256 } from '#crypto'
import { type Queryable, sql } from '#database'
import type { Context, CookieJar } from '#http'
import { type Clock, randomId } from '#kernel'

/**
 * Browsers that a user has signed in with before. While somebody else guesses at the user's password, these still get
 * in: locking the user out would hand every guesser a denial of service.
 */
const cookie = 'device'
const yearSeconds = 365 * 86_400

/** This browser's device id, if it has one. */
export function deviceOf(jar: CookieJar, ctx: Context): string | undefined {
  const id = jar.read(ctx, cookie)
  return id !== undefined && /^[\w-]{43}$/.test(id) ? id : undefined
}

/** Whether the user has signed in with this device before. */
export async function isKnownDevice(
  db: Queryable,
  request: { userId: string; device: string | undefined },
): Promise<boolean> {
  if (request.device === undefined) return false
  const { rows } = await db.query(
    sql`select user_id from known_device where user_id = ${request.userId} and device_hash = ${sha256(request.device)}`,
  )
  return rows.length > 0
}

/** Notes that the user signed in with this browser. */
export async function rememberDevice(
  db: Queryable,
  needs: { jar: CookieJar; clock: Clock },
  ctx: Context,
  userId: string,
): Promise<void> {
  const device = deviceOf(needs.jar, ctx) ?? randomId()
  needs.jar.write(ctx, cookie, device, { maxAgeSeconds: yearSeconds })
  await db.query(
    sql`insert into known_device (device_hash, user_id, last_used_at)
        values (${sha256(device)}, ${userId}, ${needs.clock()})
        on conflict (user_id, device_hash) do update set last_used_at = excluded.last_used_at`,
  )
}
