/**
 * What an employee sees: apps, roles with credentials to copy, and the user's own security.
 *
 * URLs: `/`, `/portal`, `/portal/roles`, `/account`.
 */
export type { Nav, PortalPages, Way } from './pages.ts'
