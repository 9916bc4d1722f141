/**
 * Roles Anywhere: a machine trades its X.509 certificate for a role session. The certificate must lead to a trust anchor
 * of the account; the profile says for which roles and how long, the role's trust policy whether.
 *
 * URL: `POST /sessions` (CreateSession), signed with the certificate's key. Roles Anywhere User Guide; RFC 5280. Owns the
 * tables `trust_anchor` and `anywhere_profile`.
 */
export type { RolesAnywhereNeeds } from './needs.ts'
export { findProfile, listProfiles, profileArn, putProfile, removeProfile } from './profile.ts'
export type { AnywhereProfile } from './profile.ts'
export { rolesAnywhereRoutes } from './routes.ts'
export {
  findTrustAnchor,
  listTrustAnchors,
  putTrustAnchor,
  removeTrustAnchor,
  trustAnchorArn,
} from './trust-anchor.ts'
export type { TrustAnchor } from './trust-anchor.ts'
