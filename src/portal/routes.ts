import { Router } from '#http'
import {
  addAuthenticator,
  changeLook,
  changePassword,
  codesKept,
  endSessions,
  removeFactor,
  renewCodes,
  showAccount,
  showTotpPage,
} from './account.ts'
import { showApps } from './apps.ts'
import type { PortalNeeds } from './needs.ts'
import { endCommandLine } from './command-lines.ts'
import { showAccess, showRoles, takeRole } from './roles.ts'

/** `/`, `/portal`, `/account` and what is below them. */
export function portalRoutes(needs: PortalNeeds): Router {
  const router = new Router()
  router.get('/', (ctx) => showApps(needs, ctx))
  router.get('/portal', (ctx) => showApps(needs, ctx))
  router.get('/portal/apps', (ctx) => showApps(needs, ctx))
  router.get('/portal/roles', (ctx) => showRoles(needs, ctx))
  router.post('/portal/roles/take', (ctx) => takeRole(needs, ctx))
  router.get('/portal/command-line', (ctx) => showAccess(needs, ctx))
  router.get('/account', (ctx) => showAccount(needs, ctx))
  router.get('/account/totp', (ctx) => showTotpPage(needs, ctx))
  router.post('/account/totp', (ctx) => addAuthenticator(needs, ctx))
  router.post('/account/factors/remove', (ctx) => removeFactor(needs, ctx))
  router.post('/account/recovery-codes', (ctx) => renewCodes(needs, ctx))
  router.post('/account/kept', (ctx) => codesKept(needs, ctx))
  router.post('/account/password', (ctx) => changePassword(needs, ctx))
  router.post('/account/sessions/end', (ctx) => endSessions(needs, ctx, 'one'))
  router.post('/account/sessions/end-all', (ctx) => endSessions(needs, ctx, 'all'))
  router.post('/account/command-lines/end', (ctx) => endCommandLine(needs, ctx))
  router.post('/account/look', (ctx) => changeLook(needs, ctx))
  return router
}
