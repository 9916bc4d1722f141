import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Provider } from '#src/oidc/library.ts'

/** Another OpenID issuer: a bare oidc-provider with its memory adapter and a page that asks who one is. */
export type OidcIssuer = {
  readonly url: string
  /** Its users by `sub`, and the claims it tells of each. Change them at any time. */
  readonly people: Map<string, Readonly<Record<string, unknown>>>
  readonly clientId: string
  readonly clientSecret: string
  close(): Promise<void>
}

/**
 * Starts it on a loopback port. Its sign-in page has one form with the field `sub`.
 *
 * @param options `redirectUris` of its one client; a function is asked at the first request
 */
export async function startOidcIssuer(options: {
  readonly redirectUris: readonly string[] | (() => readonly string[])
}): Promise<OidcIssuer> {
  const people = new Map<string, Readonly<Record<string, unknown>>>()
  const [clientId, clientSecret] = ['signet', 'the-secret-that-the-upstream-gave-us']
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const { privateKey } = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
    'sign',
    'verify',
  ])
  // Without key_ops: the published half would say that it may only sign.
  const { kty, crv, x, y, d } = await crypto.subtle.exportKey('jwk', privateKey)
  const jwk = { kty, crv, x, y, d }
  const { default: MemoryAdapter } = await import('oidc-provider/lib/adapters/memory_adapter.js')
  const build = (redirectUris: readonly string[]) =>
    new Provider(url, {
      adapter: MemoryAdapter,
      clients: [
        {
          client_id: clientId,
          client_secret: clientSecret,
          redirect_uris: [...redirectUris],
          grant_types: ['authorization_code'],
          id_token_signed_response_alg: 'ES256',
        },
      ],
      jwks: { keys: [{ ...jwk, alg: 'ES256', use: 'sig' }] },
      clientDefaults: { id_token_signed_response_alg: 'ES256' },
      conformIdTokenClaims: false,
      claims: {
        openid: ['sub', 'amr'],
        profile: ['name', 'preferred_username', 'hd', 'groups'],
        email: ['email', 'email_verified'],
      },
      features: { devInteractions: { enabled: false } },
      interactions: { url: async (_ctx, interaction) => `/who/${interaction.uid}` },
      pkce: { required: () => true },
      ttl: {
        AccessToken: 600,
        IdToken: 600,
        Grant: 600,
        Session: 600,
        Interaction: 600,
        AuthorizationCode: 60,
      },
      clientBasedCORS: () => false,
      renderError: async (ctx, out) => {
        ctx.body = JSON.stringify(out)
      },
      findAccount: async (_ctx, sub) => {
        const claims = people.get(sub)
        return claims === undefined ? undefined : { accountId: sub, claims: async () => ({ sub, ...claims }) }
      },
    })

  const { redirectUris } = options
  let built: ReturnType<typeof build> | undefined
  server.on('request', (request, response) => {
    void (async () => {
      built ??= build(typeof redirectUris === 'function' ? redirectUris() : redirectUris)
      const provider = built
      if (!(request.url ?? '').startsWith('/who/')) return provider.callback()(request, response)
      if (request.method === 'GET') {
        response.setHeader('content-type', 'text/html')
        response.end(
          `<h1>Upstream</h1><form method="post" action="${request.url}"><input name="sub" value=""></form>`,
        )
        return undefined
      }
      const form = new URLSearchParams(Buffer.concat(await Array.fromAsync(request)).toString())
      const { params } = await provider.interactionDetails(request, response)
      const accountId = form.get('sub') ?? ''
      if (accountId === '') return provider.interactionFinished(request, response, { error: 'access_denied' })
      const grant = new provider.Grant({ accountId, clientId: String(params['client_id']) })
      grant.addOIDCScope('openid profile email')
      return provider.interactionFinished(request, response, {
        login: { accountId, amr: ['pwd', 'mfa'] },
        consent: { grantId: await grant.save() },
      })
    })()
  })

  return {
    url,
    people,
    clientId,
    clientSecret,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
