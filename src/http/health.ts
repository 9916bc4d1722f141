import type { Context, Middleware, Next } from 'koa'

/**
 * `/healthz` and `/healthz/live`: the process answers. `/healthz/ready`: `check` resolves (the database takes a write,
 * keys are there). No authentication and no detail.
 */
export function health(check: () => Promise<void>): Middleware {
  const answer = async (ctx: Context, next: Next): Promise<unknown> => {
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
  // Every request passes here, and an asynchronous function that only passes it on is a promise and a turn more.
  return (ctx, next) =>
    (ctx.req.method === 'GET' || ctx.req.method === 'HEAD') && ctx.path.startsWith('/healthz')
      ? answer(ctx, next)
      : next()
}
