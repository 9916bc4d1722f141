import type { Database } from '#database'
import { isListed } from '#http'
import type { Configuration, KoaContextWithOIDC } from 'oidc-provider'
import { acrValues } from './requirement.ts'
import { claimsOfScopes, findAccount, scopes } from './account.ts'
import { createAdapter } from './adapter.ts'
import { type Browser, findSessionByUid, followBrowserSession } from './browser.ts'
import { type Clients, ownMetadata } from './clients.ts'
import { listenTo } from './events.ts'
import { asOAuth, asOAuthNow } from './failures.ts'
import { loadExistingGrant } from './grants.ts'
import { Provider } from './library.ts'
import type { OidcNeeds } from './needs.ts'
import { keepOfflineAccess } from './offline-access.ts'
import { keepAfterLogout } from './participation.ts'
import { interactionPrompts } from './prompts.ts'
import { defaultResource, resourceServer } from './resources.ts'
import * as screens from './screens.ts'
import { ProviderKey } from './signing-key.ts'
import { strengthen } from './strengthen.ts'

/** What a Provider is built from: the slice's needs, and what outlives the Provider. */
export type ProviderNeeds = OidcNeeds & {
  readonly clients: Clients
  readonly browser: Browser
  readonly adapter: ReturnType<typeof createAdapter>
}

/** Where the provider answers. `/device` is typed by people, hence short. */
export const routes = {
  authorization: '/oauth2/authorize',
  code_verification: '/device',
  device_authorization: '/oauth2/device',
  end_session: '/oauth2/logout',
  introspection: '/oauth2/introspect',
  jwks: '/.well-known/jwks.json',
  pushed_authorization_request: '/oauth2/par',
  revocation: '/oauth2/revoke',
  token: '/oauth2/token',
  userinfo: '/oauth2/userinfo',
} as const

/** The adapter over our database, apps and sessions. One for all Providers: its writer shares statements. */
export const adapterFor = (
  needs: OidcNeeds & { readonly clients: Clients; readonly database: Database },
): ReturnType<typeof createAdapter> =>
  createAdapter({
    ...needs,
    findClient: async (clientId) => (await needs.clients.find(clientId))?.metadata,
    findSession: (uid) => findSessionByUid(needs, uid),
  })

/**
 * One Provider over the keys of this moment. All state is in the adapter, so another may take over at any time: that is
 * how a key or a setting changes without a restart.
 */
export function buildProvider(needs: ProviderNeeds): InstanceType<typeof Provider> {
  const provider = new Provider(needs.publicUrl.origin, configurationOf(needs))
  // Host and protocol are PUBLIC_URL's: mount.ts writes them into the forwarded headers, whoever asked.
  provider.proxy = true
  strengthen(provider, {
    ...needs,
    findClient: async (clientId) => (await needs.clients.find(clientId))?.metadata,
    clientSecretMatches: needs.clients.secretMatches,
  })
  followBrowserSession(provider, needs)
  listenTo(provider)
  return provider
}

const twoWeeks = 1_209_600

