import type { Context } from 'koa'
import { type EdgeLog, isEdged, requestLog } from './request.ts'

/** What a connection ends with when the other side ends it; what is no HTTP any more (`HPE_…`) is not ours either. */
const endings: ReadonlySet<unknown> = new Set([
  'ECONNABORTED',
  'ECONNRESET',
  'EPIPE',
  'ERR_STREAM_DESTROYED',
  'ERR_STREAM_PREMATURE_CLOSE',
])

/** Whether something failed only because a connection was ended in the middle. */
export const isBrokenOff = (thrown: unknown): thrown is Error & { readonly code: string } =>
  thrown instanceof Error &&
  'code' in thrown &&
  (endings.has(thrown.code) || String(thrown.code).startsWith('HPE_'))

/**
 * Hears of what fails past every middleware: the connection, or the stream of an answer that has begun. For `error` of a
 * Koa application, which otherwise prints a stack to standard error. A client that went away is one line and no fault.
 */
export function logBroken(log: EdgeLog): (thrown: unknown, ctx?: Context) => void {
  // The stream of an answer, its connection and what waits for both fail one after the other.
  const heard = new WeakSet<object>()
  return (thrown, ctx) => {
    if (ctx !== undefined) {
      if (heard.has(ctx.req)) return
      heard.add(ctx.req)
    }
    const own = ctx !== undefined && isEdged(ctx) ? requestLog(ctx) : log
    if (isBrokenOff(thrown)) own.info({ reason: thrown.code }, 'a connection ended before its request did')
    else own.error({ err: thrown }, 'an answer failed on its way')
  }
}
