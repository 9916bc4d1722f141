/**
 * The console federation URL: turns temporary credentials into a session of this server's own pages
 * (aws-wire page §7.3; IAM User Guide, "Enabling custom identity broker access").
 *
 * URLs: `/federation?Action=getSigninToken`, `/federation?Action=login`; pages `/federation/session`. No tables: the
 * sign-in token and the cookie are sealed values; used tokens are noted in `cli_seen`.
 */
export type { FederationUrlNeeds } from './needs.ts'
export type { FederationUrlPages } from './pages.ts'
export { federationPageRoutes, federationTokenRoutes } from './routes.ts'
