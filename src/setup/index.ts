/**
 * The first hour: an instance without an owner, the setup link, the first administrator.
 *
 * URLs: `/setup`, and `/` while unclaimed.
 */
export type { SetupPages, WelcomeErrors } from './pages.ts'
