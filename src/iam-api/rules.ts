import type { iam, OperationName } from '#aws-wire'

type IamOperation = OperationName<typeof iam>

/** Whose ARN an operation is authorized for, when it exists already. */
export type ResourceKind =
  | 'user'
  | 'group'
  | 'role'
  | 'policy'
  | 'oidc-provider'
  | 'saml-provider'
  | 'instance-profile'
  | 'server-certificate'
  | 'mfa'
  | 'access-key'

/**
 * Condition keys that a request brings along, besides the global ones and the resource's own tags.
 *
 * - `boundary`: iam:PermissionsBoundary is the one that is passed
 * - `held-boundary`: iam:PermissionsBoundary is the one that the user or role has
 * - `policy`: iam:PolicyARN
 * - `tags`: aws:RequestTag/… and aws:TagKeys
 * - `tag-keys`: aws:TagKeys
 * - `service`: iam:AWSServiceName
 */
export type KeySource = 'boundary' | 'held-boundary' | 'policy' | 'tags' | 'tag-keys' | 'service'

/**
 * What one operation is authorized for. Without `on`, `creates`, `list` and `arn` it is the account: `*`.
 *
 * - `on`: an entity that exists; `root`: without a name it may be the root user
 * - `creates`: an entity to be, of the path and name in the request; `tagging` is demanded too where tags come along
 * - `list`: everything of a kind below a path
 * - `arn`: the member of the request that has the ARN
 * - `selfService`: needs no policy where the account lets its users change their password
 */
export type Rule = {
  readonly on?: ResourceKind
  readonly root?: true
  readonly creates?: ResourceKind
  readonly tagging?: IamOperation
  readonly list?: ResourceKind
  readonly arn?: string
  readonly keys?: readonly KeySource[]
  readonly selfService?: true
}

/**
 * The resource and condition keys of every operation of IAM, as the Service Authorization Reference gives them
 * (list_awsidentityandaccessmanagementiam). Lists there have no resource: ours have the path's, which `*` matches too.
 */
