import type { Clock } from '#kernel'
import type { KoaContextWithOIDC } from 'oidc-provider'
import { sha256 } from '#crypto'
import { readOwnJwt } from './own-jwt.ts'

type Needs = Parameters<typeof readOwnJwt>[0]
type Answer = Readonly<Record<string, unknown>>

/** What the answers of the token and introspection endpoints are made more exact by. */
export type Sharpener = (ctx: KoaContextWithOIDC) => Promise<void>

/** The pace a device is told to ask in (RFC 8628 §3.2), and what is too fast for anybody. */
const interval = 5
const tooFastMilliseconds = 900
const mostDevices = 10_000

/**
 * Says what RFCs ask for where the library says less:
 *
 * - a request without any client authentication is `invalid_client` with 401 (RFC 6749 §5.2)
 * - a JWT access token of the client that asks is introspected like any other, and any other JWT is inactive (RFC 7662 §2.2)
 * - a device is told its interval, and to slow down when it asks at once again (RFC 8628 §3.2, §3.5)
 */
export function sharpener(needs: Needs): Sharpener {
  const slow = pace(needs.clock)
  return async (ctx) => {
    const answer: unknown = ctx.body
    if (!isAnswer(answer)) return
    const { route, client, params } = ctx.oidc
    if (answer['error_description'] === 'no client authentication mechanism provided') {
      ctx.status = 401
      ctx.set('WWW-Authenticate', `Basic realm="${needs.publicUrl.origin}"`)
      ctx.body = { ...answer, error: 'invalid_client' }
    } else if (route === 'introspection' && answer['error'] === 'unsupported_token_type') {
      ctx.status = 200
      ctx.body = await introspected(needs, client?.clientId, String(params?.['token']))
    } else if (route === 'device_authorization' && 'device_code' in answer) ctx.body = { ...answer, interval }
    else if (answer['error'] === 'authorization_pending' && slow(String(params?.['device_code'])))
      ctx.body = { error: 'slow_down', error_description: `ask every ${interval} seconds at most` }
  }
}

const isAnswer = (body: unknown): body is Answer =>
  typeof body === 'object' && body !== null && Object.getPrototypeOf(body) === Object.prototype

/** Another client's token is answered as an unknown one, like the opaque ones (provider.ts). */
async function introspected(needs: Needs, clientId: string | undefined, token: string): Promise<Answer> {
  const read = await readOwnJwt(needs, token)
  if (typeof read === 'string' || read.client.clientId !== clientId) return { active: false }
  const { claims } = read
  return { active: true, ...claims, token_type: claims['cnf'] === undefined ? 'Bearer' : 'DPoP' }
}

/**
 * Whether a device asks again too soon. Each node counts for itself: it is a courtesy to the server, not a check, and a
 * device that is not told so on another node has lost nothing.
 */
function pace(clock: Clock): (deviceCode: string) => boolean {
  const asked = new Map<string, number>()
  return (deviceCode) => {
    const key = sha256(deviceCode).toString('base64url')
    const now = clock().epochMilliseconds
    const before = asked.get(key)
    if (asked.size >= mostDevices) asked.clear()
    asked.set(key, now)
    return before !== undefined && now - before < tooFastMilliseconds
  }
}
