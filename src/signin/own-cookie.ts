import type { IncomingMessage } from 'node:http'
import type { Context, CookieJar } from '#http'
import { randomId } from '#kernel'

const name = 'own'

/** Cookies that this very answer brings: the page that is being made may need them already. */
const fresh = new WeakMap<IncomingMessage, Map<string, string>>()

/**
 * A cookie that only one URL of ours gets back: what binds an interaction to the browser that began it. Each tab has
 * its own, so that tabs which open at the same moment in a fresh browser do not overwrite one another's.
 */
export const ownCookie = {
  /** The cookie of a path; undefined when there is none. */
  read(jar: CookieJar, ctx: Context, path: string): string | undefined {
    const value = fresh.get(ctx.req)?.get(path) ?? jar.read(ctx, name, { path })
    return value !== undefined && /^[\w-]{43}$/.test(value) ? value : undefined
  },
  /** Makes one. @returns its value, 256 random bits */
  make(jar: CookieJar, ctx: Context, path: string): string {
    const value = randomId()
    jar.write(ctx, name, value, { path, maxAgeSeconds: 86_400 })
    fresh.set(ctx.req, (fresh.get(ctx.req) ?? new Map<string, string>()).set(path, value))
    return value
  },
}
