import { type Context, readRaw } from '#http'
import { refuse } from '#kernel'

/** What still fits into a URL that every server and proxy takes. */
const mostBytes = 7_000

/**
 * A request that may come as a form as well (OpenID Connect Core §3.1.2.1, RP-Initiated Logout §2) goes on as a GET: a
 * form from another site arrives without the Lax cookies that say who is signed in, and what follows it has them.
 *
 * @throws Failure malformed http/content-type, http/too-large
 */
export async function goOnByGet(ctx: Context): Promise<void> {
  if (ctx.is('application/x-www-form-urlencoded') !== 'application/x-www-form-urlencoded')
    refuse('malformed', 'http/content-type', 'Send the form as application/x-www-form-urlencoded.')
  // Parsed and written anew: what comes out is a query and nothing else, with whatever was given twice still twice.
  const query = new URLSearchParams((await readRaw(ctx, mostBytes)).toString()).toString()
  ctx.set('Cache-Control', 'no-store')
  ctx.status = 303
  ctx.redirect(query === '' ? ctx.path : `${ctx.path}?${query}`)
}
