import { type UserCaller, userCaller } from '#iam'
import { refuse } from '#kernel'
import { type Bearer, signetCliId } from '#oidc'

/**
 * The person behind an access token of ours, as the caller of an API, with the second factor of the sign-in that the token
 * came from.
 *
 * @throws Failure forbidden api/not-a-person, api/scope
 */
export function personOf(
  bearer: Bearer,
  from: { readonly at: Temporal.Instant },
): { readonly caller: UserCaller; readonly sessionFamily: string | undefined } {
  if (bearer.kind !== 'user')
    return refuse(
      'forbidden',
      'api/not-a-person',
      'This is for people. An app trades its token with AssumeRoleWithWebIdentity.',
    )
  // An app's token for userinfo is for nothing else; the command line's is for this API alone.
  if (bearer.clientId !== signetCliId && !bearer.scopes.includes('api'))
    return refuse('forbidden', 'api/scope', 'This access token does not carry the scope "api".')
  const issuedAt = bearer.authTime ?? from.at
  return {
    caller: userCaller(bearer.user, {
      issuedAt,
      mfaAt: bearer.amr.includes('mfa') ? issuedAt : undefined,
    }),
    sessionFamily: bearer.sessionFamily,
  }
}
