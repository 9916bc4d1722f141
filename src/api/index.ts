/**
 * The JSON API of this deployment: role sessions for the command line, revocations, what the decision point knows of
 * apps, the organization, Roles Anywhere, and analysis.
 *
 * URLs: `/api/v1/*`. Answers are JSON, refusals `application/problem+json` (RFC 9457).
 */
export { apiRoutes } from './routes.ts'
export type { ApiNeeds } from './routes.ts'
