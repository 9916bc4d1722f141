import { sha256 } from '#crypto'
import { type Queryable, sql } from '#database'
import type { Context, CookieJar } from '#http'
import { type Clock, randomId } from '#kernel'
import { ownCookie } from './own-cookie.ts'

type GoNeeds = { readonly database: Queryable; readonly clock: Clock; readonly jar: CookieJar }

const lifeMinutes = 5

/**
 * Keeps where a hand-over page leads. Browsers apply `form-action` to every redirect after a form, so a sign-in that
 * ends at an app passes through a page of ours that is no redirect (interface.md §7).
 *
 * @returns the path of the page, for this browser alone
 */
export async function createGo(needs: GoNeeds, ctx: Context, target: string): Promise<string> {
  const path = `/go/${randomId()}`
  const browser = ownCookie.make(needs.jar, ctx, path)
  await needs.database.query(
    sql`insert into signin_go (id_hash, browser_hash, target, expires_at)
        values (${sha256(path)}, ${sha256(browser)}, ${target}, ${needs.clock().add({ minutes: lifeMinutes })})`,
  )
  return path
}

/** Where a hand-over page leads, for the browser that it was made for. */
export async function findGo(needs: GoNeeds, ctx: Context, id: string): Promise<string | undefined> {
  const path = `/go/${id}`
  const browser = ownCookie.read(needs.jar, ctx, path) ?? ''
  const { rows } = await needs.database.query<{ target: string }>(
    sql`select target from signin_go
        where id_hash = ${sha256(path)} and browser_hash = ${sha256(browser)} and expires_at > ${needs.clock()}`,
  )
  return rows[0]?.target
}
