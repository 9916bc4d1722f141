/**
 * The OpenID provider: oidc-provider inside (OpenID Connect Core 1.0, RFC 6749, 7636, 7009, 7662, 8628, 9068, 9126,
 * 9207, 9449), with its state in our database and our browser sessions as its only notion of who is signed in. Owns
 * `/oauth2/*`, `/device`, the discovery documents and the tables `oidc_artifact`, `oidc_participation`, `oidc_consent`.
 */
export type { Bearer } from './bearer.ts'
export { oidcSettings } from './config.ts'
export type { OidcSettings } from './config.ts'
export type { OidcNeeds } from './needs.ts'
export { createOidc } from './oidc.ts'
export type { Oidc } from './oidc.ts'
export type { OidcPages } from './pages.ts'
export { signetCliId } from './signet-cli.ts'
