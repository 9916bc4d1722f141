/**
 * The JSON API of this deployment. Today: role sessions for the command line, and revocations.
 *
 * URLs: `/api/v1/*`. Answers are JSON, refusals `application/problem+json` (RFC 9457).
 */
export { apiRoutes } from './routes.ts'
export type { ApiNeeds } from './routes.ts'
