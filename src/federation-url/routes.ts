import { answering, jsonWire, limitByAddress, Router } from '#http'
import { refuse } from '#kernel'
import type { FederationUrlNeeds } from './needs.ts'
import { confirmLogin, endSession, login, showSession } from './session.ts'
import { getSigninToken } from './signin-token.ts'

/** What programs call. No cookie is read. */
export function federationTokenRoutes(needs: FederationUrlNeeds): Router {
  const router = new Router()
  const wire = answering(jsonWire)
  const throttle = limitByAddress({ points: 300, seconds: 60 })
  router.post('/federation', wire, throttle, (ctx) => getSigninToken(needs, ctx))
  router.get('/federation', async (ctx, next) => {
    if (ctx.query['Action'] !== 'getSigninToken') return next()
    return wire(ctx, () => throttle(ctx, () => getSigninToken(needs, ctx)))
  })
  return router
}

/** What people see. */
export function federationPageRoutes(needs: FederationUrlNeeds): Router {
  const router = new Router()
  const throttle = limitByAddress({ points: 120, seconds: 60 })
  router.get('/federation', throttle, (ctx) =>
    ctx.query['Action'] === 'login'
      ? login(needs, ctx)
      : refuse('malformed', 'federation-url/action', 'The action must be getSigninToken or login.'),
  )
  router.post('/federation/login', throttle, (ctx) => confirmLogin(needs, ctx))
  router.get('/federation/session', (ctx) => showSession(needs, ctx))
  router.post('/federation/session/end', (ctx) => endSession(needs, ctx))
  return router
}
