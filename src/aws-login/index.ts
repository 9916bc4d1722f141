/**
 * `aws login`: the dialect of AWS Sign-in that command lines from 2.32 on and the SDKs speak. The person picks what the
 * command line acts as, a role or the user itself; the refresh token is bound to a key by DPoP.
 *
 * URLs: `/v1/authorize`, `/v1/token`, `/v1/sessions/confirmation`; page `/aws/login/:id`. Service model signin 2023-01-01,
 * RFC 7636, RFC 9449. No tables: sessions are `cli-sessions`'.
 */
export type { AwsLoginNeeds } from './needs.ts'
export type { AwsLoginPages } from './pages.ts'
export { awsLoginPageRoutes, awsLoginRoutes } from './routes.ts'
