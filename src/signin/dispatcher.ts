import { findPasswordPolicy, findUserById, hasExpired, passwordOf, type User } from '#directory'
import { type Context, requestInfo, type Show } from '#http'
import { findOrganization } from '#iam'
import { isFailure, refuse, Secret } from '#kernel'
import { factorsOf, newTotpSeed, showTotp } from '#mfa'
import type { BrowserSession } from '#sessions'
import { afterFinish, finish } from './finish.ts'
import { ownCookie } from './own-cookie.ts'
import type { SigninNeeds } from './needs.ts'
import type { SigninPages, StepForm } from './pages.ts'
import { findPending, type Pending, type Progress, saveProgress } from './pending.ts'
import { assess, isFresh, mayUse } from './requirement.ts'
import { openText, sealText } from './sealed-text.ts'
import { nextStep, type Step } from './steps.ts'

/** An interaction as it stands when a request comes in. */
export type Standing = {
  readonly pending: Pending
  readonly step: Step | 'denied'
  /** This browser's session, unless the user asked to be somebody else. */
  readonly session: BrowserSession | undefined
  /** Who proved to be it. */
  readonly user: User | undefined
  readonly reason: string
}

/** What seals the secrets of an interaction. */
export const sealContext = (pending: Pending, what: 'seed' | 'codes'): string =>
  `signin_pending/${what}/${pending.reference}/${pending.id.slice(0, 8)}`

/**
 * The interaction of a URL, for the browser that has its cookie; without a cookie, for the first that opens it.
 *
 * @throws Failure expired signin/unknown-interaction
 */
export async function loadPending(needs: SigninNeeds, ctx: Context, id: string): Promise<Pending> {
  const { database, clock, jar } = needs
  const path = `/login/${id}`
  const browser = ownCookie.read(jar, ctx, path)
  const found =
    browser === undefined && ctx.method === 'GET'
      ? await findPending(database, clock, { id, browser: ownCookie.make(jar, ctx, path), claim: true })
      : await findPending(database, clock, { id, browser })
  return (
    found ??
    refuse(
      'expired',
      'signin/unknown-interaction',
      'This sign-in is over, or it was started in another browser. Go back to the app and start again.',
    )
  )
}

/** Decides what comes next from what is stored and from this browser's session. */
export async function standingOf(needs: SigninNeeds, ctx: Context, pending: Pending): Promise<Standing> {
  const { requirement } = pending
  const from = requestInfo(ctx)
  let { progress } = pending
  const session = progress.ignoresSession === true ? undefined : await needs.sessions.current(ctx)
  const standing = (step: Standing['step'], user: User | undefined, reason = ''): Standing => ({
    pending: { ...pending, progress },
    step,
    session,
    user,
    reason,
  })

  if (progress.userId === undefined && session !== undefined) {
    const assessment = await assess(needs, { session, requirement, from })
    if (assessment.state === 'satisfied') return standing('done', assessment.user)
    if (assessment.state === 'denied')
      return standing('denied', await findUserById(needs.database, session.userId), assessment.reason)
    // Signed in, and recently enough, but with too little: only what is missing is asked for.
    if (isFresh(session.authentications, requirement, needs.clock()))
      progress = { ...progress, userId: session.userId, policyWantsMfa: true }
  }
  const user = progress.userId === undefined ? undefined : await findUserById(needs.database, progress.userId)
  if (user?.status === 'disabled') refuse('forbidden', 'signin/disabled', 'This user has been switched off.')
  const proofs = [
    ...(session?.userId === user?.userId ? (session?.authentications ?? []) : []),
    ...proofsOf(progress),
  ]
  const factors = user && (await factorsOf(needs.database, user.userId))
  const age = user === undefined ? 'good' : await passwordAge(needs, user)
  if (age === 'over' && progress.proofs.some(({ factor }) => factor === 'password'))
    return standing('denied', user, needs.pages.texts(ctx)('signin.password-expired'))
  const mustChange = age === 'to-change'
  const step = nextStep(progress, requirement, factors, mustChange)
  if (step !== 'done' || user === undefined) return standing(step, user)

  const access = await mayUse(needs, { user, authentications: proofs, requirement, from })
  if (access.state === 'denied') return standing('denied', user, access.reason)
  if (access.state === 'allowed') return standing('done', user)
  progress = { ...progress, policyWantsMfa: true }
  return standing(nextStep(progress, requirement, factors, mustChange), user)
}

/**
 * What becomes of a password that was right: it is good, it is to be changed first (somebody else set it, or the
 * account's policy says it is too old), or it is over and only an administrator can help (HardExpiry).
 */
