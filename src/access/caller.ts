import type { App } from '#apps'
import type { Context } from '#http'
import { refuse } from '#kernel'

/** A service that enforces decisions: an app with a service prefix. */
export type EnforcementPoint = {
  readonly clientId: string
  readonly app: App
  /** Its actions begin with this: `orders` of `orders:Refund`. */
  readonly prefix: string
}

/** How a service proves who it is. */
export type ProveNeeds = {
  /** @throws Failure unauthenticated when id and secret are not a client's */
  readonly authenticateClient: (
    clientId: string,
    secret: string,
  ) => Promise<{ clientId: string; app: App | undefined }>
  /** @throws Failure unauthenticated when the token is not one of ours, for us */
  readonly authenticateBearer: (
    token: string,
  ) => Promise<
    | { readonly kind: 'user' }
    | { readonly kind: 'client'; readonly clientId: string; readonly app: App | undefined }
  >
}

/**
 * The service that asks: a client with its id and secret (HTTP Basic, RFC 6749 §2.3.1), or an access token of its own from
 * client_credentials.
 *
 * @throws Failure unauthenticated access/not-authenticated; forbidden access/no-service
 */
export async function enforcementPoint(needs: ProveNeeds, ctx: Context): Promise<EnforcementPoint> {
  const [, scheme = '', value = ''] = /^(Basic|Bearer) +([\w.~+/-]+=*)$/i.exec(ctx.get('authorization')) ?? []
  const { clientId, app } =
    scheme.toLowerCase() === 'basic'
      ? await byBasic(needs, value)
      : scheme.toLowerCase() === 'bearer'
        ? await byBearer(needs, value)
        : notAuthenticated('Send the client’s id and secret (Basic), or its access token (Bearer).')
  if (app?.enabled !== true || app.servicePrefix === undefined)
    return refuse(
      'forbidden',
      'access/no-service',
      'This client is not registered as a service. Give its app a service_prefix.',
      { clientId },
    )
  return { clientId, app, prefix: app.servicePrefix }
}

const notAuthenticated = (message: string): never =>
  refuse('unauthenticated', 'access/not-authenticated', message)

async function byBasic(
  needs: ProveNeeds,
  value: string,
): Promise<{ clientId: string; app: App | undefined }> {
  const pair = Buffer.from(value, 'base64').toString('utf8')
  const colon = pair.indexOf(':')
  if (colon < 1 || pair.includes('\0'))
    return notAuthenticated('The Authorization header holds no client id and secret.')
  return needs.authenticateClient(unescape(pair.slice(0, colon)), unescape(pair.slice(colon + 1)))
}

/** RFC 6749 §2.3.1: both halves are form-encoded before they are put together. */
function unescape(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return text
  }
}

async function byBearer(
  needs: ProveNeeds,
  token: string,
): Promise<{ clientId: string; app: App | undefined }> {
  const bearer = await needs.authenticateBearer(token)
  return bearer.kind === 'client'
    ? bearer
    : refuse(
        'forbidden',
        'access/not-a-service',
        'This is a person’s token. Decisions are asked for by a service, with its own credentials.',
      )
}
