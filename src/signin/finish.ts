import { userIdentity } from '#audit'
import type { Queryable } from '#database'
import type { User } from '#directory'
import { type Context, requestInfo } from '#http'
import { refuse } from '#kernel'
import { type Authentication, type BrowserSession, signedIn } from '#sessions'
import { createGo } from './go.ts'
import { rememberDevice } from './known-device.ts'
import type { SigninNeeds, SignInResult } from './needs.ts'
import { finishPending, type Pending, saveResult, saveSession } from './pending.ts'

type FinishNeeds = Omit<SigninNeeds, 'upstream' | 'pages' | 'forms' | 'signOut'>

/** Signs a browser in and writes it down: under a new session id, whoever was signed in before. */
export async function beginSession(
  tx: Queryable,
  needs: Pick<SigninNeeds, 'sessions' | 'audit' | 'jar' | 'clock'>,
  ctx: Context,
  request: {
    readonly user: User
    readonly proofs: readonly Authentication[]
    /** The session that rises, if this browser has one of this user. */
    readonly session?: BrowserSession | undefined
    readonly app?: string | undefined
  },
): Promise<BrowserSession> {
  const { user, proofs } = request
  const session =
    request.session?.userId === user.userId
      ? await needs.sessions.strengthen(tx, ctx, request.session, proofs)
      : await needs.sessions.begin(tx, ctx, user, proofs)
  const { amr, acr, mfaAt } = signedIn(session)
  await needs.audit.record(tx, {
    source: 'signin',
    name: 'ConsoleLogin',
    by: userIdentity(user),
    request: requestInfo(ctx),
    accountId: user.accountId,
    response: { ConsoleLogin: 'Success' },
    additional: {
      MFAUsed: mfaAt === undefined ? 'No' : 'Yes',
      amr,
      acr,
      factors: proofs.map(({ factor }) => factor),
      session: session.family,
      app: request.app,
    },
  })
  await rememberDevice(tx, needs, ctx, user.userId)
  return session
}

/**
 * Ends an interaction well: a session with what was proved, then on to whoever asked.
 *
 * @param proofs what is new; none when the session was enough as it is
 * @returns the path to send the browser to
 */
export async function finish(
  needs: FinishNeeds,
  ctx: Context,
  pending: Pending,
  request: {
    readonly user: User
    readonly proofs: readonly Authentication[]
    readonly session: BrowserSession | undefined
  },
): Promise<string> {
  const { user, proofs } = request
  const session = await needs.database.transaction(async (tx) => {
    // First of all: of two clicks on one button, the later one must leave nothing, not even a cookie.
    if (!(await finishPending(tx, needs.clock, pending.id)))
      refuse('conflict', 'signin/finished', 'This sign-in has just been finished.')
    const session =
      request.session !== undefined && proofs.length === 0
        ? request.session
        : await beginSession(tx, needs, ctx, { ...request, app: pending.requirement.app?.arn })
    await saveSession(tx, pending.id, session)
    return session
  })
  return handOver(needs, ctx, pending, { state: 'signed-in', user, session })
}

/** Ends an interaction without a sign-in. */
export async function giveUp(
  needs: FinishNeeds,
  ctx: Context,
  pending: Pending,
  result: Extract<SignInResult, { reason: string }>,
): Promise<string> {
  if (!(await finishPending(needs.database, needs.clock, pending.id))) return `/login/${pending.id}`
  return handOver(needs, ctx, pending, result)
}

async function handOver(
  needs: FinishNeeds,
  ctx: Context,
  pending: Pending,
  result: SignInResult,
): Promise<string> {
  const resume = needs.resumers[pending.kind]
  if (resume === undefined) throw new Error(`nobody resumes interactions of the kind "${pending.kind}"`)
  const target = await resume(pending.reference, result, ctx)
  await saveResult(needs.database, pending.id, target)
  return leave(needs, ctx, pending.kind, target)
}

/** The way out: our own pages directly, everything else by the hand-over page. */
function leave(needs: FinishNeeds, ctx: Context, kind: string, target: string): Promise<string> | string {
  if (kind === 'portal') return target
  return createGo(needs, ctx, target)
}

/**
 * Where a browser goes that comes back to a finished interaction: a second click, the back button. The answer to its
 * first click may never have reached it, and with it the session's cookie: then the session gets a new id for it.
 *
 * @returns undefined while the first click is still being answered
 */
export async function afterFinish(
  needs: FinishNeeds,
  ctx: Context,
  pending: Pending,
): Promise<string | undefined> {
  const { finished } = pending
  if (finished === undefined) return undefined
  const secondsAgo = finished.at.until(needs.clock()).total('seconds')
  if (finished.resultUrl === undefined) {
    // Whoever asked refused to go on, and said so to the first click.
    if (secondsAgo > 10)
      refuse(
        'expired',
        'signin/unknown-interaction',
        'This sign-in is over. Go back to the app and start again.',
      )
    return undefined
  }
  const { session: ended } = finished
  const justNow = secondsAgo < 60
  if (ended !== undefined && justNow && (await needs.sessions.current(ctx)) === undefined) {
    const session = (await needs.sessions.list(ended.userId)).find(({ family }) => family === ended.family)
    if (session !== undefined)
      await needs.database.transaction((tx) => needs.sessions.renew(tx, ctx, session))
  }
  return leave(needs, ctx, pending.kind, finished.resultUrl)
}
