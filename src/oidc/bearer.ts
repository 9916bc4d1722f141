import type { App } from '#apps'
import type { User } from '#directory'
import { type Clock, refuse } from '#kernel'
import type { Keys } from '#keys'
import { findAccount } from './account.ts'
import type { Clients } from './clients.ts'
import type { Provider } from './library.ts'
import type { OidcNeeds } from './needs.ts'
import { readOwnJwt } from './own-jwt.ts'

/** Who stands behind a bearer token at our own APIs. */
export type Bearer =
  | {
      readonly kind: 'user'
      readonly user: User
      readonly clientId: string
      readonly scopes: readonly string[]
      readonly grantId: string
      /** The browser session that the token came from. */
      readonly sessionFamily: string | undefined
      readonly authTime: Temporal.Instant | undefined
      readonly acr: string | undefined
      readonly amr: readonly string[]
    }
  | {
      readonly kind: 'client'
      readonly clientId: string
      readonly app: App | undefined
      readonly scopes: readonly string[]
    }

type Needs = Pick<OidcNeeds, 'database' | 'epochs' | 'publicUrl'> & {
  readonly keys: Keys
  readonly clock: Clock
  readonly clients: Clients
}

const no = (detail: string): never =>
  refuse(
    'unauthenticated',
    'oidc/bearer',
    'The access token is missing, expired or not for this API.',
    detail,
  )

/**
 * Reads an access token of ours: a client's JWT (RFC 9068) by its signature, a person's opaque token by its row, with
 * the session, the grant and the user behind it asked each time.
 *
 * @throws Failure unauthenticated oidc/bearer
 */
export async function authenticateBearer(
  needs: Needs,
  provider: InstanceType<typeof Provider>,
  token: string,
): Promise<Bearer> {
  if (token.length > 8_192) return no('too long')
  return token.includes('.') ? fromJwt(needs, token) : fromOpaque(needs, provider, token)
}

async function fromJwt(needs: Needs, token: string): Promise<Bearer> {
  const read = await readOwnJwt(needs, token)
  if (typeof read === 'string') return no(read)
  const { claims, client } = read
  if (claims['cnf'] !== undefined) return no('bound to a key')
  return { kind: 'client', clientId: client.clientId, app: client.app, scopes: words(claims['scope']) }
}

async function fromOpaque(
  needs: Needs,
  provider: InstanceType<typeof Provider>,
  value: string,
): Promise<Bearer> {
  const token = await provider.AccessToken.find(value)
  if (token?.grantId === undefined || token.clientId === undefined || token.isSenderConstrained())
    return no('not found')
  const [grant, account, client] = await Promise.all([
    provider.Grant.find(token.grantId),
    findAccount(needs, undefined, token.accountId, token),
    needs.clients.find(token.clientId),
  ])
  if (grant === undefined || account === undefined || client === undefined) return no('grant, user or client')
  const extra = token.extra ?? {}
  const authTime = Number(extra['auth_time'])
  return {
    kind: 'user',
    user: account.user,
    clientId: token.clientId,
    scopes: words(token.scope),
    grantId: token.grantId,
    sessionFamily: token.sessionUid,
    authTime: Number.isFinite(authTime) ? Temporal.Instant.fromEpochMilliseconds(authTime * 1000) : undefined,
    acr: typeof extra['acr'] === 'string' ? extra['acr'] : undefined,
    amr: Array.isArray(extra['amr']) ? extra['amr'].map(String) : [],
  }
}

const words = (scope: unknown): readonly string[] =>
  typeof scope === 'string' ? scope.split(' ').filter((each) => each !== '') : []
