import { type JWTPayload, jwtVerify } from 'jose'
import type { Clock } from '#kernel'
import type { Keys } from '#keys'
import type { Clients, KnownClient } from './clients.ts'
import { ownResource } from './resources.ts'

/** An access token of ours that is a JWT (RFC 9068), and whose it is. */
export type OwnJwt = { readonly claims: JWTPayload; readonly client: KnownClient }

/**
 * Reads a JWT access token of ours: signed by a published key, for our APIs, in force, of a client that is still there.
 *
 * @returns why not, as a text, when it is anything else
 */
export async function readOwnJwt(
  needs: {
    readonly keys: Pick<Keys, 'list'>
    readonly clock: Clock
    readonly clients: Clients
    readonly publicUrl: URL
  },
  token: string,
): Promise<OwnJwt | string> {
  const claims = await verified(needs, token)
  if (typeof claims === 'string') return claims
  const clientId = String(claims['client_id'])
  const client = await needs.clients.find(clientId)
  return client === undefined || claims.sub !== clientId ? 'client' : { claims, client }
}

const verified = (needs: Parameters<typeof readOwnJwt>[0], token: string): Promise<JWTPayload | string> =>
  jwtVerify(
    token,
    ({ kid, alg }) => {
      const key = needs.keys.list('oidc').find((each) => each.kid === kid && each.alg === alg)
      if (key === undefined) throw new Error('unknown key')
      return key.publicKey
    },
    {
      algorithms: ['ES256', 'RS256'],
      typ: 'at+jwt',
      issuer: needs.publicUrl.origin,
      audience: ownResource(needs.publicUrl),
      requiredClaims: ['exp', 'client_id', 'sub'],
      currentDate: new Date(needs.clock().epochMilliseconds),
    },
  ).then(({ payload }) => payload, String)
