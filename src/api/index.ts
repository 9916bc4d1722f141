/**
 * The JSON API of this deployment: role sessions for the command line, revocations, and what the decision point knows
 * of apps.
 *
 * URLs: `/api/v1/*`. Answers are JSON, refusals `application/problem+json` (RFC 9457).
 */
export { apiRoutes } from './routes.ts'
export type { ApiNeeds } from './routes.ts'
