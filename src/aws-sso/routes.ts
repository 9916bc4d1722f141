import { answering, limitByAddress, Router } from '#http'
import { answerRequest, authorizeInBrowser, showRequest } from './authorize.ts'
import { authorizeDevice } from './device-authorization.ts'
import { answerDevice, showDevice } from './device-page.ts'
import type { AwsSsoNeeds } from './needs.ts'
import { listOwnAccounts, listOwnRoles, logout, roleCredentials } from './portal.ts'
import { register } from './register.ts'
import { createToken } from './token.ts'
import { portalWire, ssoOidcWire } from './wire.ts'

/** What programs call. No cookie is read, no CORS answered, and a signature that comes along is not looked at. */
export function awsSsoRoutes(needs: AwsSsoNeeds): Router {
  const router = new Router()
  const oidc = answering(ssoOidcWire)
  const portal = answering(portalWire)
  const few = limitByAddress({ points: 300, seconds: 60 })
  const polls = limitByAddress({ points: 600, seconds: 60 })

  router.post('/client/register', oidc, few, (ctx) => register(needs, ctx))
  router.post('/device_authorization', oidc, few, (ctx) => authorizeDevice(needs, ctx))
  router.post('/token', async (ctx, next) => {
    // A form is meant for /oauth2/token, and is told so further down.
    if (ctx.is('application/x-www-form-urlencoded') !== false && ctx.get('content-type') !== '') return next()
    return oidc(ctx, () => polls(ctx, () => createToken(needs, ctx)))
  })
  router.get('/assignment/accounts', portal, polls, (ctx) => listOwnAccounts(needs, ctx))
  router.get('/assignment/roles', portal, polls, (ctx) => listOwnRoles(needs, ctx))
  router.get('/federation/credentials', portal, polls, (ctx) => roleCredentials(needs, ctx))
  router.post('/logout', portal, polls, (ctx) => logout(needs, ctx))
  return router
}

/** What people see. */
export function awsSsoPageRoutes(needs: AwsSsoNeeds): Router {
  const router = new Router()
  const few = limitByAddress({ points: 120, seconds: 60 })
  router.get('/authorize', async (ctx, next) =>
    ctx.query['scopes'] === undefined ? next() : few(ctx, () => authorizeInBrowser(needs, ctx)),
  )
  router.get('/aws/approve/:id', (ctx) => showRequest(needs, ctx, ctx.params['id'] ?? ''))
  router.post('/aws/approve/:id', (ctx) => answerRequest(needs, ctx, ctx.params['id'] ?? ''))
  router.get('/aws/device', (ctx) => showDevice(needs, ctx))
  router.post('/aws/device', (ctx) => answerDevice(needs, ctx))
  return router
}
