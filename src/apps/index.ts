/**
 * What people sign in to: OIDC clients and SAML service providers, and who may use them. Owns the tables `app`,
 * `oidc_client`, `saml_service_provider`, and what the decision point knows of an app: `app_action`, `app_resource_type`,
 * `app_resource`, and of those behind a reverse proxy: `proxy_app`, `proxy_origin`.
 */
export { findApp, findAppByName, findAppByPrefix, listApps, putApp } from './apps.ts'
export type { App, NewApp } from './apps.ts'
export { findOidcClient, putOidcClient } from './oidc-clients.ts'
export type { OidcClient } from './oidc-clients.ts'
export { findServiceProvider, putServiceProvider, serviceProviderSettings } from './service-providers.ts'
export type { ServiceProvider, ServiceProviderSettings } from './service-providers.ts'
export { findRegistration, hasInventory, putRegistration } from './registration.ts'
export type { AppAction, AppRegistration, AppResourceType } from './registration.ts'
export { findAppResources, listAppResources, putAppResources, removeAppResource } from './resources.ts'
export type { AppResource } from './resources.ts'
export { findProxyApp, findProxySettings, listGatewayApps, putProxyApp } from './proxies.ts'
export type { GatewayApp, ProxyApp } from './proxies.ts'
export {
  appAction,
  appResource,
  appResourceType,
  authorityKeyNames,
  proxySettings,
  upstreamSettings,
} from './shapes.ts'
export type { ProxyRule, ProxySettings } from './shapes.ts'
