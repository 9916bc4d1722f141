import { refuse } from '#kernel'
import type { KoaContextWithOIDC, ResourceServer } from 'oidc-provider'
import type { OidcSettings } from './config.ts'

type Needs = { readonly publicUrl: URL; readonly settings: OidcSettings }

/** The one resource there is besides userinfo: Signet's own APIs, named by the issuer (RFC 8707). */
export const ownResource = (publicUrl: URL): string => publicUrl.origin

/** Scopes of our own APIs. */
export const apiScopes = ['api'] as const

const isClientCredentials = (ctx: KoaContextWithOIDC): boolean =>
  ctx.oidc.route === 'token' && ctx.oidc.params?.['grant_type'] === 'client_credentials'

/** A client that acts for itself and names no resource gets a token for our APIs; people's tokens are for userinfo. */
export const defaultResource = (
  needs: Needs,
  ctx: KoaContextWithOIDC,
  oneOf: readonly string[] | undefined,
): string | string[] => {
  if (isClientCredentials(ctx)) return ownResource(needs.publicUrl)
  // No resource at all, which the library's types cannot say.
  return (oneOf === undefined ? undefined : [...oneOf]) as string[]
}

/**
 * What a resource's tokens look like. Clients get ES256 JWTs of ten minutes; what acts for a person stays opaque, so
 * that it dies with the session.
 *
 * @throws Failure not-found oidc/unknown-resource
 */
export function resourceServer(needs: Needs, ctx: KoaContextWithOIDC, resource: string): ResourceServer {
  if (resource !== ownResource(needs.publicUrl))
    refuse('not-found', 'oidc/unknown-resource', 'There is no such resource here.', { resource })
  const common = { audience: resource, scope: apiScopes.join(' ') }
  return isClientCredentials(ctx)
    ? {
        ...common,
        accessTokenFormat: 'jwt',
        accessTokenTTL: needs.settings.jwt_access_token_seconds,
        jwt: { sign: { alg: 'ES256' } },
      }
    : { ...common, accessTokenFormat: 'opaque', accessTokenTTL: needs.settings.access_token_seconds }
}
