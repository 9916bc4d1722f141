import type { PasswordHasher } from '#crypto'
import { type Context, type FormGuard, type Middleware, type PageSender, Router, type Show } from '#http'
import { findOrganization } from '#iam'
import { isFailure, Secret } from '#kernel'
import { newRecoveryCodes, showTotp, totpStepOf } from '#mfa'
import { seeOther } from '#signin'
import { claim, type ClaimNeeds } from './claim.ts'
import { type Draft, findSetupLink, saveDraft } from './link.ts'
import type { SetupPages } from './pages.ts'
import { readWelcome, type WelcomeAnswer } from './welcome.ts'

/** What the wizard takes. */
export type SetupNeeds = ClaimNeeds & {
  readonly hasher: PasswordHasher
  readonly forms: FormGuard
  readonly pages: PageSender
}

/** The token lives in a cookie of this path, not in the address bar. */
const path = '/setup'
const cookie = 'setup'

/** `/setup/:token` and `/setup`: the wizard, whose three forms are one claim at the end. */
export function setupRoutes(needs: SetupNeeds): Router {
  const router = new Router()
  const show: Show<SetupPages> = needs.pages.show

  router.get('/setup/:token', async (ctx) => {
    const token = ctx.params['token'] ?? ''
    const link = await findSetupLink(needs, token)
    if (link.state !== 'open') {
      show(ctx, 'setup/stale-link', { why: link.state }, 410)
      return
    }
    needs.jar.write(ctx, cookie, token, { path, maxAgeSeconds: 7_200 })
    seeOther(ctx, path)
  })

  router.get('/setup', (ctx) => wizard(needs, ctx))
  router.post('/setup', (ctx) => take(needs, ctx))
  return router
}

/** Shows the step that the draft has come to. */
async function wizard(
  needs: SetupNeeds,
  ctx: Context,
  {
    problem = null,
    welcome,
  }: { problem?: string | null; welcome?: Extract<WelcomeAnswer, { state: 'wrong' }> } = {},
): Promise<void> {
  const show: Show<SetupPages> = needs.pages.show
  const token = needs.jar.read(ctx, cookie, { path })
  const link = token === undefined ? undefined : await findSetupLink(needs, token)
  if (token === undefined || link === undefined) {
    if ((await findOrganization(needs.database)) === undefined) show(ctx, 'setup/unclaimed', {})
    else show(ctx, 'setup/stale-link', { why: 'claimed' }, 410)
    return
  }
  if (link.state !== 'open') {
    show(ctx, 'setup/stale-link', { why: link.state }, 410)
    return
  }
  const { draft } = link
  const step = stepOf(draft)
  const form = { action: path, csrf: needs.forms.token(ctx, path, token), step }
  const status = problem === null && welcome === undefined ? 200 : 422
  if (step === 'welcome') {
    const { errors = {}, strength = null } = welcome ?? {}
    const values = welcome?.values ?? { organization: '', userName: '', mail: '' }
    show(ctx, 'setup/welcome', { form, errors, values, strength }, status)
  } else if (draft === undefined || step === 'totp') {
    const totp = showTotp(new Secret(draft?.seed ?? ''), {
      issuer: draft?.organization ?? '',
      label: draft?.userName ?? '',
    })
    show(ctx, 'setup/totp', { form, problem, totp }, status)
  } else show(ctx, 'setup/recovery-codes', { form, codes: draft.codes ?? [] }, status)
}

const stepOf = (draft: Draft | undefined): 'welcome' | 'totp' | 'codes' =>
  draft === undefined ? 'welcome' : draft.codes === undefined ? 'totp' : 'codes'

/** Takes the form of the present step; one of another step changes nothing. */
async function take(needs: SetupNeeds, ctx: Context): Promise<void> {
  const token = needs.jar.read(ctx, cookie, { path }) ?? ''
  const form = await needs.forms.read(ctx, path, { binding: token })
  const link = await findSetupLink(needs, token)
  if (link.state !== 'open' || form.get('step') !== stepOf(link.draft)) {
    seeOther(ctx, path)
    return
  }
  const { draft } = link
  if (draft === undefined) {
    const answer = await readWelcome(needs, form, needs.pages.texts(ctx))
    if (answer.state === 'wrong') return wizard(needs, ctx, { welcome: answer })
    await saveDraft(needs, token, answer.draft)
  } else if (draft.codes === undefined) {
    const confirmedStep = await totpStepOf(new Secret(draft.seed), form.get('code') ?? '', needs.clock())
    if (confirmedStep === undefined) {
      const t = needs.pages.texts(ctx)
      return wizard(needs, ctx, { problem: t('problem.mfa/wrong-code') })
    }
    await saveDraft(needs, token, { ...draft, confirmedStep, codes: newRecoveryCodes() })
  } else if (form.get('kept') === 'yes') {
    await finish(needs, ctx, token, draft)
    return
  }
  seeOther(ctx, path)
}

async function finish(needs: SetupNeeds, ctx: Context, token: string, draft: Draft): Promise<void> {
  try {
    await claim(needs, ctx, token, draft)
  } catch (thrown) {
    // A second click, or somebody else with the same link: the first claim stands.
    if (!isFailure(thrown)) throw thrown
    if (thrown.reason !== 'setup/link-over' && thrown.reason !== 'iam/claimed') throw thrown
    seeOther(ctx, (await needs.sessions.current(ctx)) === undefined ? path : '/')
    return
  }
  needs.jar.write(ctx, cookie, '', { path, maxAgeSeconds: 0 })
  seeOther(ctx, '/')
}

/**
 * Until somebody claims the instance, its pages say where the setup link is: never a sign-in that nobody can pass. Other
 * requests go on; so does everything once it is claimed.
 */
export function unclaimedPages(needs: Pick<SetupNeeds, 'database' | 'pages'>): Middleware {
  const show: Show<SetupPages> = needs.pages.show
  let claimed = false
  const isPage = (ctx: Context) =>
    ctx.method === 'GET' &&
    ctx.querystring === '' &&
    (ctx.path === '/' || /^\/(login|portal|account|console)(\/|$)/.test(ctx.path))
  return async (ctx, next) => {
    if (claimed || !isPage(ctx)) return next()
    claimed = (await findOrganization(needs.database)) !== undefined
    if (claimed) return next()
    show(ctx, 'setup/unclaimed', {})
  }
}
