import { userIdentity } from '#audit'
import { requestInfo } from '#http'
import { findUserById } from '#directory'
import type { KoaContextWithOIDC } from 'oidc-provider'
import type { Browser } from './browser.ts'
import type { OidcNeeds } from './needs.ts'

/**
 * After the person confirmed an app's sign-out: ends the browser session, for all apps. The form's way back to the app
 * becomes a page of its own, because a form may not lead to another origin (`form-action 'self'`).
 */
export async function finishSignOut(
  needs: Pick<OidcNeeds, 'database' | 'sessions' | 'audit' | 'show' | 'publicUrl'> & {
    readonly browser: Browser
  },
  ctx: KoaContextWithOIDC,
): Promise<void> {
  if (ctx.oidc.route !== 'end_session_confirm') return
  const browser = await needs.browser(ctx)
  const { destroyed } = ctx.oidc.session as { destroyed?: boolean }
  if (destroyed === true && browser !== undefined)
    await needs.database.transaction(async (tx) => {
      await needs.sessions.revoke(tx, browser.userId, browser.family)
      await needs.sessions.end(tx, ctx)
      const user = await findUserById(tx, browser.userId)
      if (user !== undefined)
        await needs.audit.record(tx, {
          source: 'signin',
          name: 'Logout',
          by: userIdentity(user),
          request: requestInfo(ctx),
          parameters: { client_id: ctx.oidc.client?.clientId },
        })
    })

  const target = ctx.response.get('location')
  if (ctx.status !== 303 || target.startsWith(`${needs.publicUrl.origin}/`)) return
  ctx.remove('Location')
  needs.show(ctx, 'signin/go', { target })
}
