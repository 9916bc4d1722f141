import {
  codeOf,
  allowRequest,
  type CliRequest,
  denyRequest,
  findForBrowser,
  parkRequest,
} from '#cli-sessions'
import { type Context, readQuery, requestInfo } from '#http'
import { refuse } from '#kernel'
import { visitorOf } from '#portal'
import { createGo, seeOther } from '#signin'
import { answerIsYes, askForMfa, showApproval } from './approve.ts'
import { grants, isOwnRedirect, openClient, portalScope } from './clients.ts'
import type { AwsSsoNeeds } from './needs.ts'

const approvePath = (id: string): string => `/aws/approve/${id}`

/** `GET /authorize` with `scopes`: the code flow with PKCE. What is wrong before the redirect is trusted is a page. */
export async function authorizeInBrowser(needs: AwsSsoNeeds, ctx: Context): Promise<void> {
  const query = readQuery(ctx)
  const client = openClient(needs, query.get('client_id') ?? '')
  if (client === undefined)
    return refuse(
      'malformed',
      'aws-sso/unknown-client',
      'The program that sent you here is not registered, or too long ago. Run it again.',
    )
  const redirectUri = query.get('redirect_uri') ?? ''
  if (redirectUri.length > 2_048 || !isOwnRedirect(client, redirectUri))
    return refuse(
      'malformed',
      'aws-sso/redirect',
      'The program that sent you here named a return address that is not its own.',
    )
  const state = query.get('state')
  const back = (error: string): void => {
    ctx.set('Cache-Control', 'no-store')
    ctx.status = 302
    ctx.redirect(withAnswer(redirectUri, { error, state }))
  }
  if ((state?.length ?? 0) > 2_048) return back('invalid_request')
  if (query.get('response_type') !== 'code') return back('unsupported_response_type')
  if (!client.grantTypes.includes(grants.code)) return back('unauthorized_client')
  const scopes = (query.get('scopes') ?? '').split(' ').filter((each) => each !== '')
  if (scopes.some((scope) => scope !== portalScope)) return back('invalid_scope')
  const codeChallenge = query.get('code_challenge') ?? ''
  if (query.get('code_challenge_method') !== 'S256' || !/^[\w-]{43}$/.test(codeChallenge))
    return back('invalid_request')
  const { id } = await parkRequest(needs, {
    flow: 'sso-code',
    clientId: client.clientId,
    clientName: client.name,
    redirectUri,
    state,
    codeChallenge,
    from: requestInfo(ctx),
  })
  return seeOther(ctx, approvePath(id))
}

/** An address with an answer in its query. */
export function withAnswer(address: string, answer: Readonly<Record<string, string | undefined>>): string {
  const url = new URL(address)
  for (const [name, value] of Object.entries(answer))
    if (value !== undefined) url.searchParams.set(name, value)
  return url.href
}

/** @throws Failure expired aws-sso/request-over */
async function requestOf(
  needs: AwsSsoNeeds,
  ctx: Context,
  id: string,
): Promise<CliRequest & { redirectUri: string }> {
  const request = await findForBrowser(needs.database, needs.clock, { id, browser: needs.jar.browser(ctx) })
  if (
    request?.flow !== 'sso-code' ||
    request.redirectUri === undefined ||
    request.outcome.state !== 'waiting'
  )
    return refuse(
      'expired',
      'aws-sso/request-over',
      'This request is over, or was opened in another browser. Run the command again.',
    )
  return { ...request, redirectUri: request.redirectUri }
}

/** `GET /aws/approve/:id`. */
export async function showRequest(needs: AwsSsoNeeds, ctx: Context, id: string): Promise<void> {
  const request = await requestOf(needs, ctx, id)
  const visitor = await visitorOf(needs, ctx, approvePath(id))
  if (visitor !== undefined)
    await showApproval(needs, ctx, visitor, { request, action: approvePath(id), userCode: null })
}

/** `POST /aws/approve/:id`. */
export async function answerRequest(needs: AwsSsoNeeds, ctx: Context, id: string): Promise<void> {
  const path = approvePath(id)
  const request = await requestOf(needs, ctx, id)
  const visitor = await visitorOf(needs, ctx, path)
  if (visitor === undefined) return
  const form = await needs.forms.read(ctx, path)
  if (form.get('do') === 'mfa') return askForMfa(needs, ctx, path)
  const { state } = request
  if (!answerIsYes(form)) {
    await denyRequest(needs, { ...visitor, request })
    const target = withAnswer(request.redirectUri, { error: 'access_denied', state })
    return seeOther(ctx, await createGo(needs, ctx, target))
  }
  if (!(await allowRequest(needs, { ...visitor, request })))
    refuse('expired', 'aws-sso/request-over', 'This request was answered already. Run the command again.')
  const target = withAnswer(request.redirectUri, { code: codeOf(needs.vault, id), state })
  seeOther(ctx, await createGo(needs, ctx, target))
}
