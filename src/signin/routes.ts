import { userIdentity } from '#audit'
import { findUserById } from '#directory'
import { type Context, requestInfo, Router, type Show } from '#http'
import { refuse } from '#kernel'
import { answer } from './answer.ts'
import { createBuckets } from './buckets.ts'
import { dispatch, loadPending, seeOther } from './dispatcher.ts'
import { findGo } from './go.ts'
import type { SigninNeeds } from './needs.ts'
import type { SigninPages } from './pages.ts'

/** What the forms of signed-in pages are for, as the form guard binds it. */
export const sessionForms = 'session'

/** `/login/:id`, `/go/:id`, `/signout`. */
export function signinRoutes(needs: SigninNeeds): Router {
  const router = new Router()
  const show: Show<SigninPages> = needs.pages.show
  const buckets = createBuckets(needs)
  const idOf = (ctx: Context & { params: Record<string, string> }) => ctx.params['id'] ?? ''

  router.get('/login/:id', async (ctx) => dispatch(needs, ctx, await loadPending(needs, ctx, idOf(ctx))))
  router.post('/login/:id', (ctx) => answer({ ...needs, buckets }, ctx, idOf(ctx)))

  router.get('/go/:id', async (ctx) => {
    const target = await findGo(needs, ctx, idOf(ctx))
    if (target === undefined)
      refuse(
        'expired',
        'signin/go-over',
        'This page was for one moment only. Go back to the app and try again.',
      )
    show(ctx, 'signin/go', { target })
  })

  router.get('/signout', async (ctx) => {
    const session = await needs.sessions.current(ctx)
    const user = session && (await findUserById(needs.database, session.userId))
    if (user === undefined) show(ctx, 'signin/signed-out', { told: [], notTold: [] })
    else show(ctx, 'signin/sign-out', { userName: user.name, csrf: needs.forms.token(ctx, sessionForms) })
  })
  router.post('/signout', async (ctx) => {
    await needs.forms.read(ctx, sessionForms)
    show(ctx, 'signin/signed-out', await signOut(needs, ctx))
  })
  // The address that browsers' password managers look for (W3C change-password-url).
  router.get('/.well-known/change-password', (ctx) => seeOther(ctx, '/account'))
  return router
}

/** Ends this browser's session, tells the apps, and writes it down. @returns which apps heard of it */
export async function signOut(
  needs: Pick<SigninNeeds, 'sessions' | 'signOut' | 'database' | 'audit'>,
  ctx: Context,
): Promise<{ told: readonly string[]; notTold: readonly string[] }> {
  const session = await needs.sessions.current(ctx)
  if (session === undefined) {
    await needs.database.transaction((tx) => needs.sessions.end(tx, ctx))
    return { told: [], notTold: [] }
  }
  const report = await needs.signOut(session)
  const user = await findUserById(needs.database, session.userId)
  await needs.database.transaction(async (tx) => {
    await needs.sessions.revoke(tx, session.userId, session.family)
    await needs.sessions.end(tx, ctx)
    if (user === undefined) return
    await needs.audit.record(tx, {
      source: 'signin',
      name: 'ConsoleLogout',
      by: userIdentity(user),
      request: requestInfo(ctx),
      accountId: user.accountId,
      additional: { session: session.family },
    })
  })
  return report
}