export const rules = {
  AcceptDelegationRequest: {},
  AcquireRole: {},
  AddClientIDToOpenIDConnectProvider: { on: 'oidc-provider' },
  AddRoleToInstanceProfile: { on: 'instance-profile' },
  AddUserToGroup: { on: 'group' },
  AssociateDelegationRequest: {},
  AttachGroupPolicy: { on: 'group', keys: ['policy'] },
  AttachRolePolicy: { on: 'role', keys: ['policy', 'held-boundary'] },
  AttachUserPolicy: { on: 'user', keys: ['policy', 'held-boundary'] },
  ChangePassword: { on: 'user', root: true, selfService: true },
  CreateAccessKey: { on: 'user', root: true },
  CreateAccountAlias: {},
  CreateDelegationRequest: {},
  CreateGroup: { creates: 'group' },
  CreateInstanceProfile: { creates: 'instance-profile', keys: ['tags'], tagging: 'TagInstanceProfile' },
  CreateLoginProfile: { on: 'user' },
  CreateOpenIDConnectProvider: {
    creates: 'oidc-provider',
    keys: ['tags'],
    tagging: 'TagOpenIDConnectProvider',
  },
  CreatePolicy: { creates: 'policy', keys: ['tags'], tagging: 'TagPolicy' },
  CreatePolicyVersion: { on: 'policy' },
  CreateRole: { creates: 'role', keys: ['boundary', 'tags'], tagging: 'TagRole' },
  CreateSAMLProvider: { creates: 'saml-provider', keys: ['tags'], tagging: 'TagSAMLProvider' },
  CreateServiceLinkedRole: { keys: ['service'] },
  CreateServiceSpecificCredential: { on: 'user' },
  CreateUser: { creates: 'user', keys: ['boundary', 'tags'], tagging: 'TagUser' },
  CreateVirtualMFADevice: { creates: 'mfa', keys: ['tags'], tagging: 'TagMFADevice' },
  DeactivateMFADevice: { on: 'user', root: true },
  DeleteAccessKey: { on: 'user', root: true },
  DeleteAccountAlias: {},
  DeleteAccountPasswordPolicy: {},
  DeleteGroup: { on: 'group' },
  DeleteGroupPolicy: { on: 'group' },
  DeleteInstanceProfile: { on: 'instance-profile' },
  DeleteLoginProfile: { on: 'user' },
  DeleteOpenIDConnectProvider: { on: 'oidc-provider' },
  DeletePolicy: { on: 'policy' },
  DeletePolicyVersion: { on: 'policy' },
  DeleteRole: { on: 'role' },
  DeleteRolePermissionsBoundary: { on: 'role', keys: ['held-boundary'] },
  DeleteRolePolicy: { on: 'role', keys: ['held-boundary'] },
  DeleteSAMLProvider: { on: 'saml-provider' },
  DeleteSSHPublicKey: { on: 'user' },
  DeleteServerCertificate: { on: 'server-certificate' },
  DeleteServiceLinkedRole: { on: 'role' },
  DeleteServiceSpecificCredential: { on: 'user', root: true },
  DeleteSigningCertificate: { on: 'user', root: true },
  DeleteUser: { on: 'user' },
  DeleteUserPermissionsBoundary: { on: 'user', keys: ['held-boundary'] },
  DeleteUserPolicy: { on: 'user', keys: ['held-boundary'] },
  DeleteVirtualMFADevice: { on: 'mfa' },
  DetachGroupPolicy: { on: 'group', keys: ['policy'] },
  DetachRolePolicy: { on: 'role', keys: ['policy', 'held-boundary'] },
  DetachUserPolicy: { on: 'user', keys: ['policy', 'held-boundary'] },
  DisableOrganizationsRootCredentialsManagement: {},
  DisableOrganizationsRootSessions: {},
  DisableOutboundWebIdentityFederation: {},
  EnableMFADevice: { on: 'user', root: true },
  EnableOrganizationsRootCredentialsManagement: {},
  EnableOrganizationsRootSessions: {},
  EnableOutboundWebIdentityFederation: {},
  GenerateCredentialReport: {},
  GenerateOrganizationsAccessReport: {},
  GenerateServiceLastAccessedDetails: { arn: 'Arn' },
  GetAccessKeyLastUsed: { on: 'access-key' },
  GetAccountAuthorizationDetails: {},
  GetAccountPasswordPolicy: { selfService: true },
  GetAccountProperties: {},
  GetAccountSummary: {},
  GetContextKeysForCustomPolicy: {},
  GetContextKeysForPrincipalPolicy: { arn: 'PolicySourceArn' },
  GetCredentialReport: {},
  GetDelegationRequest: {},
  GetGroup: { on: 'group' },
  GetGroupPolicy: { on: 'group' },
  GetHumanReadableSummary: { arn: 'EntityArn' },
  GetInstanceProfile: { on: 'instance-profile' },
  GetLoginProfile: { on: 'user' },
  GetMFADevice: { on: 'user', root: true },
  GetOpenIDConnectProvider: { on: 'oidc-provider' },
  GetOrganizationsAccessReport: {},
  GetOutboundWebIdentityFederationInfo: {},
  GetPolicy: { on: 'policy' },
  GetPolicyVersion: { on: 'policy' },
  GetRole: { on: 'role' },
  GetRolePolicy: { on: 'role' },
  GetRoleTemplateVersion: {},
  GetSAMLProvider: { on: 'saml-provider' },
  GetSSHPublicKey: { on: 'user' },
  GetServerCertificate: { on: 'server-certificate' },
  GetServiceLastAccessedDetails: {},
  GetServiceLastAccessedDetailsWithEntities: {},
  GetServiceLinkedRoleDeletionStatus: {},
  GetUser: { on: 'user', root: true },
  GetUserPolicy: { on: 'user' },
  ListAccessKeys: { on: 'user', root: true },
  ListAccountAliases: {},
  ListAttachedGroupPolicies: { on: 'group' },
  ListAttachedRolePolicies: { on: 'role' },
  ListAttachedUserPolicies: { on: 'user' },
  ListDelegationRequests: {},
  ListEntitiesForPolicy: { on: 'policy' },
  ListGroupPolicies: { on: 'group' },
  ListGroups: { list: 'group' },
  ListGroupsForUser: { on: 'user' },
  ListInstanceProfileTags: { on: 'instance-profile' },
  ListInstanceProfiles: { list: 'instance-profile' },
  ListInstanceProfilesForRole: { on: 'role' },
  ListMFADeviceTags: { on: 'mfa' },
  ListMFADevices: { on: 'user', root: true },
  ListOpenIDConnectProviderTags: { on: 'oidc-provider' },
  ListOpenIDConnectProviders: { list: 'oidc-provider' },
  ListOrganizationsFeatures: {},
  ListPolicies: { list: 'policy' },
  ListPoliciesGrantingServiceAccess: { arn: 'Arn' },
  ListPolicyTags: { on: 'policy' },
  ListPolicyVersions: { on: 'policy' },
  ListRolePolicies: { on: 'role' },
  ListRoleTags: { on: 'role' },
  ListRoles: { list: 'role' },
  ListSAMLProviderTags: { on: 'saml-provider' },
  ListSAMLProviders: { list: 'saml-provider' },
  ListSSHPublicKeys: { on: 'user' },
  ListServerCertificateTags: { on: 'server-certificate' },
  ListServerCertificates: { list: 'server-certificate' },
  ListServiceSpecificCredentials: { on: 'user', root: true },
  ListSigningCertificates: { on: 'user', root: true },
  ListUserPolicies: { on: 'user' },
  ListUserTags: { on: 'user' },
  ListUsers: { list: 'user' },
  ListVirtualMFADevices: { list: 'mfa' },
  PutAccountProperties: {},
  PutGroupPolicy: { on: 'group' },
  PutRolePermissionsBoundary: { on: 'role', keys: ['boundary'] },
  PutRolePolicy: { on: 'role', keys: ['held-boundary'] },
  PutUserPermissionsBoundary: { on: 'user', keys: ['boundary'] },
  PutUserPolicy: { on: 'user', keys: ['held-boundary'] },
  RejectDelegationRequest: {},
  RemoveClientIDFromOpenIDConnectProvider: { on: 'oidc-provider' },
  RemoveRoleFromInstanceProfile: { on: 'instance-profile' },
  RemoveUserFromGroup: { on: 'group' },
  ResetServiceSpecificCredential: { on: 'user', root: true },
  ResyncMFADevice: { on: 'user', root: true },
  SendDelegationToken: {},
  SetDefaultPolicyVersion: { on: 'policy' },
  SetSecurityTokenServicePreferences: {},
  SimulateCustomPolicy: {},
  SimulatePrincipalPolicy: { arn: 'PolicySourceArn' },
  TagInstanceProfile: { on: 'instance-profile', keys: ['tags'] },
  TagMFADevice: { on: 'mfa', keys: ['tags'] },
  TagOpenIDConnectProvider: { on: 'oidc-provider', keys: ['tags'] },
  TagPolicy: { on: 'policy', keys: ['tags'] },
  TagRole: { on: 'role', keys: ['tags'] },
  TagSAMLProvider: { on: 'saml-provider', keys: ['tags'] },
  TagServerCertificate: { on: 'server-certificate', keys: ['tags'] },
  TagUser: { on: 'user', keys: ['tags'] },
  UntagInstanceProfile: { on: 'instance-profile', keys: ['tag-keys'] },
  UntagMFADevice: { on: 'mfa', keys: ['tag-keys'] },
  UntagOpenIDConnectProvider: { on: 'oidc-provider', keys: ['tag-keys'] },
  UntagPolicy: { on: 'policy', keys: ['tag-keys'] },
  UntagRole: { on: 'role', keys: ['tag-keys'] },
  UntagSAMLProvider: { on: 'saml-provider', keys: ['tag-keys'] },
  UntagServerCertificate: { on: 'server-certificate', keys: ['tag-keys'] },
  UntagUser: { on: 'user', keys: ['tag-keys'] },
  UpdateAccessKey: { on: 'user', root: true },
  UpdateAccountPasswordPolicy: {},
  UpdateAssumeRolePolicy: { on: 'role' },
  UpdateDelegationRequest: {},
  UpdateGroup: { on: 'group' },
  UpdateLoginProfile: { on: 'user' },
  UpdateOpenIDConnectProviderThumbprint: { on: 'oidc-provider' },
  UpdateRole: { on: 'role' },
  UpdateRoleDescription: { on: 'role' },
  UpdateSAMLProvider: { on: 'saml-provider' },
  UpdateSSHPublicKey: { on: 'user' },
  UpdateServerCertificate: { on: 'server-certificate' },
  UpdateServiceSpecificCredential: { on: 'user', root: true },
  UpdateSigningCertificate: { on: 'user', root: true },
  UpdateUser: { on: 'user' },
  UploadSSHPublicKey: { on: 'user' },
  UploadServerCertificate: { creates: 'server-certificate', keys: ['tags'], tagging: 'TagServerCertificate' },
  UploadSigningCertificate: { on: 'user', root: true },
} as const satisfies Readonly<Record<IamOperation, Rule>>
