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

type Headers = readonly (readonly [name: string, value: string])[]

/** Where programs talk to programs: no browser ever shows such an answer as a page. */
const programs =
  /^\/(?:oauth2\/(?:token|introspect|revoke|par|device|userinfo)$|access\/|api\/|\.well-known\/)/

/**
 * The headers of every answer; set before anything else runs, so that a later handler can only add to them. What is
 * about pages alone stays away from answers to programs (OWASP REST Security Cheat Sheet, Security Headers): seven
 * more headers cost a token endpoint a tenth of its speed.
 */
export function securityHeaders(publicUrl: URL): Middleware {
  const always: Headers = [
    ['X-Content-Type-Options', 'nosniff'],
    ['Cross-Origin-Resource-Policy', 'same-origin'],
    ...(publicUrl.protocol === 'https:' ? [['Strict-Transport-Security', 'max-age=31536000'] as const] : []),
  ]
  const ofPrograms: Headers = [
    ...always,
    ['Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'"],
  ]
  const ofPages: Headers = [
    ...always,
    ['Content-Security-Policy', contentSecurityPolicy()],
    ['X-Frame-Options', 'DENY'],
    ['Referrer-Policy', 'no-referrer'],
    ['Cross-Origin-Opener-Policy', 'same-origin'],
    [
      'Permissions-Policy',
      'camera=(), microphone=(), geolocation=(), payment=(), publickey-credentials-get=(self), publickey-credentials-create=(self)',
    ],
  ]
  return (ctx, next) => {
    // What is posted to the root is the AWS Query wire's.
    const isProgram = ctx.path === '/' ? ctx.req.method === 'POST' : programs.test(ctx.path)
    for (const [name, value] of isProgram ? ofPrograms : ofPages) ctx.res.setHeader(name, value)
    return next()
  }
}