function configurationOf(needs: ProviderNeeds): Configuration {
  const { settings, publicUrl, vault } = needs
  const https = publicUrl.protocol === 'https:'
  const cookie = { httpOnly: true, sameSite: 'lax', signed: true, overwrite: true, secure: https } as const
  return {
    adapter: needs.adapter,
    // The signing ones first: the first match signs.
    jwks: { keys: needs.keys.list('oidc').map((key) => new ProviderKey(key)) },
    routes,
    scopes: [...scopes],
    claims: claimsOfScopes,
    acrValues: [...acrValues],
    responseTypes: ['code', 'none'],
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'],
    clientDefaults: { id_token_signed_response_alg: 'ES256', grant_types: ['authorization_code'] },
    // A client secret exists only as a hash here: nothing may use it as a key.
    enabledJWA: {
      clientAuthSigningAlgValues: ['ES256', 'RS256', 'PS256', 'EdDSA', 'Ed25519'],
      idTokenSigningAlgValues: ['ES256', 'RS256'],
    },
    extraClientMetadata: { properties: [...ownMetadata] },
    // Many relying parties look only into the ID token; a client may ask for the lean one (account.ts).
    conformIdTokenClaims: false,
    // Not a parameter that anybody sends: its validator runs at each request, after the library's check of the scope.
    extraParams: { signet_scope: asOAuthNow((ctx, _value, client) => keepOfflineAccess(ctx, client)) },
    pkce: { required: asOAuthNow((_ctx, client) => client['signet_pkce_optional'] !== true) },
    cookies: {
      keys: [vault.derive('oidc/cookies').toString('base64url')],
      names: {
        session: https ? '__Host-op' : 'op',
        interaction: https ? '__Secure-op-interaction' : 'op-interaction',
        resume: https ? '__Secure-op-resume' : 'op-resume',
      },
      long: { ...cookie, path: '/' },
      short: cookie,
    },
    ttl: {
      AccessToken: (_ctx, token) => token.resourceServer?.accessTokenTTL ?? settings.access_token_seconds,
      AuthorizationCode: 60,
      ClientCredentials: (_ctx, token) =>
        token.resourceServer?.accessTokenTTL ?? settings.jwt_access_token_seconds,
      DeviceCode: 600,
      Grant: settings.refresh_token_seconds,
      IdToken: settings.id_token_seconds,
      Interaction: 3_600,
      RefreshToken: (ctx, token, client) => refreshTtl(ctx, token, client) ?? settings.refresh_token_seconds,
      Session: twoWeeks,
    },
    features: {
      devInteractions: { enabled: false },
      externalSigningSupport: { enabled: true, ack: 'experimental-01' },
      claimsParameter: { enabled: true },
      backchannelLogout: { enabled: true },
      clientCredentials: { enabled: true },
      dPoP: { enabled: true, nonceSecret: vault.derive('oidc/dpop-nonce') },
      deviceFlow: {
        enabled: true,
        charset: 'base-20',
        mask: '****-****',
        deviceInfo: asOAuthNow((ctx) => ({ ip: ctx.ip, ua: ctx.get('user-agent').slice(0, 200) })),
        userCodeInputSource: asOAuth((ctx, form, out, error) =>
          screens.deviceCodePage(needs, ctx, form, out, error),
        ),
        userCodeConfirmSource: asOAuth((ctx, form, client, device, userCode) =>
          screens.deviceConfirmPage(needs, ctx, form, client, device, userCode),
        ),
        successSource: asOAuth((ctx) => screens.deviceDonePage(needs, ctx)),
      },
      introspection: {
        enabled: true,
        allowedPolicy: asOAuth(async (ctx, client, token) => {
          const audience = 'aud' in token ? token.aud : undefined
          if (token.clientId !== client.clientId && audience !== client.clientId) return false
          if (!('accountId' in token) || token.accountId === undefined) return true
          return (await findAccount(needs, ctx, token.accountId, token)) !== undefined
        }),
      },
      pushedAuthorizationRequests: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: asOAuth((ctx, _client, oneOf) => defaultResource(needs, ctx, oneOf)),
        getResourceServerInfo: asOAuth((ctx, resource) => resourceServer(needs, ctx, resource)),
      },
      revocation: {
        enabled: true,
        // Another client's token is answered as an unknown one (RFC 7009 §2.2): existence is private.
        allowedPolicy: asOAuth(async (_ctx, client, token) => token.clientId === client.clientId),
      },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: asOAuth((ctx, form) => screens.signOutPage(needs, ctx, form)),
        postLogoutSuccessSource: asOAuth((ctx) => screens.signedOutPage(needs, ctx)),
      },
      userinfo: { enabled: true },
    },
    findAccount: asOAuth((ctx, sub, token) =>
      findAccount(needs, ctx, sub, token as { grantId?: string } | undefined),
    ),
    loadExistingGrant: asOAuth((ctx) => loadExistingGrant(needs, ctx)),
    expiresWithSession: asOAuth(async (_ctx, source) => {
      if (!source.scopes.has('offline_access')) return true
      if (source.grantId !== undefined && source.sessionUid !== undefined)
        await keepAfterLogout(needs.database, source.grantId, source.sessionUid)
      return false
    }),
    extraTokenClaims: asOAuth(authenticationOf),
    interactions: {
      policy: interactionPrompts(needs),
      url: asOAuth(async (_ctx, interaction) => `/oauth2/interaction/${interaction.uid}`),
    },
    clientBasedCORS: asOAuthNow((ctx, origin, client) => {
      if (origin === 'null') return false
      const browserApp = client.clientAuthMethod === 'none' || ctx.oidc.route === 'userinfo'
      return browserApp && (client.redirectUris ?? []).some((uri) => URL.parse(uri)?.origin === origin)
    }),
    renderError: asOAuth((ctx, out, error) => screens.errorPage(needs, ctx, out, error)),
    // Redirects would carry a request past the check of its first address.
    fetch: asOAuth((url, options) => {
      const { dispatcher, ...rest } = options as RequestInit & { dispatcher?: unknown }
      // The library's dispatcher refuses private addresses; only hosts that the operator listed go without it.
      const isInner = isListed(
        { allowedHosts: settings.allowed_hosts },
        new URL(url instanceof Request ? url.url : url),
      )
      return globalThis.fetch(url, { ...rest, ...(isInner ? {} : { dispatcher }), redirect: 'error' })
    }),
    fetchResponseBodyLimits: { jwks_uri: 65_536, sector_identifier_uri: 65_536 },
  }
}

/** A rotated token of a browser app inherits what is left, so that a stolen one does not live on for ever. */
function refreshTtl(
  ctx: KoaContextWithOIDC | undefined,
  token: { isSenderConstrained(): boolean },
  client: { applicationType?: string | undefined; clientAuthMethod?: string | undefined },
): number | undefined {
  const rotated = (ctx?.oidc.entities as { RotatedRefreshToken?: { remainingTTL: number } } | undefined)
    ?.RotatedRefreshToken
  const browserApp =
    client.applicationType === 'web' && client.clientAuthMethod === 'none' && !token.isSenderConstrained()
  return rotated !== undefined && browserApp ? rotated.remainingTTL : undefined
}

/** How the person behind an access token signed in: what our own APIs must know (RFC 9068 §2.2.1). */
function authenticationOf(
  ctx: KoaContextWithOIDC,
  token: { readonly kind: string },
): Record<string, unknown> | undefined {
  if (token.kind !== 'AccessToken') return undefined
  const { AuthorizationCode, DeviceCode, RefreshToken } = ctx.oidc.entities
  const source = AuthorizationCode ?? DeviceCode ?? RefreshToken
  return source === undefined ? undefined : { acr: source.acr, amr: source.amr, auth_time: source.authTime }
}
