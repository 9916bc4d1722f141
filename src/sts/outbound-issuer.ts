import type { Queryable } from '#database'
import type { Middleware } from '#http'
import { hasOutboundFederation, outboundIssuer } from '#iam'

const path = /^\/outbound\/(\d{12})\/\.well-known\/openid-configuration$/

/**
 * OpenID discovery of an account's own issuer (OpenID Connect Discovery 1.0 §4): where services outside find the keys of
 * identity tokens. Only for accounts that have it switched on.
 */
export const outboundIssuerRoutes =
  (needs: { readonly database: Queryable; readonly publicUrl: URL }): Middleware =>
  async (ctx, next) => {
    const accountId = ctx.method === 'GET' ? path.exec(ctx.path)?.[1] : undefined
    if (accountId === undefined || !(await hasOutboundFederation(needs.database, accountId))) {
      await next()
      return
    }
    ctx.set('Cache-Control', 'public, max-age=300')
    ctx.body = {
      issuer: outboundIssuer(needs.publicUrl, accountId),
      jwks_uri: `${needs.publicUrl.origin}/.well-known/jwks.json`,
      response_types_supported: ['id_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['RS256', 'ES384'],
      claims_supported: ['iss', 'sub', 'aud', 'exp', 'iat', 'nbf', 'jti', 'https://sts.amazonaws.com/'],
    }
  }
