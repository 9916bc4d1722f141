import { findProxyApp } from '#apps'
import type { Database } from '#database'
import { type Context, requestInfo } from '#http'
import type { BuiltInPolicies } from '#iam'
import { type Clock, refuse } from '#kernel'
import type { Sessions } from '#sessions'
import { assess, begin, type Requirement, type Resume, seeOther, type SigninNeeds } from '#signin'
import { createCode } from './sessions.ts'

/** What taking a browser session to an app's host needs. */
export type StartNeeds = {
  readonly database: Database
  readonly clock: Clock
  readonly builtInPolicies: BuiltInPolicies
  readonly sessions: Pick<Sessions, 'current'>
  readonly jar: SigninNeeds['jar']
}

/** The kind of interactions that end at an app's host. */
export const forwardAuthKind = 'forward-auth'

/** Where a browser wants to go, and the hash of what binds it. */
type Way = { readonly to: URL; readonly flowHash: Buffer }

const wrong = (): never =>
  refuse(
    'malformed',
    'forward-auth/start',
    'This sign-in does not lead to an app that is registered here. Open the app again.',
  )

/** Reads the way that a link asks for. Nothing in it is believed but what is registered. */
function wayOf(to: string | undefined, flow: string | undefined): Way {
  const url = to === undefined || to.length > 8_192 ? null : URL.parse(to)
  const flowHash = Buffer.from(flow ?? '', 'base64url')
  if (url === null || flowHash.length !== 32 || url.username !== '' || url.password !== '') return wrong()
  return { to: url, flowHash }
}

/** The app of an origin that is registered, exactly. */
async function proxiedAt(needs: Pick<StartNeeds, 'database'>, { to }: Way) {
  const proxied = await findProxyApp(needs.database, to.host)
  return proxied !== undefined && proxied.origin === to.origin && proxied.app.enabled ? proxied : wrong()
}

/**
 * `GET /forward-auth/start?to=…&flow=…`: a browser that an app's proxy sent to sign in. With a session that is enough it
 * goes back at once, with a code; else it signs in first.
 */
export async function start(
  needs: StartNeeds,
  ctx: Context,
  query: ReadonlyMap<string, string>,
): Promise<void> {
  const way = wayOf(query.get('to'), query.get('flow'))
  const { app } = await proxiedAt(needs, way)
  const mfa = query.get('mfa')
  const from = requestInfo(ctx)
  const requirement: Requirement = {
    app: { id: app.appId, name: app.name, arn: app.arn },
    requireMfa: app.requireMfa || mfa === 'once' || mfa === 'again',
    ...(mfa === 'again' ? { forceSince: from.at } : {}),
  }
  const session = await needs.sessions.current(ctx)
  const assessed = await assess(needs, { session, requirement, from })
  ctx.set('Cache-Control', 'no-store')
  if (assessed.state === 'denied') refuse('forbidden', 'forward-auth/denied', assessed.reason)
  if (assessed.state === 'satisfied') {
    const { user, session: current } = assessed
    seeOther(ctx, await leave(needs, way, { userId: user.userId, family: current.family }))
    return
  }
  const reference = JSON.stringify({ to: way.to.href, flow: query.get('flow') })
  seeOther(ctx, await begin(needs, { kind: forwardAuthKind, reference, requirement, ctx }))
}

/** signin's resumer: back to the app's host, with a code. */
export const resumeForwardAuth =
  (needs: Pick<StartNeeds, 'database' | 'clock'>): Resume =>
  async (reference, result) => {
    const { to, flow } = JSON.parse(reference) as { to: string; flow: string }
    if (result.state !== 'signed-in') return '/'
    const { user, session } = result
    return leave(needs, wayOf(to, flow), { userId: user.userId, family: session.family })
  }

/** The address at the app's host that takes the session over. */
async function leave(
  needs: Pick<StartNeeds, 'database' | 'clock'>,
  way: Way,
  arrival: { readonly userId: string; readonly family: string },
): Promise<string> {
  const { origin } = await proxiedAt(needs, way)
  const { to, flowHash } = way
  const code = await createCode(needs.database, needs.clock, { ...arrival, host: to.host, flowHash })
  const back = new URL('/.signet/callback', origin)
  back.searchParams.set('code', code)
  back.searchParams.set('to', `${to.pathname}${to.search}`)
  return back.href
}
