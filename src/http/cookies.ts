import type { Context } from 'koa'
import { randomId } from '#kernel'

/**
 * Our cookies: `__Host-`, `Secure`, `HttpOnly` when the public URL is https; plain names on http://localhost. A cookie
 * with a path (one interaction's own) cannot be `__Host-` and is `__Secure-`.
 */
export type CookieJar = {
  read(ctx: Context, name: string, options?: { path?: string }): string | undefined
  /** @param maxAgeSeconds without it the cookie ends with the browser */
  write(
    ctx: Context,
    name: string,
    value: string,
    options?: { maxAgeSeconds?: number; sameSite?: 'lax' | 'strict' | 'none'; path?: string },
  ): void
  clear(ctx: Context, name: string): void
  /** A random id of this browser, made at its first visit: what pre-sign-in state and form tokens are bound to. */
  browser(ctx: Context): string
}

/** The cookie jar for a public URL. */
export function cookieJar(publicUrl: URL): CookieJar {
  const secure = publicUrl.protocol === 'https:'
  const nameOf = (name: string, path?: string) =>
    secure ? `${path === undefined ? '__Host-' : '__Secure-'}${name}` : name
  const jar: CookieJar = {
    read(ctx, name, { path } = {}) {
      const wanted = nameOf(name, path)
      const found = (ctx.get('cookie') || '')
        .split(';')
        .map((pair) => pair.trim())
        .filter((pair) => pair.startsWith(`${wanted}=`))
      // Two cookies of one name: somebody planted one. Believe neither.
      return found.length === 1 ? found[0]?.slice(wanted.length + 1) : undefined
    },
    write(ctx, name, value, { maxAgeSeconds, sameSite = 'lax', path } = {}) {
      const parts = [
        `${nameOf(name, path)}=${value}`,
        `Path=${path ?? '/'}`,
        'HttpOnly',
        `SameSite=${sameSite === 'none' && !secure ? 'Lax' : sameSite[0]?.toUpperCase() + sameSite.slice(1)}`,
      ]
      if (secure) parts.push('Secure')
      if (maxAgeSeconds !== undefined) parts.push(`Max-Age=${maxAgeSeconds}`)
      const others = ctx.response.get('set-cookie') as unknown as string | string[] | undefined
      const kept = (Array.isArray(others) ? others : others ? [others] : []).filter(
        (each) => !each.startsWith(`${nameOf(name, path)}=`) || !each.includes(`; Path=${path ?? '/'};`),
      )
      ctx.set('Set-Cookie', [...kept, parts.join('; ')])
    },
    clear(ctx, name) {
      jar.write(ctx, name, '', { maxAgeSeconds: 0 })
    },
    browser(ctx) {
      const known = jar.read(ctx, 'browser')
      if (known !== undefined && /^[\w-]{43}$/.test(known)) return known
      const made = fresh.get(ctx) ?? randomId()
      fresh.set(ctx, made)
      jar.write(ctx, 'browser', made)
      return made
    },
  }
  const fresh = new WeakMap<Context, string>()
  return jar
}