async function passwordAge(
  { database, clock }: Pick<SigninNeeds, 'database' | 'clock'>,
  user: User,
): Promise<'good' | 'to-change' | 'over'> {
  const password = await passwordOf(database, user.userId)
  if (password === undefined) return 'good'
  const policy = await findPasswordPolicy(database, user.accountId)
  if (hasExpired(policy, password.setAt, clock())) return policy?.hardExpiry === true ? 'over' : 'to-change'
  return password.mustChange ? 'to-change' : 'good'
}

/** The proofs of an interaction so far. */
export const proofsOf = (
  progress: Progress,
): readonly { factor: Progress['proofs'][number]['factor']; at: Temporal.Instant }[] =>
  progress.proofs.map(({ factor, at }) => ({ factor, at: Temporal.Instant.from(at) }))

/** The token that names the step a form is good for. */
export const stepToken = (needs: SigninNeeds, pending: Pending, step: Standing['step']): string =>
  needs.vault.mac('signin-step', `${pending.id}\n${step}`)

/**
 * Answers an interaction: the page of the next step, or the way on when there is none.
 *
 * @param problem what was wrong with the form just sent, as a sentence
 */
export async function dispatch(
  needs: SigninNeeds,
  ctx: Context,
  pending: Pending,
  { problem = null, status = 200 }: { problem?: string | null; status?: number } = {},
): Promise<void> {
  const show: Show<SigninPages> = needs.pages.show
  if (pending.finished !== undefined) {
    const on = await afterFinish(needs, ctx, pending)
    if (on === undefined) show(ctx, 'signin/go', { target: `/login/${pending.id}` })
    else seeOther(ctx, on)
    return
  }
  const standing = await standingOf(needs, ctx, pending)
  const { step, user, session } = standing
  const { progress, requirement } = standing.pending
  const t = needs.pages.texts(ctx)
  const app = requirement.app === undefined ? null : { name: requirement.app.name }
  const form: StepForm = {
    action: `/login/${pending.id}`,
    csrf: needs.forms.token(
      ctx,
      `/login/${pending.id}`,
      ownCookie.read(needs.jar, ctx, `/login/${pending.id}`),
    ),
    step: stepToken(needs, pending, step),
  }
  const asking = { form, app, problem }
  const identifier = user?.name ?? progress.identifier ?? ''

  switch (step) {
    case 'done': {
      if (user === undefined) throw new Error('done without a user')
      try {
        const proofs = proofsOf(progress)
        seeOther(ctx, await finish(needs, ctx, standing.pending, { user, session, proofs }))
      } catch (thrown) {
        // The other click was faster: its answer is this one's too.
        if (!isFailure(thrown) || thrown.reason !== 'signin/finished') throw thrown
        seeOther(ctx, `/login/${pending.id}`)
      }
      return
    }
    case 'identify': {
      const again = session !== undefined && (await findUserById(needs.database, session.userId))
      const notice =
        progress.restarted === true ? t('signin.restarted') : again ? t('signin.reauthenticate') : null
      const typed = (again ? again.name : undefined) ?? requirement.loginHint ?? ''
      const connections = await needs.upstream.buttons()
      show(ctx, 'signin/identify', { ...asking, notice, identifier: typed, connections }, status)
      return
    }
    case 'password':
      show(ctx, 'signin/password', { ...asking, identifier }, status)
      return
    case 'totp': {
      const { recoveryCodesLeft } = await factorsOf(needs.database, user?.userId ?? '')
      const page = { ...asking, identifier, hasRecoveryCodes: recoveryCodesLeft > 0 }
      show(ctx, 'signin/factor-totp', page, status)
      return
    }
    case 'recovery-code':
      show(ctx, 'signin/recovery-code', { ...asking, identifier }, status)
      return
    case 'enrol-totp': {
      const context = sealContext(pending, 'seed')
      const sealed = progress.seed ?? sealText(needs.vault, newTotpSeed().reveal(), context)
      if (progress.seed === undefined)
        await saveProgress(needs.database, pending.id, { ...progress, seed: sealed })
      const organization = await findOrganization(needs.database)
      const totp = showTotp(new Secret(openText(needs.vault, sealed, context)), {
        issuer: organization?.name ?? 'Signet',
        label: identifier,
      })
      show(ctx, 'signin/enrol-totp', { ...asking, totp }, status)
      return
    }
    case 'keep-codes': {
      const codes = openText(needs.vault, progress.codes ?? '', sealContext(pending, 'codes')).split('\n')
      show(ctx, 'signin/recovery-codes', { form, codes }, status)
      return
    }
    case 'new-password':
      show(ctx, 'signin/new-password', { ...asking, identifier }, status)
      return
    case 'denied':
      show(
        ctx,
        'signin/denied',
        { form, app, identifier, reason: standing.reason, requestId: requestInfo(ctx).id },
        403,
      )
  }
}

/** 303: whatever the method was, go there with GET. */
export function seeOther(ctx: Context, to: string): void {
  ctx.set('Cache-Control', 'no-store')
  ctx.status = 303
  ctx.redirect(to)
}
