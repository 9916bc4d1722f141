/**
 * What people sign in to: OIDC clients and SAML service providers, and who may use them. Owns the tables `app`,
 * `oidc_client` and `saml_service_provider`.
 */
export { findApp, listApps, putApp } from './apps.ts'
export type { App, NewApp } from './apps.ts'
export { findOidcClient, putOidcClient } from './oidc-clients.ts'
export type { OidcClient } from './oidc-clients.ts'
export { findServiceProvider, putServiceProvider, serviceProviderSettings } from './service-providers.ts'
export type { ServiceProvider, ServiceProviderSettings } from './service-providers.ts'
