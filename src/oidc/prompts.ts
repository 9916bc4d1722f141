import { decodeJwt } from 'jose'
import { requestInfo } from '#http'
import { signedIn } from '#sessions'
import type { interactionPolicy as Policy, KoaContextWithOIDC } from 'oidc-provider'
import type { Browser } from './browser.ts'
import type { Clients } from './clients.ts'
import { asOAuth } from './failures.ts'
import { errors, interactionPolicy } from './library.ts'
import type { Assessment, Requirement } from '#signin'
import type { OidcNeeds } from './needs.ts'
import { isUnreachable, requirementOf } from './requirement.ts'

type PromptNeeds = Pick<OidcNeeds, 'assess' | 'clock'> & {
  readonly clients: Clients
  readonly browser: Browser
}

const { Check, Prompt, base } = interactionPolicy

/**
 * When the library must ask the person. `login` asks signin, so that an app is answered without a question whenever
 * the browser session is enough for it, however it began; `consent` is the library's, for apps that ask.
 */
export function interactionPrompts(needs: PromptNeeds): Policy.DefaultPolicy {
  const policy = base()
  policy.remove('login')
  policy.add(
    new Prompt(
      { name: 'login', requestable: true },
      new Check(
        'signin',
        'End-User authentication is required',
        'login_required',
        asOAuth((ctx) => mustSignIn(needs, ctx)),
      ),
      new Check(
        'subject',
        'the requested subject is not the one signed in',
        'login_required',
        asOAuth(async (ctx) => isAnotherSubject(ctx)),
      ),
    ),
    0,
  )
  // Choosing an account is signing in anew: the page asks who one is (OpenID Connect Core §3.1.2.1).
  policy.add(new Prompt({ name: 'select_account', requestable: true }), 0)
  // A native client of ours is not a third party; one that asks for consent is asked for every time (RFC 8252 §8.6).
  const consent = policy.get('consent')
  consent?.checks.remove('native_client_prompt')
  consent?.checks.add(
    new Check(
      'native_client_prompt',
      'native clients require End-User interaction',
      'interaction_required',
      asOAuth(async (ctx) => {
        const { client, result } = ctx.oidc
        if (client?.applicationType !== 'native' || result?.['consent'] !== undefined) return false
        return (await needs.clients.find(client.clientId))?.consent ?? false
      }),
    ),
  )
  return policy
}

const login = (ctx: KoaContextWithOIDC): { accountId: string; ts?: number | undefined } | undefined =>
  ctx.oidc.result?.['login']

async function mustSignIn(needs: PromptNeeds, ctx: KoaContextWithOIDC): Promise<boolean> {
  const { client, params } = ctx.oidc
  if (client === undefined || params === undefined) return true
  const known = await needs.clients.find(client.clientId)
  if (known === undefined) throw new errors.InvalidClient('client is invalid', 'client not found')
  if (isUnreachable(params))
    throw new errors.UnmetAuthenticationRequirements('none of the requested ACRs is supported')
  const session = await needs.browser(ctx)
  const requirement = requirementOf(known, params)
  const answer = await needs.assess({
    session,
    requirement: settled(ctx, session, requirement),
    from: requestInfo(ctx),
  })
  return judge(answer)
}

/** A sign-in that signin has just finished for this very request is fresh, however long the way back took. */
function settled(
  ctx: KoaContextWithOIDC,
  session: Awaited<ReturnType<Browser>>,
  requirement: Requirement,
): Requirement {
  const done = login(ctx)
  if (done === undefined || session === undefined || done.accountId !== session.userId) return requirement
  const authTime = Math.floor(signedIn(session).authTime.epochMilliseconds / 1000)
  return authTime >= (done.ts ?? Infinity) ? { ...requirement, maxAgeSeconds: undefined } : requirement
}

function judge(answer: Assessment): boolean {
  switch (answer.state) {
    case 'satisfied':
      return false
    case 'interact':
      return true
    case 'denied':
      throw new errors.AccessDenied(answer.reason)
  }
}

/** `id_token_hint` and the `sub` claim name somebody; asking twice would ask forever. */
function isAnotherSubject(ctx: KoaContextWithOIDC): boolean {
  const { session, params, claims } = ctx.oidc
  // Validated by the library when the request came; on the way back it only has the parameter.
  const token = params?.['id_token_hint']
  const hint = typeof token === 'string' ? decodeJwt(token).sub : undefined
  const wanted = [hint, (claims.id_token?.['sub'] as { value?: unknown } | undefined)?.value].filter(
    (each) => each !== undefined,
  )
  if (wanted.every((each) => each === session?.accountId)) return false
  if (login(ctx) !== undefined)
    throw new errors.LoginRequired('the requested subject is not the one that signed in')
  return true
}
