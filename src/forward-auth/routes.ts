import { answering, type Context, type Middleware, readQuery, requestInfo, statusOf, type Wire } from '#http'
import { answerProxy, type ForwardAuthNeeds, identityHeaders, type Outcome } from './answer.ts'
import { type Dialect, dialects } from './original.ts'
import { start, type StartNeeds } from './start.ts'

/** A proxy reads statuses; the text is for whoever tries it by hand. */
const wire: Wire = {
  refuse(ctx, failure) {
    // nginx takes 401 and 403 for an answer, and everything else for an error.
    ctx.status = failure.kind === 'malformed' ? 403 : statusOf[failure.kind]
    say(ctx, failure.message)
  },
  crash(ctx) {
    ctx.status = 500
    say(ctx, 'Something went wrong on our side.')
  },
}

function say(ctx: Context, message: string): void {
  ctx.type = 'text/plain'
  ctx.set('Cache-Control', 'no-store')
  ctx.body = `${message}\n`
}

/**
 * `/forward-auth/{nginx,traefik,caddy,envoy}`: reverse proxies ask here about each request. Before everything that reads
 * the request as its own: its method, address and headers are another's.
 */
export function forwardAuthProxies(needs: ForwardAuthNeeds): Middleware {
  const refusing = answering(wire)
  return (ctx, next) => {
    if (!ctx.path.startsWith('/forward-auth/') || ctx.path === '/forward-auth/start') return next()
    const dialect = dialects.find(({ path }) => ctx.path === path || ctx.path.startsWith(`${path}/`))
    if (dialect === undefined) return next()
    return refusing(ctx, async () => {
      const outcome = await answerProxy(needs, { original: dialect.read(ctx), from: requestInfo(ctx) })
      write(ctx, dialect, outcome)
    })
  }
}

function write(ctx: Context, { passes }: Dialect, outcome: Outcome): void {
  // What a page of ours may load says nothing about a page of the app.
  for (const name of ['Content-Security-Policy', 'X-Frame-Options', 'Permissions-Policy']) ctx.remove(name)
  ctx.set('Cache-Control', 'no-store')
  switch (outcome.kind) {
    case 'allow':
      ctx.status = 200
      for (const name of identityHeaders) ctx.set(name, outcome.identity[name])
      ctx.body = ''
      return
    case 'go':
      for (const cookie of outcome.cookies) ctx.append('Set-Cookie', cookie)
      if (passes) {
        ctx.status = 302
        ctx.set('Location', outcome.location)
      } else {
        ctx.status = 401
        ctx.set('X-Signet-Location', outcome.location)
      }
      ctx.body = ''
      return
    case 'deny':
      ctx.status = outcome.status === 400 && !passes ? 403 : outcome.status
      if (outcome.status === 401) ctx.set('WWW-Authenticate', 'Bearer')
      say(ctx, outcome.message)
      return
    default:
      outcome satisfies never
  }
}

/** `/forward-auth/start`, on Signet's own origin. */
export const forwardAuthStart =
  (needs: StartNeeds): Middleware =>
  async (ctx, next) =>
    ctx.path === '/forward-auth/start' && ctx.method === 'GET' ? start(needs, ctx, readQuery(ctx)) : next()
