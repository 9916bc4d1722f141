/**
 * The OpenID provider: oidc-provider inside (OpenID Connect Core 1.0, RFC 6749, 7636, 7009, 7662, 8628, 9126, 9207,
 * 9449), with its state in our database. Owns `/oauth2/*`, the discovery documents and the tables `oidc_artifact`
 * and `oidc_participation`.
 */
export { createAdapter } from './adapter.ts'
export type { AdapterNeeds } from './adapter.ts'
export { asOAuth, asOAuthNow, toOAuth } from './failures.ts'
