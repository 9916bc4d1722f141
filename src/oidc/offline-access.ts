import { decodeJwt } from 'jose'
import type { Client, KoaContextWithOIDC } from 'oidc-provider'

const words = (scope: unknown): readonly string[] =>
  typeof scope === 'string' ? scope.split(' ').filter((each) => each !== '') : []

/**
 * Puts `offline_access` back, which the library takes out of every request without `prompt=consent`. OpenID Connect Core
 * §11 lets other conditions stand for that prompt, and here they do: an administrator gave the app the `refresh_token`
 * grant, and an app that asks for consent gets no grant of this scope before the user allowed it.
 */
export function keepOfflineAccess(ctx: KoaContextWithOIDC, client: Client): void {
  const { params, entities, body } = ctx.oidc
  if (params === undefined || !client.grantTypeAllowed('refresh_token')) return
  if (!words(params['response_type']).includes('code')) return
  const pushed = entities.PushedAuthorizationRequest as { readonly request?: string } | undefined
  const asked =
    pushed?.request === undefined
      ? (body?.['scope'] ?? ctx.query['scope'])
      : decodeJwt(pushed.request)['scope']
  const left = words(params['scope'])
  if (words(asked).includes('offline_access') && !left.includes('offline_access'))
    params['scope'] = [...left, 'offline_access'].join(' ')
}
