/**
 * `aws sso login`: the dialects of IAM Identity Center that unmodified AWS CLIs and SDKs speak, over Signet's own sign-in.
 * SSO-OIDC (registration, device code, code with PKCE, refresh) and the access portal (accounts, roles, credentials,
 * logout). REST-JSON, unsigned; none of it is RFC OAuth, which stands under `/oauth2`.
 *
 * URLs: `/client/register`, `/device_authorization`, `/authorize?scopes=`, `/token` with JSON, `/assignment/accounts`,
 * `/assignment/roles`, `/federation/credentials`, `POST /logout`; pages `/aws/device`, `/aws/approve/:id`. No tables: a
 * registration is a sealed value, sessions are `cli-sessions`'.
 */
export type { AwsSsoNeeds } from './needs.ts'
export type { AwsSsoPages } from './pages.ts'
export { awsSsoPageRoutes, awsSsoRoutes } from './routes.ts'
