import { allowRequest, type CliRequest, codeOf, denyRequest, findForBrowser } from '#cli-sessions'
import { type Context, readQuery, type Show } from '#http'
import { listAccounts } from '#iam'
import { refuse } from '#kernel'
import { askAgain, type Visitor, visitorOf } from '#portal'
import { createGo, seeOther } from '#signin'
import { type RoleOption, rolesFor } from '#sts'
import { choosePath, withAnswer } from './authorize.ts'
import { confirmationUrl } from './clients.ts'
import type { AwsLoginNeeds } from './needs.ts'
import type { AwsLoginPages } from './pages.ts'

/** @throws Failure expired aws-login/request-over */
async function requestOf(needs: AwsLoginNeeds, ctx: Context, id: string): Promise<CliRequest> {
  const request = await findForBrowser(needs.database, needs.clock, { id, browser: needs.jar.browser(ctx) })
  return request?.flow === 'login-same-device' || request?.flow === 'login-cross-device'
    ? request
    : refuse(
        'expired',
        'aws-login/request-over',
        'This request is over, or was opened in another browser. Run the command again.',
      )
}

const waiting = (request: CliRequest): CliRequest =>
  request.outcome.state === 'waiting'
    ? request
    : refuse('expired', 'aws-login/request-over', 'This request was answered already. Run the command again.')

/** STS wants two to 64 characters; a user name may have one. */
export const sessionNameOf = ({ name }: { readonly name: string }): string => name.padEnd(2, '-').slice(0, 64)

const optionsOf = (needs: AwsLoginNeeds, { caller, from, user }: Visitor): Promise<readonly RoleOption[]> =>
  rolesFor(needs, { by: caller, from, sessionName: sessionNameOf(user) })

/** `GET /aws/login/:id`: what the command line is to act as. */
export async function showChoice(needs: AwsLoginNeeds, ctx: Context, id: string): Promise<void> {
  const request = waiting(await requestOf(needs, ctx, id))
  const visitor = await visitorOf(needs, ctx, choosePath(id))
  if (visitor !== undefined) await render(needs, ctx, visitor, { request, id, problem: null })
}

async function render(
  needs: AwsLoginNeeds,
  ctx: Context,
  visitor: Visitor,
  {
    request,
    id,
    problem,
  }: { readonly request: CliRequest; readonly id: string; readonly problem: string | null },
): Promise<void> {
  const { user } = visitor
  const [options, accounts] = await Promise.all([optionsOf(needs, visitor), listAccounts(needs.database)])
  const show: Show<AwsLoginPages> = needs.pages.show
  const page: AwsLoginPages['aws-login/choose'] = {
    action: choosePath(id),
    csrf: needs.forms.token(ctx, choosePath(id)),
    userName: user.name,
    userArn: user.arn,
    otherDevice: request.flow === 'login-cross-device',
    hours: Math.round(needs.cli.settings.session_seconds / 3_600),
    accounts: accounts
      .map(({ accountId, name }) => ({
        id: accountId,
        name,
        roles: options
          .filter(({ role }) => role.accountId === accountId)
          .map(({ role, missing }) => ({
            arn: role.arn,
            name: role.name,
            description: role.description ?? '',
            needsMfa: missing === 'mfa',
          })),
      }))
      .filter(({ roles }) => roles.length > 0),
    problem,
  }
  show(ctx, 'aws-login/choose', page, problem === null ? 200 : 422)
}

/** `POST /aws/login/:id`. */
export async function answerChoice(needs: AwsLoginNeeds, ctx: Context, id: string): Promise<void> {
  const path = choosePath(id)
  const request = waiting(await requestOf(needs, ctx, id))
  const visitor = await visitorOf(needs, ctx, path)
  if (visitor === undefined) return
  const form = await needs.forms.read(ctx, path)
  const { redirectUri = '', state } = request
  const same = request.flow === 'login-same-device'
  if (form.get('do') !== 'allow') {
    await denyRequest(needs, { ...visitor, request })
    if (same)
      return seeOther(
        ctx,
        await createGo(needs, ctx, withAnswer(redirectUri, { error: 'access_denied', state })),
      )
    const show: Show<AwsLoginPages> = needs.pages.show
    return show(ctx, 'aws-login/stopped', {})
  }
  const chosen = form.get('as') ?? ''
  const option =
    chosen === 'self' ? undefined : (await optionsOf(needs, visitor)).find(({ role }) => role.arn === chosen)
  if (chosen !== 'self' && option === undefined)
    return render(needs, ctx, visitor, {
      request,
      id,
      problem: needs.pages.texts(ctx)('aws-login.choose-one'),
    })
  if (option?.missing === 'mfa')
    return askAgain(needs, ctx, path, {
      requireMfa: true,
      // A role may ask how old the factor is.
      ...(visitor.mfaAt === undefined ? {} : { maxAgeSeconds: 60 }),
    })
  if (!(await allowRequest(needs, { ...visitor, request, role: option?.role })))
    waiting(await requestOf(needs, ctx, id))
  if (!same) return seeOther(ctx, `${new URL(confirmationUrl(needs.publicUrl)).pathname}?request=${id}`)
  const target = withAnswer(redirectUri, { code: codeOf(needs.vault, id), state })
  return seeOther(ctx, await createGo(needs, ctx, target))
}

/**
 * `GET /v1/sessions/confirmation`: the code to type at the other machine, shown to the browser and the person that
 * allowed it, until it is used.
 */
export async function showCode(needs: AwsLoginNeeds, ctx: Context): Promise<void> {
  const id = readQuery(ctx).get('request') ?? ''
  const request = await requestOf(needs, ctx, /^[\w-]{43}$/.test(id) ? id : '')
  const { outcome, state = '', sessionId } = request
  const session = await needs.sessions.current(ctx)
  if (
    request.flow !== 'login-cross-device' ||
    outcome.state !== 'allowed' ||
    sessionId !== undefined ||
    session?.userId !== outcome.userId
  )
    return refuse(
      'expired',
      'aws-login/request-over',
      'This code was used, or is over. Run the command again.',
    )
  const code = Buffer.from(`state=${state}&code=${codeOf(needs.vault, id)}`).toString('base64')
  const show: Show<AwsLoginPages> = needs.pages.show
  const { ip, userAgent } = request
  show(ctx, 'aws-login/code', { code, ip, userAgent })
}
