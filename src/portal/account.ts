import { userIdentity } from '#audit'
import { findPasswordPolicy, passwordOf, setPasswordHash } from '#directory'
import { choiceCookies, type Context, type Form, type Show } from '#http'
import { isFailure, refuse, Secret } from '#kernel'
import {
  dropTotp,
  enrolTotp,
  factorsOf,
  newRecoveryCodes,
  newTotpSeed,
  replaceRecoveryCodes,
  showTotp,
  verifyMfaCode,
} from '#mfa'
import {
  beginSession,
  createBuckets,
  deviceOf,
  faultOfNewPassword,
  mayChangePassword,
  minimumLength,
  passwordFaultText,
  seeOther,
  sessionForms,
  tryPassword,
} from '#signin'
import { signedIn } from '#sessions'
import { findOrganization } from '#iam'
import { commandLinesOf } from './command-line-list.ts'
import { deviceName } from './device-name.ts'
import type { PortalNeeds } from './needs.ts'
import type { PortalPages } from './pages.ts'
import { askAgain, navOf, type Visitor, visitorOf } from './visitor.ts'

const path = '/account'

/** What has just been done, by the name in the address. */
const notices = {
  password: 'account.done-password',
  session: 'account.done-session',
  'command-line': 'account.done-command-line',
  factor: 'account.done-factor',
  totp: 'account.done-totp',
  codes: 'account.done-codes',
} as const

type Wrong = { readonly problem: string; readonly current?: string; readonly new?: string }

/** My security: factors, password, sessions, look. */
export async function showAccount(needs: PortalNeeds, ctx: Context, wrong?: Wrong): Promise<void> {
  const visitor = await visitorOf(needs, ctx, path)
  if (visitor === undefined) return
  const { user, session } = visitor
  const t = needs.pages.texts(ctx)
  const done = Object.entries(notices).find(([name]) => ctx.querystring === `done=${name}`)
  const [factors, password, policy, sessions, commandLines] = await Promise.all([
    factorsOf(needs.database, user.userId),
    passwordOf(needs.database, user.userId),
    findPasswordPolicy(needs.database, user.accountId),
    needs.sessions.list(user.userId),
    commandLinesOf(needs, user.userId),
  ])
  const second = (at: Temporal.Instant) => at.toString({ smallestUnit: 'second' })
  const show: Show<PortalPages> = needs.pages.show
  const page: PortalPages['portal/account'] = {
    nav: navOf(needs, ctx, user, 'account'),
    userArn: user.arn,
    problem: wrong?.problem ?? null,
    notice: wrong !== undefined || done === undefined ? null : t(done[1]),
    factors: factors.totp.map(({ deviceId, serialNumber, enabledAt }) => ({
      id: deviceId,
      kind: 'totp',
      serialNumber,
      since: second(enabledAt),
    })),
    codesLeft: factors.recoveryCodesLeft,
    passwordSince: password === undefined ? null : second(password.setAt),
    minimumLength: policy?.minimumLength ?? minimumFor(factors.totp.length > 0),
    errors: {
      ...(wrong?.current === undefined ? {} : { current: wrong.current }),
      ...(wrong?.new === undefined ? {} : { new: wrong.new }),
    },
    sessions: sessions.map((each) => ({
      handle: each.family,
      current: each.family === session.family,
      device: deviceName(each.userAgent),
      address: each.ip,
      lastSeen: second(each.lastSeenAt),
      since: second(each.createdAt),
    })),
    commandLines,
    languages: needs.pages.languages.map((tag) => ({
      tag,
      name: new Intl.DisplayNames([tag], { type: 'language' }).of(tag) ?? tag,
    })),
  }
  show(ctx, 'portal/account', page, wrong === undefined ? 200 : 422)
}

const minimumFor = (hasSecondFactor: boolean): number =>
  hasSecondFactor ? minimumLength.withSecondFactor : minimumLength.alone

/** Minutes that a proof counts as fresh for a change of factors or sessions (identity.md §3.5). */
const freshMinutes = 5

/**
 * Runs a sensitive change for a visitor who has just proved to be there; who has not is asked for a code first, with what
 * was asked for carried along.
 */
