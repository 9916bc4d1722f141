/**
 * The gateway: Signet itself before an HTTP API or an S3 store. It verifies who asks, has the one decision path decide, and
 * passes the request on: to a store signed anew with the store's own key, to an API with the identity headers of
 * forward-auth. Bodies are verified as they pass, in bounded memory.
 *
 * It listens on a port of its own (`gateway.port`) and answers for the hosts of the apps that have `proxy.upstream`.
 * Specification: S3 API Reference; Service Authorization Reference, "Amazon S3". Owns no table.
 */
export { createGateway } from './gateway.ts'
export { gatewaySettings } from './config.ts'
