/**
 * The decision point: services ask whether who signed a request, or a named subject, may do something. AuthZEN
 * Authorization API 1.0 (evaluation, evaluations, search, discovery) and our own `authorize-request` for SigV4; and the
 * feed of revocations, which services that verify by themselves follow.
 *
 * URLs: `/access/v1/*`, `/.well-known/authzen-configuration`. No tables.
 */
export type { AuthorizeRequestAnswer, AuthorizeRequestBody, Principal } from './authorize-request.ts'
export type { EnforcementPoint } from './caller.ts'
export { createRevocationFeed } from './revocation-feed.ts'
export { accessRoutes, decisionPoint } from './routes.ts'
export type { AccessNeeds } from './routes.ts'
export { encodeId } from './mapping.ts'
export { storedResource, type StoredResource } from './stored-resource.ts'
