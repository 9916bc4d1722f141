import { type Context, contentSecurityPolicy, type Middleware, requestInfo, requestLog } from '#http'
import compose from 'koa-compose'
import type { KoaContextWithOIDC } from 'oidc-provider'
import type { Browser } from './browser.ts'
import { goOnByGet } from './by-post.ts'
import type { Clients } from './clients.ts'
import { writeNoted } from './events.ts'
import type { Provider } from './library.ts'
import type { OidcNeeds } from './needs.ts'
import { routes } from './provider.ts'
import { sharpener } from './sharpen.ts'
import { finishSignOut } from './sign-out.ts'
import { Failure, isFailure } from '#kernel'

type Providing = InstanceType<typeof Provider>

const wellKnown = [
  '/.well-known/openid-configuration',
  '/.well-known/oauth-authorization-server',
  routes.jwks,
]

const fixed = new Set<string>([
  ...Object.values(routes),
  ...wellKnown,
  `${routes.end_session}/confirm`,
  `${routes.end_session}/success`,
])

/** What takes its request as a form too. */
const byPostToo = new Set<string>([routes.authorization, routes.end_session])

/** What takes a form and nothing else (RFC 6749 §3.2, 7009 §2.1, 7662 §2.1, 8628 §3.1, 9126 §2.1). */
const byPostOnly = new Set<string>([
  routes.token,
  routes.introspection,
  routes.revocation,
  routes.device_authorization,
  routes.pushed_authorization_request,
])

const resumes = new RegExp(`^(?:${routes.authorization}|${routes.code_verification})/[\\w-]{1,64}$`)

/** What the provider answers; everything else falls through to the other slices and to our 404. */
const isProviders = (path: string): boolean => fixed.has(path) || resumes.test(path)

/**
 * Puts the current Provider behind our edge. Its middleware runs on the request's one context, which from here on
 * belongs to the Provider's application: its cookies are signed with its own keys and it trusts the forwarded headers,
 * whatever the outer application does. It sees PUBLIC_URL as its host and protocol, whoever asked under which name.
 */
export function mount(current: () => Providing, publicUrl: URL): Middleware {
  let running: { readonly provider: Providing; readonly handler: Middleware } | undefined
  const protocol = publicUrl.protocol.slice(0, -1)
  return (ctx, next) => {
    if (!isProviders(ctx.path)) return next()
    if (ctx.method === 'POST' && byPostToo.has(ctx.path)) return goOnByGet(ctx)
    if (byPostOnly.has(ctx.path) && ctx.method !== 'POST' && ctx.method !== 'OPTIONS') {
      ctx.set('Allow', 'POST')
      ctx.set('Cache-Control', 'no-store')
      ctx.status = 405
      ctx.body = { error: 'invalid_request', error_description: 'only POST is allowed here' }
      return undefined
    }
    const provider = current()
    if (running?.provider !== provider) running = { provider, handler: compose(provider.middleware) }
    const { headers } = ctx.req
    headers.host = publicUrl.host
    headers['x-forwarded-host'] = publicUrl.host
    headers['x-forwarded-proto'] = protocol
    headers['x-forwarded-for'] = requestInfo(ctx).ip
    ctx.app = ctx.request.app = ctx.response.app = provider
    return running.handler(ctx, nothingMore)
  }
}

/** What the Provider does not answer at an address of its own, nobody else does. */
const nothingMore = async (): Promise<void> => {}

/** What is done around every answer of a Provider. */
export function surround(
  provider: Providing,
  needs: OidcNeeds & { readonly browser: Browser; readonly clients: Clients },
): void {
  const sharpen = sharpener(needs)
  provider.use(async (ctx, next) => {
    try {
      if (ctx.path === routes.code_verification && (await isStrayDeviceForm(provider, ctx))) {
        await needs.wire.refuse(
          ctx,
          new Failure(
            'expired',
            'oidc/device-form',
            'This form is too old, or cookies are blocked. Open the address that your device shows again.',
          ),
        )
        return
      }
      await next()
      const { oidc } = ctx as { oidc?: KoaContextWithOIDC['oidc'] }
      if (oidc !== undefined) {
        const inside = ctx as unknown as KoaContextWithOIDC
        await sharpen(inside)
        await finishSignOut(needs, inside)
        await writeNoted(needs, inside)
        allowFormPost(inside)
      }
      // What role sessions and workloads are signed with is verified by the same document.
      if (ctx.path === routes.jwks && ctx.status === 200) ctx.body = { keys: publishedKeys(needs) }
      if (wellKnown.includes(ctx.path) && ctx.status === 200) ctx.set('Cache-Control', 'public, max-age=300')
    } catch (thrown) {
      crash(ctx, thrown)
    }
  })
}

const publishedKeys = ({ keys }: Pick<OidcNeeds, 'keys'>): readonly object[] =>
  (['oidc', 'sts'] as const).flatMap((purpose) => keys.list(purpose).map(({ publicJwk }) => publicJwk))

/** The form of a device code from a browser that was never shown it: the library would fail on it. */
async function isStrayDeviceForm(provider: Providing, ctx: Context): Promise<boolean> {
  if (ctx.method !== 'POST') return false
  const session: unknown = await provider.Session.get(ctx)
  return typeof session === 'object' && session !== null && 'new' in session && session.new === true
}

/** The page that posts a response to the app (`response_mode=form_post`) may send its form there, and only there. */
function allowFormPost(ctx: KoaContextWithOIDC): void {
  const { params } = ctx.oidc
  const target = params?.['redirect_uri']
  if (params?.['response_mode'] !== 'form_post' || typeof target !== 'string') return
  if (ctx.status === 303 || typeof ctx.body !== 'string' || !/action="https?:/.test(ctx.body)) return
  const own = ctx.response.get('content-security-policy')
  const formAction = `form-action ${new URL(target).origin}`
  ctx.set(
    'Content-Security-Policy',
    (own === '' ? contentSecurityPolicy() : own).replace(/form-action [^;]+/, formAction),
  )
}

function crash(ctx: Context, thrown: unknown): void {
  const away = isFailure(thrown) && thrown.kind === 'unavailable'
  requestLog(ctx).error(
    isFailure(thrown) ? { reason: thrown.reason, detail: thrown.detail } : { err: thrown },
    'the OpenID provider could not answer',
  )
  ctx.remove('Location')
  ctx.status = away ? 503 : 500
  ctx.set('Cache-Control', 'no-store')
  ctx.body = {
    error: away ? 'temporarily_unavailable' : 'server_error',
    error_description: away ? thrown.message : 'oops! something went wrong',
  }
}
