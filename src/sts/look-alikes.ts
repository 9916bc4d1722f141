import type { Middleware } from '#http'
import { refuse } from '#kernel'

/**
 * Addresses at the root that belong to AWS's clients and look like an OpenID provider's: a helpful answer instead of a
 * riddle.
 */
export const lookAlikes = (): Middleware => async (ctx, next) => {
  if (ctx.path === '/token' && ctx.method === 'POST' && ctx.is('application/json') !== 'application/json') {
    ctx.status = 400
    ctx.body = {
      error: 'invalid_request',
      error_description: 'The token endpoint of this server is /oauth2/token.',
    }
    return
  }
  if (ctx.path === '/authorize' && ctx.method === 'GET' && ctx.query['scopes'] === undefined) {
    refuse('not-found', 'sts/look-alike', 'The authorization endpoint of this server is /oauth2/authorize.')
  }
  if (ctx.path === '/logout' && ctx.method === 'GET') {
    ctx.redirect('/signout')
    ctx.status = 303
    return
  }
  await next()
}
