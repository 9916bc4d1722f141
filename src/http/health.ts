import type { Middleware } from 'koa'

/**
 * `/healthz` and `/healthz/live`: the process answers. `/healthz/ready`: `check` resolves (the database takes a write,
 * keys are there). No authentication and no detail.
 */
export function health(check: () => Promise<void>): Middleware {
  return async (ctx, next) => {
    if (!ctx.path.startsWith('/healthz') || (ctx.method !== 'GET' && ctx.method !== 'HEAD')) return next()
    ctx.set('Cache-Control', 'no-store')
    ctx.type = 'text/plain'
    switch (ctx.path) {
      case '/healthz':
      case '/healthz/live':
        ctx.body = 'live\n'
        return undefined
      case '/healthz/ready':
        try {
          await check()
          ctx.body = 'ready\n'
        } catch {
          ctx.status = 503
          ctx.body = 'not ready\n'
        }
        return undefined
      default:
        return next()
    }
  }
}
