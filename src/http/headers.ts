import type { Middleware } from 'koa'

/**
 * The policy of every page. Nothing inline, so no nonce either, and nothing from elsewhere; `form-action 'self'` holds
 * because every form that ends at an app goes through /go/:id.
 *
 * @param formAction for the two kinds of page that post to an app themselves (SAML POST, form_post)
 */
export const contentSecurityPolicy = ({ formAction = "'self'" } = {}): string =>
  [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    `form-action ${formAction}`,
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join('; ')

/** The headers of every answer; set before anything else runs, so that a later handler can only add to them. */
export function securityHeaders(publicUrl: URL): Middleware {
  const headers: readonly (readonly [string, string])[] = [
    ['Content-Security-Policy', contentSecurityPolicy()],
    ['X-Content-Type-Options', 'nosniff'],
    ['X-Frame-Options', 'DENY'],
    ['Referrer-Policy', 'no-referrer'],
    ['Cross-Origin-Opener-Policy', 'same-origin'],
    ['Cross-Origin-Resource-Policy', 'same-origin'],
    [
      'Permissions-Policy',
      'camera=(), microphone=(), geolocation=(), payment=(), publickey-credentials-get=(self), publickey-credentials-create=(self)',
    ],
    ...(publicUrl.protocol === 'https:' ? [['Strict-Transport-Security', 'max-age=31536000'] as const] : []),
  ]
  return (ctx, next) => {
    for (const [name, value] of headers) ctx.res.setHeader(name, value)
    return next()
  }
}
