import { parkRequest } from '#cli-sessions'
import { type Context, readQuery, requestInfo } from '#http'
import { refuse } from '#kernel'
import { seeOther } from '#signin'
import { flowOf, mayReturnTo } from './clients.ts'
import type { AwsLoginNeeds } from './needs.ts'

/** The page of a request. */
export const choosePath = (id: string): string => `/aws/login/${id}`

/** An address with an answer in its query. */
export function withAnswer(address: string, answer: Readonly<Record<string, string | undefined>>): string {
  const url = new URL(address)
  for (const [name, value] of Object.entries(answer))
    if (value !== undefined) url.searchParams.set(name, value)
  return url.href
}

/** `GET /v1/authorize`. What is wrong before the return address is trusted is a page. */
export async function authorizeInBrowser(needs: AwsLoginNeeds, ctx: Context): Promise<void> {
  const query = readQuery(ctx)
  const clientId = query.get('client_id') ?? ''
  const flow = flowOf(clientId)
  const redirectUri = query.get('redirect_uri') ?? ''
  if (flow === undefined || !mayReturnTo(flow, redirectUri, needs.publicUrl))
    return refuse(
      'malformed',
      'aws-login/redirect',
      'The program that sent you here is not known, or named a return address that is not its own.',
    )
  const state = query.get('state')
  const codeChallenge = query.get('code_challenge') ?? ''
  const error =
    query.get('response_type') !== 'code'
      ? 'unsupported_response_type'
      : query.get('scope') !== 'openid'
        ? 'invalid_scope'
        : query.get('code_challenge_method') !== 'SHA-256' ||
            !/^[\w-]{43}$/.test(codeChallenge) ||
            state === undefined ||
            !/^[\w.~-]{1,512}$/.test(state)
          ? 'invalid_request'
          : undefined
  if (error !== undefined) {
    // There is nobody at our own page to tell.
    if (flow === 'login-cross-device')
      return refuse(
        'malformed',
        'aws-login/request',
        'The program that sent you here sent something wrong. Run the command again.',
      )
    ctx.set('Cache-Control', 'no-store')
    ctx.status = 302
    return ctx.redirect(withAnswer(redirectUri, { error, state: state?.slice(0, 512) }))
  }
  const { id } = await parkRequest(needs, {
    flow,
    clientId,
    clientName: 'AWS CLI',
    redirectUri,
    state,
    codeChallenge,
    from: requestInfo(ctx),
  })
  return seeOther(ctx, choosePath(id))
}
