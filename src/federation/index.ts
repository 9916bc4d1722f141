/**
 * Signing in through other identity providers: connections to OpenID providers and Google Workspace (OpenID Connect Core
 * 1.0 as a relying party, RFC 7636, 9207), which one is somebody's by mail domain, who an upstream's subject is here, and
 * groups that follow the upstream. Owns `/federation/oidc/callback` and the tables `connection`, `connection_domain`,
 * `federated_identity`, `federation_flow`.
 */
export { federationSettings } from './config.ts'
export type { FederationSettings } from './config.ts'
export { connectionSettings, googleIssuer, listConnections, putConnection } from './connection.ts'
export type { Connection, ConnectionSettings } from './connection.ts'
export { createFederation } from './federation.ts'
export type { Federation, FederationNeeds } from './federation.ts'