export async function withFreshFactor(
  needs: PortalNeeds,
  ctx: Context,
  change: (visitor: Visitor, form: Form) => Promise<void>,
): Promise<void> {
  const visitor = await visitorOf(needs, ctx, path)
  if (visitor === undefined) return
  const form = await needs.forms.read(ctx, sessionForms)
  const { user, session } = visitor
  const { authTime } = signedIn(session)
  if (authTime.until(needs.clock()).total('minutes') <= freshMinutes) return change(visitor, form)
  const { totp } = await factorsOf(needs.database, user.userId)
  if (totp.length === 0)
    return askAgain(needs, ctx, path, { requireMfa: false, maxAgeSeconds: freshMinutes * 60 })
  const code = form.get('confirm')
  if (code === undefined) return askForCode(needs, ctx, visitor, form, null)
  try {
    const { at } = await verifyMfaCode(needs, { userId: user.userId, code, accept: 'totp' })
    const risen = await needs.database.transaction((tx) =>
      beginSession(tx, needs, ctx, { user, session, proofs: [{ factor: 'totp', at }] }),
    )
    return await change({ ...visitor, session: risen }, form)
  } catch (thrown) {
    if (!isFailure(thrown) || !thrown.reason.startsWith('mfa/')) throw thrown
    return askForCode(needs, ctx, visitor, form, needs.pages.problem(ctx, thrown))
  }
}

function askForCode(
  needs: PortalNeeds,
  ctx: Context,
  { user }: Visitor,
  form: Form,
  problem: string | null,
): void {
  const show: Show<PortalPages> = needs.pages.show
  const carried = [...form].filter(([name]) => name !== '_csrf' && name !== 'confirm')
  const page = { nav: navOf(needs, ctx, user, 'account'), action: ctx.path, problem, carried }
  show(ctx, 'portal/confirm', page, problem === null ? 200 : 422)
}

/** Removes an authenticator app. */
export const removeFactor = (needs: PortalNeeds, ctx: Context): Promise<void> =>
  withFreshFactor(needs, ctx, async ({ user, from }, form) => {
    await needs.database.transaction((tx) =>
      dropTotp(tx, needs, { user, request: from, deviceId: form.get('factor') ?? '' }),
    )
    seeOther(ctx, `${path}?done=factor`)
  })

/** Makes new recovery codes and shows them, this once. */
export const renewCodes = (needs: PortalNeeds, ctx: Context): Promise<void> =>
  withFreshFactor(needs, ctx, async (visitor) => {
    const { user, from } = visitor
    const codes = newRecoveryCodes()
    await needs.database.transaction((tx) => replaceRecoveryCodes(tx, needs, { user, request: from, codes }))
    showCodes(needs, ctx, visitor, codes, 'codes')
  })

function showCodes(
  needs: PortalNeeds,
  ctx: Context,
  { user }: Visitor,
  codes: readonly string[],
  step: 'codes' | 'totp',
): void {
  const show: Show<PortalPages> = needs.pages.show
  const nav = navOf(needs, ctx, user, 'account')
  show(ctx, 'portal/recovery-codes', { nav, codes, form: { action: '/account/kept', csrf: nav.csrf, step } })
}

/** The codes are kept: back to the page. */
export async function codesKept(needs: PortalNeeds, ctx: Context): Promise<void> {
  const form = await needs.forms.read(ctx, sessionForms)
  seeOther(ctx, `${path}?done=${form.get('step') === 'totp' ? 'totp' : 'codes'}`)
}

const seedContext = ({ user, session }: Visitor) => `portal/totp/${user.userId}/${session.family}`

/** The page that sets up an authenticator app. The new seed travels sealed in the form. */
export async function showTotpPage(
  needs: PortalNeeds,
  ctx: Context,
  again?: { seed: string; problem: string },
): Promise<void> {
  const visitor = await visitorOf(needs, ctx, '/account/totp')
  if (visitor === undefined) return
  const { user } = visitor
  const sealed =
    again?.seed ?? needs.vault.seal(newTotpSeed().reveal(), seedContext(visitor)).toString('base64')
  const organization = await findOrganization(needs.database)
  const nav = navOf(needs, ctx, user, 'account')
  const show: Show<PortalPages> = needs.pages.show
  const page: PortalPages['portal/totp'] = {
    nav,
    form: { action: '/account/totp', csrf: nav.csrf, step: sealed },
    problem: again?.problem ?? null,
    totp: showTotp(openSeed(needs, visitor, sealed), {
      issuer: organization?.name ?? 'Signet',
      label: user.name,
    }),
  }
  show(ctx, 'portal/totp', page, again === undefined ? 200 : 422)
}

/** @throws Failure malformed portal/seed for one that was not made for this session */
function openSeed(needs: PortalNeeds, visitor: Visitor, sealed: string): Secret {
  try {
    return new Secret(needs.vault.open(Buffer.from(sealed, 'base64'), seedContext(visitor)).toString())
  } catch (thrown) {
    if (!isFailure(thrown)) throw thrown
    return refuse('malformed', 'portal/seed', 'This form is too old. Open the page again.')
  }
}

