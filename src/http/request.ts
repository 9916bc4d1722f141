import type { IncomingMessage } from 'node:http'
import type { Context, Middleware } from 'koa'
import { type Clock, isFailure, uuid } from '#kernel'
import { addressOf, type TrustedProxies } from './address.ts'

/** Who asks, from where, when: what logs and audit events say about a request. */
export type RequestInfo = {
  readonly id: string
  readonly at: Temporal.Instant
  readonly ip: string
  readonly userAgent: string
  /** Whether the request reached us, or the proxy before us, over TLS. */
  readonly secure: boolean
}

/** The part of a logger that a request needs; every line carries the request id. */
export type RequestLog = {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** A log that can be asked whether it writes lines of a level, and otherwise writes all. */
export type EdgeLog = RequestLog & {
  child(fields: object): RequestLog
  isLevelEnabled?(level: string): boolean
}

type Held = { readonly info: RequestInfo; readonly parent: EdgeLog; log?: RequestLog }

// A property of the request, not a WeakMap beside it: the collector pays for every entry of a WeakMap, request by request.
const held = Symbol('request')
type Edged = IncomingMessage & { [held]?: Held }

const heldOf = (ctx: Context): Held => {
  const found = (ctx.req as Edged)[held]
  if (found === undefined) throw new Error('The request did not pass requestEdge.')
  return found
}

/** Whether a request passed `requestEdge`. */
export const isEdged = (ctx: Context): boolean => (ctx.req as Edged)[held] !== undefined

/** Who asks, from where, when. */
export const requestInfo = (ctx: Context): RequestInfo => heldOf(ctx).info

/** The log of this request. Made when it is first asked for: most requests have nothing to say but that they were. */
export const requestLog = (ctx: Context): RequestLog => {
  const own = heldOf(ctx)
  return (own.log ??= own.parent.child({ request: own.info.id }))
}

/** The first value of a header that is a list; empty where there is none. */
const firstOf = (header: string | string[] | undefined): string =>
  header === undefined ? '' : (String(header).split(',', 1)[0]?.trim() ?? '')

const isHostile = (url: string): boolean => url.length > 65_536 || url.includes('\0') || url.includes('%00')

/**
 * The first middleware: gives the request its id (`X-Request-ID` in the answer), its address and its log, writes one
 * line when it is answered, and answers 500 without detail when a bug comes through.
 */
export function requestEdge(needs: {
  clock: Clock
  log: EdgeLog
  proxies: TrustedProxies
  publicUrl: URL
}): Middleware {
  const secureByDefault = needs.publicUrl.protocol === 'https:'
  const writesLines = needs.log.isLevelEnabled?.('info') ?? true
  return async (ctx, next) => {
    const at = needs.clock()
    const began = writesLines ? performance.now() : 0
    const peerTrusted = needs.proxies.trusts(ctx.req.socket.remoteAddress ?? '')
    const forwardedProto = peerTrusted ? firstOf(ctx.req.headers['x-forwarded-proto']) : ''
    const info: RequestInfo = {
      id: uuid(),
      at,
      ip: addressOf(ctx.req, needs.proxies),
      // node:http refuses a header with a NUL byte.
      userAgent: (ctx.req.headers['user-agent'] ?? '').slice(0, 512),
      secure: forwardedProto === '' ? secureByDefault : forwardedProto === 'https',
    }
    ;(ctx.req as Edged)[held] = { info, parent: needs.log }
    ctx.res.setHeader('X-Request-ID', info.id)
    try {
      if (isHostile(ctx.req.url ?? '')) {
        ctx.status = 400
        ctx.body = 'The address holds a NUL byte or is too long.\n'
        return
      }
      await next()
    } catch (thrown) {
      requestLog(ctx).error(
        isFailure(thrown) ? { reason: thrown.reason, detail: thrown.detail } : { err: thrown },
        'a request failed outside its wire',
      )
      if (!ctx.headerSent) {
        ctx.status = isFailure(thrown) && thrown.kind === 'unavailable' ? 503 : 500
        ctx.type = 'text/plain'
        ctx.body = `Something went wrong on our side. Request ${info.id}.\n`
      }
    } finally {
      if (writesLines)
        requestLog(ctx).info(
          {
            method: ctx.method,
            // Ids in paths (setup links, hand-overs, interactions) open something: a log must not.
            path: ctx.path.length < 40 ? ctx.path : ctx.path.replaceAll(/[\w-]{40,}/g, ':id'),
            status: ctx.status,
            ip: info.ip,
            ms: Math.round(performance.now() - began),
          },
          'request',
        )
    }
  }
}
