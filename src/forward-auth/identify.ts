import { findUserById, type User } from '#directory'
import { type Caller, userCaller } from '#iam'
import { refuse } from '#kernel'
import type { Bearer } from '#oidc'
import { type Sessions, signedIn } from '#sessions'
import { authenticate, type AuthenticateNeeds } from '#sts'
import { cookieOf, siteCookie } from './cookies.ts'
import type { Original } from './original.ts'
import { findSiteSession } from './sessions.ts'

/** How somebody is recognised. */
export type IdentifyNeeds = AuthenticateNeeds & {
  readonly sessions: Pick<Sessions, 'ofFamily'>
  readonly authenticateBearer: (token: string) => Promise<Bearer>
}

/** Whoever made the original request; `user` is absent for role sessions and root. */
export type Identity = {
  readonly caller: Caller
  readonly user: User | undefined
  /** Whether a browser asks: then a sign-in can mend what is missing. */
  readonly by: 'cookie' | 'bearer' | 'signature'
}

/**
 * Who makes the request: by a SigV4 signature over it, by an access token of the command line (or with the scope `api`), or
 * by the session that this browser has at this host. Undefined for nobody.
 *
 * @param rules `services` are those for which a signature may be
 * @throws Failure unauthenticated or expired for a signature or token that is wrong: it is not taken for nobody
 */
export async function identify(
  needs: IdentifyNeeds,
  original: Original,
  rules: { readonly origin: string; readonly services: readonly string[] },
): Promise<Identity | undefined> {
  const headers = original.headers.filter(([name]) => name === 'authorization').map(([, value]) => value)
  const [authorization = ''] = headers
  if (authorization.startsWith('AWS4-') || /[?&]X-Amz-Signature=/.test(original.target)) {
    const [hash] = original.headers
      .filter(([name]) => name === 'x-amz-content-sha256')
      .map(([, value]) => value.trim())
    const { caller } = await authenticate(
      needs,
      {
        method: original.method,
        rawUrl: original.target,
        headers: original.headers,
        // The body is the proxy's: what the signer said of it is part of the signature, and told to the app.
        body: {
          sha256:
            original.bodySha256 ?? (/^[0-9a-f]{64}$/.test(hash ?? '') ? (hash ?? emptyBody) : emptyBody),
        },
      },
      { services: rules.services, unsignedPayload: true },
    )
    return { caller, user: caller.type === 'user' ? caller.user : undefined, by: 'signature' }
  }
  const token = /^Bearer ([\w.~+/-]+=*)$/i.exec(authorization)?.[1]
  if (token !== undefined) {
    const bearer = await needs.authenticateBearer(token)
    if (bearer.kind !== 'user')
      return refuse('forbidden', 'forward-auth/not-a-person', 'This is an app’s token, not a person’s.')
    if (bearer.clientId !== 'signet-cli' && !bearer.scopes.includes('api'))
      return refuse('forbidden', 'forward-auth/scope', 'This access token does not carry the scope "api".')
    const { user, authTime, amr } = bearer
    const mfaAt = amr.includes('mfa') ? authTime : undefined
    return { caller: userCaller(user, { issuedAt: authTime, mfaAt }), user, by: 'bearer' }
  }
  return fromCookie(needs, original, rules.origin)
}

const emptyBody = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

async function fromCookie(
  needs: IdentifyNeeds,
  original: Original,
  origin: string,
): Promise<Identity | undefined> {
  const id = cookieOf(original, siteCookie(origin))
  if (id === undefined || !/^[\w-]{43}$/.test(id)) return undefined
  const found = await findSiteSession(needs.database, needs.clock, { id, host: original.host })
  if (found === undefined) return undefined
  const [session, user] = await Promise.all([
    needs.sessions.ofFamily(found.family),
    findUserById(needs.database, found.userId),
  ])
  if (session === undefined || session.userId !== found.userId || user?.status !== 'active') return undefined
  const { authTime, mfaAt } = signedIn(session)
  return { caller: userCaller(user, { issuedAt: authTime, mfaAt }), user, by: 'cookie' }
}
