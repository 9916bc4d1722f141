/**
 * Accounts, roles, policies and their attachments, identity provider entities, and the one authorization path: who a
 * caller is, which policies bear on a request, and what the engine decides. Owns the tables `organization`, `account`,
 * `role`, `role_use`, `managed_policy`, `policy_version`, `policy_attachment`, `inline_policy`, `oidc_provider`,
 * `saml_provider`, `outbound_federation`, `organizational_unit`, `guard_rail`, `guard_rail_attachment`,
 * `scp_full_access_detached`, `instance_profile`, `server_certificate`, `signing_certificate`, `ssh_public_key`.
 */
export {
  createAccount,
  createOrganization,
  findAccount,
  findOrganization,
  globalEndpointTokenVersion,
  listAccounts,
  removeAccountAlias,
  renameOrganization,
  setKeyForm,
  setAccountAlias,
  setGlobalEndpointTokenVersion,
} from './accounts.ts'
export type { Account, Organization } from './accounts.ts'
export {
  authorize,
  organizationKeys,
  decideTrust,
  demand,
  judgeOf,
  judgesOf,
  refusalWords,
} from './authorize.ts'
export type { Asked, AuthorizeNeeds, Judge } from './authorize.ts'
export { readBuiltInPolicies } from './built-in.ts'
export type { BuiltInPolicies, BuiltInPolicy } from './built-in.ts'
export { callerIdentity, userCaller } from './caller.ts'
export type { Caller, FederatedUserCaller, RoleSessionCaller, RootCaller, UserCaller } from './caller.ts'
export { openMemory, recalled, sweepChanges } from './memory.ts'
export type { Memory, Remembering } from './memory.ts'
export { policyFrom, readPolicy, textOfPolicy } from './documents.ts'
export { guardRailArn, guardRailsNow } from './guard-rail-levels.ts'
export type { GuardRails, Levels, Standing } from './guard-rail-levels.ts'
export {
  attachGuardRail,
  createGuardRail,
  deleteGuardRail,
  detachGuardRail,
  listGuardRailAttachments,
  listGuardRails,
  listScpFullAccessDetached,
  setScpFullAccess,
  updateGuardRail,
} from './guard-rails.ts'
export type { GuardRail, GuardRailType } from './guard-rails.ts'
export {
  createUnit,
  deleteUnit,
  listUnits,
  moveAccount,
  renameUnit,
  unitPath,
} from './organizational-units.ts'
export type { OrganizationalUnit } from './organizational-units.ts'
export {
  disableOutboundFederation,
  enableOutboundFederation,
  hasOutboundFederation,
  outboundIssuer,
} from './outbound-federation.ts'
export { holdingsOf } from './holdings.ts'
export type { Holding } from './holdings.ts'
export { policiesOf, policyRefs } from './policies-of.ts'
export {
  attachPolicy,
  attachedPolicies,
  countPolicies,
  createPolicy,
  deletePolicy,
  detachPolicy,
  findPolicy,
  inlinePolicies,
  listPolicies,
  listPoliciesFrom,
  lockPolicy,
  putInlinePolicy,
  removeInlinePolicy,
  setPolicyDocument,
  setPolicyTags,
} from './policies.ts'
export type { ManagedPolicy, PolicyUse } from './policies.ts'
export { policiesHeldBy, policyHolders, policyUsage, principalHolds } from './policy-usage.ts'
export type { HeldPolicies, PolicyHolder, PolicyUsage } from './policy-usage.ts'
export {
  addPolicyVersion,
  countPolicyVersions,
  listPolicyVersions,
  removePolicyVersion,
  setDefaultVersion,
} from './policy-versions.ts'
export type { PolicyVersion } from './policy-versions.ts'
export {
  findOidcProvider,
  findOidcProviderByArn,
  findSamlProvider,
  listOidcProviders,
  listSamlProviders,
  lockOidcProvider,
  lockSamlProvider,
  putOidcProvider,
  putSamlProvider,
  removeOidcProvider,
  removeSamlProvider,
  setSamlProviderTags,
  updateOidcProvider,
} from './providers.ts'
export type { OidcProvider, SamlProvider } from './providers.ts'
export { roleUses, touchRole } from './role-use.ts'
export type { RoleUse } from './role-use.ts'
export {
  countRoles,
  createRole,
  deleteRole,
  findRole,
  findRoleByArn,
  findRoleById,
  listRoles,
  listRolesFrom,
  lockRole,
  updateRole,
} from './roles.ts'
export type { NewRole, Role, RoleChanges } from './roles.ts'
export {
  addRoleToInstanceProfile,
  countInstanceProfiles,
  createInstanceProfile,
  deleteInstanceProfile,
  findInstanceProfile,
  instanceProfilesOf,
  listInstanceProfiles,
  lockInstanceProfile,
  removeRoleFromInstanceProfile,
  setInstanceProfileTags,
} from './instance-profiles.ts'
export type { InstanceProfile } from './instance-profiles.ts'
export {
  countServerCertificates,
  createServerCertificate,
  deleteServerCertificate,
  findServerCertificate,
  listServerCertificates,
  lockServerCertificate,
  serverCertificateText,
  updateServerCertificate,
} from './server-certificates.ts'
export type { ServerCertificate } from './server-certificates.ts'
export {
  addSigningCertificate,
  deleteSigningCertificate,
  listSigningCertificates,
  setSigningCertificateStatus,
  signingCertificatesOf,
} from './signing-certificates.ts'
export type { SigningCertificate } from './signing-certificates.ts'
export {
  addSshPublicKey,
  deleteSshPublicKey,
  getSshPublicKey,
  listSshPublicKeys,
  setSshPublicKeyStatus,
  sshKeyAs,
} from './ssh-public-keys.ts'
export type { SshPublicKey } from './ssh-public-keys.ts'
