import { userIdentity } from '#audit'
import { type Context, type Form, requestInfo, statusOf } from '#http'
import { checkPassword, setPasswordHash } from '#directory'
import { findOrganization } from '#iam'
import { Failure, isFailure, refuse, Secret } from '#kernel'
import { enrolTotp, newRecoveryCodes, replaceRecoveryCodes, verifyMfaCode } from '#mfa'
import {
  dispatch,
  loadPending,
  sealContext,
  seeOther,
  type Standing,
  standingOf,
  stepToken,
} from './dispatcher.ts'
import { giveUp } from './finish.ts'
import { createGo } from './go.ts'
import { deviceOf } from './known-device.ts'
import type { SigninNeeds } from './needs.ts'
import { faultOfNewPassword } from './new-password.ts'
import { ownCookie } from './own-cookie.ts'
import { failedSignIn, type PasswordNeeds, tryPassword } from './password.ts'
import { passwordFaultText } from './password-rules.ts'
import { type Pending, type Progress, saveProgress } from './pending.ts'
import { openText, sealText } from './sealed-text.ts'

type AnswerNeeds = SigninNeeds & Pick<PasswordNeeds, 'buckets'>

/**
 * Takes a form of an interaction and goes back to the dispatcher. A form of another step than the present one (an old
 * page, the back button, a second click) changes nothing: the present step is shown. A refusal shows the same step
 * again with what was wrong.
 */
export async function answer(needs: AnswerNeeds, ctx: Context, id: string): Promise<void> {
  const pending = await loadPending(needs, ctx, id)
  const here = `/login/${id}`
  const binding = ownCookie.read(needs.jar, ctx, here) ?? ''
  const form = await needs.forms.read(ctx, here, { binding })
  if (pending.finished !== undefined) {
    seeOther(ctx, here)
    return
  }
  try {
    seeOther(ctx, await take(needs, ctx, pending, form))
  } catch (thrown) {
    if (!isFailure(thrown) || !shownOnPage(thrown)) throw thrown
    await dispatch(needs, ctx, await loadPending(needs, ctx, id), {
      problem: needs.pages.problem(ctx, thrown),
      status: thrown.kind === 'throttled' ? statusOf.throttled : 422,
    })
  }
}

/** Refusals that belong beside the field: the user can do better. */
const shownOnPage = (failure: Failure): boolean =>
  [
    'signin/identifier-missing',
    'signin/wrong-credentials',
    'signin/too-many-from-network',
    'crypto/hashing-busy',
    'mfa/wrong-code',
    'mfa/too-many-tries',
    'mfa/device-exists',
    'signin/password-fault',
  ].includes(failure.reason)

/** @returns where to go: the dispatcher, or out of the house */
async function take(needs: AnswerNeeds, ctx: Context, pending: Pending, form: Form): Promise<string> {
  const here = `/login/${pending.id}`
  const save = async (progress: Progress) => {
    await saveProgress(needs.database, pending.id, progress)
    return here
  }
  switch (form.get('do')) {
    case 'restart':
      return save({ proofs: [], ignoresSession: true })
    case 'give-up':
      return giveUp(needs, ctx, pending, await endingOf(needs, ctx, pending))
    case 'use-recovery-code':
      return save({ ...pending.progress, wantsRecoveryCode: true })
    case 'use-totp':
      return save({ ...pending.progress, wantsRecoveryCode: false })
    case undefined:
  }
  const standing = await standingOf(needs, ctx, pending)
  if (form.get('step') !== stepToken(needs, pending, standing.step)) return here
  const { progress } = standing.pending

  switch (standing.step) {
    case 'identify':
      return identify(needs, ctx, standing, form, save)
    case 'password':
      return password(needs, ctx, standing, form, save)
    case 'totp':
    case 'recovery-code':
      return code(needs, ctx, standing, form, save)
    case 'enrol-totp':
      return enrol(needs, ctx, standing, form, save)
    case 'new-password':
      return newPassword(needs, ctx, standing, form)
    case 'keep-codes':
      return form.get('kept') === 'yes' ? save({ ...progress, codes: undefined }) : here
    case 'done':
    case 'denied':
      return here
  }
}

type Save = (progress: Progress) => Promise<string>

async function identify(
  needs: AnswerNeeds,
  ctx: Context,
  { pending }: Standing,
  form: Form,
  save: Save,
): Promise<string> {
  const { progress } = pending
  const identifier = (form.get('identifier') ?? '').trim().slice(0, 320)
  const button = form.get('connection')
  const domain = /@([^@\s]+)$/.exec(identifier)?.[1]?.toLowerCase()
  const connection =
    button ?? (domain === undefined ? undefined : (await needs.upstream.homeConnection(domain))?.id)
  if (connection !== undefined) {
    await save({ ...progress, restarted: false })
    const target = await needs.upstream.start(ctx, {
      connection,
      pendingId: pending.id,
      loginHint: identifier === '' ? undefined : identifier,
    })
    return createGo(needs, ctx, target)
  }
  if (identifier === '')
    refuse('malformed', 'signin/identifier-missing', 'Enter your user name or mail address.')
  return save({ ...progress, identifier, restarted: false })
}

