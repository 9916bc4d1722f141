/**
 * The first hour: an instance without an owner, the setup link, the first administrator. What is entered waits sealed
 * beside the link and becomes an organization, an account and a user in one transaction at the end.
 *
 * URLs: `/setup`, `/setup/:token`, and every page while unclaimed. Owns the table `setup_link`.
 */
export { newSetupLink } from './link.ts'
export type { SetupPages, WelcomeErrors } from './pages.ts'
export { setupRoutes, unclaimedPages } from './routes.ts'
export type { SetupNeeds } from './routes.ts'
