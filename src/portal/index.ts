/**
 * What an employee sees: apps, roles with credentials to copy, and the user's own security. Which apps and roles are
 * there is asked of the policy engine each time; there is no list of assignments.
 *
 * URLs: `/`, `/portal`, `/portal/roles`, `/account`.
 */
export type { PortalNeeds } from './needs.ts'
export type { Nav, PortalPages, Way } from './pages.ts'
export { portalRoutes } from './routes.ts'
export { askAgain, portalKind, resumePortal, visitorOf } from './visitor.ts'
export type { Visitor, VisitorNeeds } from './visitor.ts'