async function password(
  needs: AnswerNeeds,
  ctx: Context,
  { pending }: Standing,
  form: Form,
  save: Save,
): Promise<string> {
  const { progress } = pending
  const organization = await findOrganization(needs.database)
  const user = await tryPassword(needs, {
    accountId: organization?.homeAccountId ?? '',
    identifier: progress.identifier ?? '',
    password: form.get('password') ?? '',
    device: deviceOf(needs.jar, ctx),
    from: requestInfo(ctx),
  })
  if (user === undefined)
    refuse(
      'forbidden',
      'signin/wrong-credentials',
      'That user name and password do not match, or there were too many tries. Check both, or wait a while.',
    )
  return save({ ...progress, userId: user.userId, proofs: [proof('password', needs)] })
}

async function code(
  needs: AnswerNeeds,
  ctx: Context,
  { pending, step, user }: Standing,
  form: Form,
  save: Save,
): Promise<string> {
  if (user === undefined) throw new Error('a code without a user')
  const { progress } = pending
  try {
    const proved = await verifyMfaCode(needs, {
      userId: user.userId,
      code: form.get(step === 'totp' ? 'code' : 'recovery-code') ?? '',
      accept: step === 'totp' ? 'totp' : 'recovery-code',
    })
    return await save({
      ...progress,
      userId: user.userId,
      proofs: [...progress.proofs, proof(proved.factor, needs)],
    })
  } catch (thrown) {
    if (isFailure(thrown))
      await failedSignIn(needs, {
        name: user.name.toLowerCase(),
        from: requestInfo(ctx),
        accountId: user.accountId,
        factor: step,
      })
    throw thrown
  }
}

async function enrol(
  needs: AnswerNeeds,
  ctx: Context,
  { pending, user }: Standing,
  form: Form,
  save: Save,
): Promise<string> {
  const { progress } = pending
  if (user === undefined || progress.seed === undefined) return `/login/${pending.id}`
  const seed = new Secret(openText(needs.vault, progress.seed, sealContext(pending, 'seed')))
  const codes = newRecoveryCodes()
  const change = { user, by: userIdentity(user), request: requestInfo(ctx) }
  await needs.database.transaction(async (tx) => {
    await enrolTotp(tx, needs, { ...change, seed, code: form.get('code') ?? '' })
    await replaceRecoveryCodes(tx, needs, { ...change, codes })
  })
  return save({
    ...progress,
    userId: user.userId,
    seed: undefined,
    codes: sealText(needs.vault, codes.join('\n'), sealContext(pending, 'codes')),
    proofs: [...progress.proofs, proof('totp', needs)],
  })
}

async function newPassword(
  needs: AnswerNeeds,
  ctx: Context,
  { pending, user }: Standing,
  form: Form,
): Promise<string> {
  if (user === undefined) throw new Error('a new password without a user')
  const password = form.get('new-password') ?? ''
  const fault = await faultOfNewPassword(needs, { user, password })
  if (fault !== undefined)
    refuse('malformed', 'signin/password-fault', passwordFaultText(fault, needs.pages.texts(ctx)))
  // The one that somebody else knows must not stay.
  const { hasher, database } = needs
  const same = await checkPassword(needs, { accountId: user.accountId, identifier: user.name, password })
  if (same !== undefined) refuse('malformed', 'signin/password-fault', needs.pages.texts(ctx)('choose.same'))
  const phc = await hasher.hash(password)
  await database.transaction(async (tx) => {
    await setPasswordHash(tx, needs.clock, { userId: user.userId, phc })
    await needs.audit.record(tx, {
      source: 'iam',
      name: 'ChangePassword',
      by: userIdentity(user),
      request: requestInfo(ctx),
      accountId: user.accountId,
    })
  })
  return `/login/${pending.id}`
}

const proof = <Proved extends 'password' | 'totp' | 'recovery-code'>(factor: Proved, needs: SigninNeeds) => ({
  factor,
  at: needs.clock().toString(),
})

async function endingOf(
  needs: SigninNeeds,
  ctx: Context,
  pending: Pending,
): Promise<{ state: 'denied' | 'cancelled'; reason: string }> {
  const { step, reason } = await standingOf(needs, ctx, pending)
  return step === 'denied'
    ? { state: 'denied', reason }
    : { state: 'cancelled', reason: 'The user cancelled.' }
}
