import type { Context } from '#http'
import { refuse } from '#kernel'
import type { HeaderPairs } from '#sigv4'

/** The request that a proxy asks about. */
export type Original = {
  readonly method: string
  /** In lower case, with its port where the browser sent one. */
  readonly host: string
  /** Path and query exactly as on the request line. */
  readonly target: string
  /** As the proxy hands them on, `host` being the original one. */
  readonly headers: HeaderPairs
  /** Of its body, lower-case hex, where whoever asks holds the body. */
  readonly bodySha256?: string | undefined
}

/**
 * How a proxy asks: where it writes the original request, and whether what we answer goes to the browser as it is (Traefik,
 * Caddy, Envoy) or only as its status (nginx).
 */
export type Dialect = { readonly path: string; readonly passes: boolean; read(ctx: Context): Original }

const bad = (message: string): never => refuse('malformed', 'forward-auth/headers', message)

/** A header that a proxy sets, given once. */
function one(ctx: Context, name: string): string {
  const values = ctx.req.headersDistinct[name] ?? []
  const [value = ''] = values
  return values.length === 1 && value !== ''
    ? value
    : bad(`The proxy must send the header ${name} exactly once.`)
}

/** A request about which somebody asks. @throws Failure malformed forward-auth/headers */
export function originalOf(ctx: Context, method: string, host: string, target: string): Original {
  if (!/^[A-Z]{1,20}$/.test(method)) bad('The original method is not one.')
  if (!/^[\w.:[\]-]{1,260}$/.test(host)) bad('The original host is not one.')
  if (!target.startsWith('/') || target.length > 16_384) bad('The original address is not a path.')
  const raw = ctx.req.rawHeaders
  const headers: (readonly [string, string])[] = [['host', host]]
  for (let index = 0; index < raw.length; index += 2) {
    const [name = '', value = ''] = [raw[index]?.toLowerCase(), raw[index + 1]]
    if (name !== 'host') headers.push([name, value])
  }
  return { method, host: host.toLowerCase(), target, headers }
}

const forwarded = (ctx: Context): Original =>
  originalOf(ctx, one(ctx, 'x-forwarded-method'), one(ctx, 'x-forwarded-host'), one(ctx, 'x-forwarded-uri'))

const envoyPath = '/forward-auth/envoy'

/** The proxies that are understood. */
export const dialects: readonly Dialect[] = [
  // nginx, auth_request: 2xx lets through, 401 and 403 refuse, anything else is an error.
  {
    path: '/forward-auth/nginx',
    passes: false,
    read: (ctx) =>
      originalOf(ctx, one(ctx, 'x-original-method'), one(ctx, 'x-original-host'), one(ctx, 'x-original-uri')),
  },
  { path: '/forward-auth/traefik', passes: true, read: forwarded },
  { path: '/forward-auth/caddy', passes: true, read: forwarded },
  // Envoy, ext_authz over HTTP with `path_prefix`: method, host and path are the request's own.
  {
    path: envoyPath,
    passes: true,
    read: (ctx) =>
      originalOf(ctx, ctx.method, one(ctx, 'host'), (ctx.req.url ?? '').slice(envoyPath.length) || '/'),
  },
]
