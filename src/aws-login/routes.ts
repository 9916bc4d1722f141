import { answering, limitByAddress, Router } from '#http'
import { authorizeInBrowser } from './authorize.ts'
import { answerChoice, showChoice, showCode } from './choose.ts'
import type { AwsLoginNeeds } from './needs.ts'
import { createToken, notOffered } from './token.ts'
import { signinWire } from './wire.ts'

/** What programs call. */
export function awsLoginRoutes(needs: AwsLoginNeeds): Router {
  const router = new Router()
  const wire = answering(signinWire)
  const throttle = limitByAddress({ points: 600, seconds: 60 })
  router.post('/v1/token', wire, throttle, (ctx) => createToken(needs, ctx))
  router.post('/v1/introspect', wire, notOffered)
  router.post('/v1/revoke', wire, notOffered)
  return router
}

/** What people see. */
export function awsLoginPageRoutes(needs: AwsLoginNeeds): Router {
  const router = new Router()
  const few = limitByAddress({ points: 120, seconds: 60 })
  router.get('/v1/authorize', few, (ctx) => authorizeInBrowser(needs, ctx))
  router.get('/aws/login/:id', (ctx) => showChoice(needs, ctx, ctx.params['id'] ?? ''))
  router.post('/aws/login/:id', (ctx) => answerChoice(needs, ctx, ctx.params['id'] ?? ''))
  router.get('/v1/sessions/confirmation', (ctx) => showCode(needs, ctx))
  return router
}