/** Adds the authenticator app once its first code is right. */
export const addAuthenticator = (needs: PortalNeeds, ctx: Context): Promise<void> =>
  withFreshFactor(needs, ctx, async (visitor, form) => {
    const { user, from, session } = visitor
    const sealed = form.get('step') ?? ''
    const seed = openSeed(needs, visitor, sealed)
    const codes = newRecoveryCodes()
    try {
      await needs.database.transaction(async (tx) => {
        await enrolTotp(tx, needs, { user, request: from, seed, code: form.get('code') ?? '' })
        await replaceRecoveryCodes(tx, needs, { user, request: from, codes })
        await beginSession(tx, needs, ctx, { user, session, proofs: [{ factor: 'totp', at: needs.clock() }] })
      })
    } catch (thrown) {
      if (!isFailure(thrown) || thrown.reason !== 'mfa/wrong-code') throw thrown
      return showTotpPage(needs, ctx, { seed: sealed, problem: needs.pages.problem(ctx, thrown) })
    }
    showCodes(needs, ctx, visitor, codes, 'totp')
  })

/** Changes the password: the present one is asked for, and everything signed in elsewhere ends. */
export async function changePassword(needs: PortalNeeds, ctx: Context): Promise<void> {
  const visitor = await visitorOf(needs, ctx, path)
  if (visitor === undefined) return
  const form = await needs.forms.read(ctx, sessionForms)
  const { user, session, from, caller } = visitor
  const t = needs.pages.texts(ctx)
  if (!(await mayChangePassword(needs, { caller, from, withoutPolicy: true })))
    return showAccount(needs, ctx, { problem: t('account.password-fixed') })
  const proved = await tryPassword(
    { ...needs, buckets: createBuckets(needs) },
    {
      accountId: user.accountId,
      identifier: user.name,
      password: form.get('current') ?? '',
      device: deviceOf(needs.jar, ctx),
      from,
    },
  )
  if (proved?.userId !== user.userId) {
    const problem = t('account.wrong-current')
    return showAccount(needs, ctx, { problem, current: problem })
  }
  const password = form.get('new') ?? ''
  const fault = await faultOfNewPassword(needs, { user, password })
  if (fault !== undefined) {
    const problem = passwordFaultText(fault, t)
    return showAccount(needs, ctx, { problem, new: problem })
  }
  const phc = await needs.hasher.hash(password)
  await needs.database.transaction(async (tx) => {
    await setPasswordHash(tx, needs.clock, { userId: user.userId, phc })
    await needs.sessions.revokeAll(tx, user.userId, session.family)
    await needs.audit.record(tx, {
      source: 'iam',
      name: 'ChangePassword',
      by: userIdentity(user, { createdAt: session.createdAt, mfaAuthenticated: visitor.mfaAt !== undefined }),
      request: from,
      accountId: user.accountId,
    })
    // The change raised the user's epoch: this browser goes on under a session of the new one.
    await beginSession(tx, needs, ctx, { user, session, proofs: [{ factor: 'password', at: needs.clock() }] })
  })
  await needs.catchUp()
  seeOther(ctx, `${path}?done=password`)
}

/** Ends one session, or all of them. */
export const endSessions = (needs: PortalNeeds, ctx: Context, which: 'one' | 'all'): Promise<void> =>
  withFreshFactor(needs, ctx, async ({ user, from, session }, form) => {
    const family = form.get('session') ?? ''
    await needs.database.transaction(async (tx) => {
      if (which === 'one') await needs.sessions.revoke(tx, user.userId, family)
      else {
        await needs.sessions.revokeAll(tx, user.userId)
        await needs.endEverything(tx, user.userId)
        await needs.sessions.end(tx, ctx)
      }
      await needs.audit.record(tx, {
        source: 'signin',
        name: which === 'one' ? 'RevokeSession' : 'RevokeAllSessions',
        by: userIdentity(user, { createdAt: session.createdAt }),
        request: from,
        accountId: user.accountId,
        ...(which === 'one' ? { parameters: { session: family } } : {}),
      })
    })
    await needs.catchUp()
    seeOther(ctx, which === 'one' ? `${path}?done=session` : '/signout')
  })

/** Language and colours, kept in this browser. */
export async function changeLook(needs: PortalNeeds, ctx: Context): Promise<void> {
  const form = await needs.forms.read(ctx, sessionForms)
  const year = { maxAgeSeconds: 31_536_000 }
  const theme = form.get('theme')
  if (theme === 'light' || theme === 'dark') needs.jar.write(ctx, choiceCookies.theme, theme, year)
  else needs.jar.clear(ctx, choiceCookies.theme)
  const language = form.get('language')
  if (language !== undefined && needs.pages.languages.includes(language))
    needs.jar.write(ctx, choiceCookies.language, language, year)
  seeOther(ctx, path)
}
