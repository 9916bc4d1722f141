import { findUserById, type User } from '#directory'
import { type Context, type RequestInfo, requestInfo } from '#http'
import { type UserCaller, userCaller } from '#iam'
import { type BrowserSession, signedIn } from '#sessions'
import { begin, type Requirement, type Resume, seeOther, sessionForms } from '#signin'
import type { PortalNeeds } from './needs.ts'
import type { Nav } from './pages.ts'

/** Who looks at a page of the portal. */
export type Visitor = {
  readonly user: User
  readonly session: BrowserSession
  /** The user as the policy engine and STS see them from this browser. */
  readonly caller: UserCaller
  readonly mfaAt: Temporal.Instant | undefined
  readonly from: RequestInfo
}

/** The kind of interactions that end in the portal. */
export const portalKind = 'portal'

/** Where the portal's own sign-ins end: on the page that asked. */
export const resumePortal: Resume = async (reference, result) =>
  result.state === 'signed-in' ? reference : '/'

/** What asking who it is takes. */
export type VisitorNeeds = Pick<PortalNeeds, 'sessions' | 'database' | 'clock' | 'jar'>

/** Who is signed in; nobody is sent to sign in and comes back to `path`. */
export async function visitorOf(
  needs: VisitorNeeds,
  ctx: Context,
  path: string,
): Promise<Visitor | undefined> {
  const session = await needs.sessions.current(ctx)
  const user = session && (await findUserById(needs.database, session.userId))
  if (session === undefined || user === undefined || user.status !== 'active') {
    await askAgain(needs, ctx, path, { requireMfa: false })
    return undefined
  }
  const { mfaAt } = signedIn(session)
  return {
    user,
    session,
    mfaAt,
    caller: userCaller(user, { issuedAt: session.createdAt, mfaAt }),
    from: requestInfo(ctx),
  }
}

/** Sends the browser to prove more, and back to `path`. */
export async function askAgain(
  needs: VisitorNeeds,
  ctx: Context,
  path: string,
  requirement: Requirement,
): Promise<void> {
  seeOther(ctx, await begin(needs, { kind: portalKind, reference: path, requirement, ctx }))
}

/** The navigation, with the token of its forms. */
export const navOf = (needs: PortalNeeds, ctx: Context, user: User, current: Nav['current']): Nav => ({
  userName: user.name,
  current,
  csrf: needs.forms.token(ctx, sessionForms),
})
