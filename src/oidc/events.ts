import type { IncomingMessage } from 'node:http'
import { type Audit, type AuditEntry, clientIdentity, nobody, userIdentity } from '#audit'
import { type Context, requestInfo, requestLog } from '#http'
import { refuse } from '#kernel'
import { signedIn } from '#sessions'
import type { KoaContextWithOIDC } from 'oidc-provider'
import type { UserAccount } from './account.ts'
import type { Browser } from './browser.ts'
import type { Provider } from './library.ts'

type Happened = Pick<AuditEntry, 'name' | 'error' | 'parameters' | 'response'>

const koa = (ctx: KoaContextWithOIDC): Context => ctx

/** What happened while a request was answered; written before the answer leaves. */
const noted = Symbol('noted')
type Noting = IncomingMessage & { [noted]?: Happened[] | undefined }

function note(ctx: KoaContextWithOIDC, happened: Happened): void {
  const request: Noting = ctx.req
  ;(request[noted] ??= []).push(happened)
}

/** Parameters of a request that an event may show: never a secret, code, token or hint. */
function shown(ctx: KoaContextWithOIDC): Readonly<Record<string, unknown>> {
  const params = ctx.oidc.params ?? {}
  return {
    client_id: ctx.oidc.client?.clientId ?? params['client_id'],
    grant_type: params['grant_type'],
    response_type: params['response_type'],
    redirect_uri: params['redirect_uri'],
    scope: params['scope'],
    resource: params['resource'],
    prompt: params['prompt'],
    acr_values: params['acr_values'],
  }
}

type Failed = Error & { readonly error?: string | undefined; readonly error_detail?: string | undefined }

const failure = (ctx: KoaContextWithOIDC, name: string, error: Failed): Happened => {
  requestLog(koa(ctx)).info({ error: error.error, detail: error.error_detail }, 'the OpenID provider refused')
  return {
    name,
    error: { code: error.error ?? 'server_error', message: error.error_detail ?? error.error ?? '' },
    parameters: shown(ctx),
  }
}

/**
 * Listens to one Provider. A listener is synchronous and what it throws would surface in the request, so it only notes;
 * `auditing` writes.
 */
export function listenTo(provider: InstanceType<typeof Provider>): void {
  provider.on('grant.success', (ctx) => {
    const { AccessToken, ClientCredentials, RefreshToken } = ctx.oidc.entities
    const token = AccessToken ?? ClientCredentials
    note(ctx, {
      name: 'CreateToken',
      parameters: shown(ctx),
      response: {
        scope: token?.scope,
        audience: token?.aud,
        grant_id: AccessToken?.grantId,
        expires_in: token?.expiration,
        refresh_token: RefreshToken !== undefined,
        id_token: typeof ctx.body === 'object' && ctx.body !== null && 'id_token' in ctx.body,
      },
    })
  })
  provider.on('grant.error', (ctx, error) => note(ctx, failure(ctx, 'CreateToken', error)))
  provider.on('authorization.success', (ctx) =>
    note(ctx, {
      name: ctx.oidc.deviceCode === undefined ? 'Authorize' : 'AuthorizeDevice',
      parameters: shown(ctx),
      response: { grant_id: ctx.oidc.grant?.jti },
    }),
  )
  provider.on('authorization.error', (ctx, error) => note(ctx, failure(ctx, 'Authorize', error)))
  provider.on('device_authorization.success', (ctx) =>
    note(ctx, { name: 'StartDeviceAuthorization', parameters: shown(ctx) }),
  )
  provider.on('pushed_authorization_request.success', (ctx) =>
    note(ctx, { name: 'PushAuthorizationRequest', parameters: shown(ctx) }),
  )
  provider.on('grant.revoked', (ctx, grantId) =>
    note(ctx, { name: 'RevokeGrant', parameters: { ...shown(ctx), grant_id: grantId } }),
  )
  provider.on('revocation.error', (ctx, error) => note(ctx, failure(ctx, 'RevokeToken', error)))
  provider.on('introspection.error', (ctx, error) => {
    // A JWT, which the library does not look into: sharpen.ts answers it.
    if (error.error !== 'unsupported_token_type') note(ctx, failure(ctx, 'IntrospectToken', error))
  })
  provider.on('backchannel.success', (ctx, client) =>
    note(ctx, { name: 'SendLogoutToken', parameters: { client_id: client.clientId } }),
  )
  provider.on('backchannel.error', (ctx, error, client) =>
    note(ctx, {
      name: 'SendLogoutToken',
      error: { code: 'oidc/logout-not-told', message: error.message.slice(0, 300) },
      parameters: { client_id: client.clientId },
    }),
  )
  provider.on('server_error', (ctx, error) => {
    requestLog(koa(ctx)).error({ err: error, cause: error.cause }, 'a bug in or under the OpenID provider')
  })
}

/**
 * Writes what a request did before its answer leaves. What was granted and cannot be written is not handed out; what
 * was refused stays refused, with or without its event.
 */
export async function writeNoted(
  needs: { readonly audit: Audit; readonly browser: Browser },
  ctx: KoaContextWithOIDC,
): Promise<void> {
  const req: Noting = ctx.req
  const list = req[noted]
  if (list === undefined) return
  req[noted] = undefined
  const account = ctx.oidc.account as UserAccount | undefined
  const by = account === undefined ? clientOf(ctx) : await personOf(needs, ctx, account)
  const request = requestInfo(koa(ctx))
  // All are on their way before the first is waited for: they share one statement.
  const writing = list.map(({ name, error, parameters, response }) =>
    needs.audit
      .recordSoon({ source: 'oauth', name, by, request, error, parameters, response })
      .catch((thrown: unknown) => {
        requestLog(koa(ctx)).error({ err: thrown }, 'an event could not be written')
        if (error === undefined)
          refuse('unavailable', 'oidc/audit-away', 'The audit log cannot be written. Try again.')
      }),
  )
  await Promise.all(writing)
}

function clientOf(ctx: KoaContextWithOIDC): AuditEntry['by'] {
  const client = ctx.oidc.client?.clientId
  return client === undefined ? nobody : clientIdentity(client)
}

async function personOf(
  needs: { readonly browser: Browser },
  ctx: KoaContextWithOIDC,
  account: UserAccount,
): Promise<AuditEntry['by']> {
  const browser = await needs.browser(koa(ctx))
  return userIdentity(
    account.user,
    browser?.userId === account.accountId
      ? { createdAt: browser.createdAt, mfaAuthenticated: signedIn(browser).mfaAt !== undefined }
      : {},
  )
}
