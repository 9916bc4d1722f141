import type { Middleware } from 'koa'
// The package's index loads the adapters of a dozen databases, which every start would wait for.
import RateLimiterMemory from 'rate-limiter-flexible/lib/RateLimiterMemory.js'
import { refuse } from '#kernel'
import { requestInfo } from './request.ts'

/**
 * A bound on how often one address may ask: IPv4 by address, IPv6 by its /64. Kept in memory; it protects this process.
 *
 * @throws Failure throttled http/too-many
 */
export function limitByAddress({ points, seconds }: { points: number; seconds: number }): Middleware {
  const limiter = new RateLimiterMemory({ points, duration: seconds })
  return async (ctx, next) => {
    const { ip } = requestInfo(ctx)
    const key = ip.includes(':') ? ip.split(':').slice(0, 4).join(':') : ip
    try {
      await limiter.consume(key)
    } catch {
      refuse(
        'throttled',
        'http/too-many',
        'Too many requests from your address. Wait a little and try again.',
      )
    }
    await next()
  }
}
