import { countGroups, countUsers, listAccessKeys } from '#directory'
import {
  countInstanceProfiles,
  countPolicies,
  countPolicyVersions,
  countRoles,
  countServerCertificates,
  globalEndpointTokenVersion,
  listOidcProviders,
  listSamlProviders,
  listSigningCertificates,
} from '#iam'
import { countVirtualDevices } from '#mfa'

import { authorizationDetails } from '../authorization-details.ts'
import type { Handlers } from '../call.ts'

/** What IAM tells of the account as a whole. */
export const account = {
  GetAccountSummary: async ({ db, accountId, needs: { settings } }) => {
    const [users, groups, roles, policies, versions, profiles, certificates] = await Promise.all(
      [
        countUsers,
        countGroups,
        countRoles,
        countPolicies,
        countPolicyVersions,
        countInstanceProfiles,
        countServerCertificates,
      ].map((count) => count(db, accountId)),
    )
    const [devices, oidc, saml, rootKeys, rootCertificates, tokenVersion] = await Promise.all([
      countVirtualDevices(db, accountId),
      listOidcProviders(db, accountId),
      listSamlProviders(db, accountId),
      listAccessKeys(db, { accountId, userId: undefined }),
      listSigningCertificates(db, { accountId, userId: undefined }),
      globalEndpointTokenVersion(db, accountId),
    ])
    return {
      SummaryMap: new Map([
        ['Users', users ?? 0],
        ['UsersQuota', settings.users_per_account],
        ['Groups', groups ?? 0],
        ['GroupsQuota', settings.groups_per_account],
        ['Roles', roles ?? 0],
        ['RolesQuota', settings.roles_per_account],
        ['Policies', policies ?? 0],
        ['PoliciesQuota', settings.policies_per_account],
        ['PolicyVersionsInUse', versions ?? 0],
        ['PolicyVersionsInUseQuota', settings.policies_per_account * settings.versions_per_policy],
        ['VersionsPerPolicyQuota', settings.versions_per_policy],
        ['PolicySizeQuota', settings.policy_size],
        ['InstanceProfiles', profiles ?? 0],
        ['InstanceProfilesQuota', settings.instance_profiles_per_account],
        ['ServerCertificates', certificates ?? 0],
        ['ServerCertificatesQuota', settings.server_certificates_per_account],
        ['MFADevices', devices.all],
        ['MFADevicesInUse', devices.inUse],
        ['Providers', oidc.length + saml.length],
        ['AccountAccessKeysPresent', rootKeys.length > 0 ? 1 : 0],
        // The root user here has no password and no device: it acts by its keys alone.
        ['AccountMFAEnabled', 0],
        ['AccountPasswordPresent', 0],
        ['AccountSigningCertificatesPresent', rootCertificates.length > 0 ? 1 : 0],
        ['GlobalEndpointTokenVersion', tokenVersion],
        ['AccessKeysPerUserQuota', settings.access_keys_per_user],
        ['SigningCertificatesPerUserQuota', settings.signing_certificates_per_user],
        ['GroupsPerUserQuota', settings.groups_per_user],
        ['AttachedPoliciesPerUserQuota', settings.policies_per_user],
        ['AttachedPoliciesPerGroupQuota', settings.policies_per_group],
        ['AttachedPoliciesPerRoleQuota', settings.policies_per_role],
        ['UserPolicySizeQuota', settings.user_policy_size],
        ['GroupPolicySizeQuota', settings.group_policy_size],
        ['RolePolicySizeQuota', settings.role_policy_size],
        ['AssumeRolePolicySizeQuota', settings.trust_policy_size],
      ]),
    }
  },

  GetAccountAuthorizationDetails: authorizationDetails,
} satisfies Handlers
