import type { IncomingMessage } from 'node:http'
import type { Context } from '#http'
import { type BrowserSession, type Sessions, signedIn } from '#sessions'
import type { Queryable } from '#database'
import type { AdapterPayload } from 'oidc-provider'
import { asOAuth } from './failures.ts'
import type { Provider } from './library.ts'
import { type Participation, participationsOf } from './participation.ts'

/** The browser session of a request, read once per request. */
export type Browser = (ctx: Context) => Promise<BrowserSession | undefined>

/** Reads the browser session once per request. */
export function browserOf(sessions: Sessions): Browser {
  const read = new WeakMap<IncomingMessage, Promise<BrowserSession | undefined>>()
  return (ctx) => {
    let reading = read.get(ctx.req)
    if (reading === undefined) {
      reading = sessions.current(ctx)
      read.set(ctx.req, reading)
    }
    return reading
  }
}

const seconds = (at: Temporal.Instant): number => Math.floor(at.epochMilliseconds / 1000)

type LibrarySession = {
  uid: string
  accountId?: string | undefined
  loginTs?: number | undefined
  acr?: string | undefined
  amr?: string[] | undefined
  authorizations?: Authorizations | undefined
}

type Authorizations = Record<string, { grantId: string; sid: string; persistsLogout?: boolean }>

const authorizationsOf = (participations: readonly Participation[], userId: string): Authorizations =>
  Object.fromEntries(
    participations
      .filter((each) => each.userId === userId)
      .map(({ clientId, grantId, sid, survivesLogout }) => [
        clientId,
        { grantId, sid, ...(survivesLogout ? { persistsLogout: true } : {}) },
      ]),
  )

/**
 * Makes the library's session follow ours on one Provider: who is signed in, since when and how is what the browser
 * session says, whichever app or protocol it began with. A session that ended is nobody's.
 *
 * The library's own row is left with its form tokens. Its `uid` is the family of the browser session, so that all
 * tokens of one sign-in name it, and `findSession` answers for it.
 */
export function followBrowserSession(
  provider: InstanceType<typeof Provider>,
  needs: { readonly database: Queryable; readonly browser: Browser },
): void {
  const model = provider.Session as unknown as { get(ctx: Context): Promise<LibrarySession> }
  const original = model.get.bind(model)
  model.get = asOAuth(async (ctx: Context) => {
    const session = await original(ctx)
    const browser = await needs.browser(ctx)
    if (browser === undefined) {
      for (const key of ['accountId', 'loginTs', 'acr', 'amr', 'authorizations'] as const) delete session[key]
      return session
    }
    const { authTime, acr, amr } = signedIn(browser)
    session.uid = browser.family
    session.accountId = browser.userId
    session.loginTs = seconds(authTime)
    session.acr = acr
    session.amr = [...amr]
    session.authorizations = authorizationsOf(
      await participationsOf(needs.database, browser.family),
      browser.userId,
    )
    return session
  })
}

/** The session that a token is bound to, in the library's shape; undefined once the browser session is over. */
export async function findSessionByUid(
  needs: { readonly database: Queryable; readonly sessions: Sessions },
  uid: string,
): Promise<AdapterPayload | undefined> {
  const [alive, participations] = await Promise.all([
    needs.sessions.isAlive(uid),
    participationsOf(needs.database, uid),
  ])
  const userId = participations[0]?.userId
  if (!alive || userId === undefined) return undefined
  return {
    kind: 'Session',
    uid,
    accountId: userId,
    authorizations: authorizationsOf(participations, userId),
  }
}
