import { generateKeyPairSync } from 'node:crypto'

import { testCertificatePem } from '../support/certificate.ts'
import { home } from '../support/fixtures.ts'
import { foreignIdp } from '../support/saml-idp.ts'
import { allow, builtIn, trust } from './harness.ts'

/** One call of the script: what it asks, and the code it is refused with; `ok` where it goes well. */
export type Step = readonly [
  operation: string,
  outcome: string,
  parameters?: Readonly<Record<string, string>>,
]

/** The quotas under which the script runs: small, so that each is met. */
export const quotas = {
  users_per_account: 4,
  groups_per_account: 2,
  roles_per_account: 2,
  policies_per_account: 2,
  oidc_providers_per_account: 1,
  saml_providers_per_account: 2,
  client_ids_per_oidc_provider: 1,
  versions_per_policy: 2,
  policies_per_user: 1,
  policies_per_group: 1,
  policies_per_role: 1,
  groups_per_user: 1,
  access_keys_per_user: 1,
  policy_size: 300,
  user_policy_size: 300,
  group_policy_size: 300,
  role_policy_size: 300,
  trust_policy_size: 300,
  instance_profiles_per_account: 2,
} as const

const arn = (rest: string): string => `arn:aws:iam::${home}:${rest}`
const document = allow('s3:*')
const long = allow('s3:*', `arn:aws:s3:::${'a'.repeat(300)}`)
const longTrust = trust.replace('"Effect"', `"Sid":"${'A'.repeat(300)}","Effect"`)
const own = { PolicyArn: arn('policy/One') }
const bad = { PolicyArn: arn('role/no-policy-at-all') }
const oidc = { OpenIDConnectProviderArn: arn('oidc-provider/issuer.example') }
const saml = { SAMLProviderArn: arn('saml-provider/Corp') }
const SAMLMetadataDocument = foreignIdp().metadata.padEnd(1_001)
const twice = {
  'Tags.member.1.Key': 'a',
  'Tags.member.1.Value': '1',
  'Tags.member.2.Key': 'A',
  'Tags.member.2.Value': '2',
}
const fifty = Object.fromEntries(
  Array.from({ length: 50 }, (_, index) => [
    [`Tags.member.${index + 1}.Key`, `k${index}`],
    [`Tags.member.${index + 1}.Value`, ''],
  ]).flat(),
) as Record<string, string>
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const certificate = {
  ServerCertificateName: 'www',
  CertificateBody: testCertificatePem(privateKey),
  PrivateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }),
}
const expired = { Status: 'Expired' }
const oneMore = { 'Tags.member.1.Key': 'more', 'Tags.member.1.Value': '' }

/** Tags that are too many, or the same twice. */
const tagging = (operation: string, named: Readonly<Record<string, string>>): readonly Step[] => [
  [operation, 'InvalidInput', { ...named, ...twice }],
  [operation, 'ok', { ...named, ...fifty }],
  [operation, 'LimitExceeded', { ...named, ...oneMore }],
]

/** A script over one account that meets the errors that the model declares. */
export const script: readonly Step[] = [
  ['CreateUser', 'ok', { UserName: 'ann' }],
  ['CreateUser', 'EntityAlreadyExists', { UserName: 'ANN' }],
  ['CreateUser', 'NoSuchEntity', { UserName: 'x', PermissionsBoundary: builtIn('Nothing') }],
  ['CreateUser', 'InvalidInput', { UserName: 'x', ...twice }],
  ['CreateUser', 'ok', { UserName: 'ben' }],
  ['UpdateUser', 'EntityAlreadyExists', { UserName: 'ben', NewUserName: 'Ann' }],
  ['ListServiceSpecificCredentials', 'ok', { UserName: 'ann' }],
  ['ListServiceSpecificCredentials', 'NotSupportedService', { UserName: 'ann', ServiceName: 'git.example' }],
  ['PutUserPermissionsBoundary', 'InvalidInput', { UserName: 'ann', PermissionsBoundary: bad.PolicyArn }],
  ...tagging('TagUser', { UserName: 'ann' }),
  ['CreateUser', 'ok', { UserName: 'cat' }],
  ['CreateUser', 'LimitExceeded', { UserName: 'dan' }],

  ['CreateGroup', 'ok', { GroupName: 'g' }],
  ['CreateGroup', 'EntityAlreadyExists', { GroupName: 'G' }],
  ['CreateGroup', 'ok', { GroupName: 'h' }],
  ['CreateGroup', 'LimitExceeded', { GroupName: 'i' }],
  ['UpdateGroup', 'EntityAlreadyExists', { GroupName: 'h', NewGroupName: 'G' }],
  ['AddUserToGroup', 'ok', { GroupName: 'g', UserName: 'ann' }],
  ['AddUserToGroup', 'LimitExceeded', { GroupName: 'h', UserName: 'ann' }],
  ['DeleteGroup', 'DeleteConflict', { GroupName: 'g' }],
  ['DeleteUser', 'DeleteConflict', { UserName: 'ann' }],

  ['CreateRole', 'ok', { RoleName: 'r', AssumeRolePolicyDocument: trust }],
  ['CreateRole', 'EntityAlreadyExists', { RoleName: 'R', AssumeRolePolicyDocument: trust }],
  ['CreateRole', 'InvalidInput', { RoleName: 's', AssumeRolePolicyDocument: trust, ...twice }],
  ['CreateRole', 'MalformedPolicyDocument', { RoleName: 's', AssumeRolePolicyDocument: '{}' }],
  ['CreateRole', 'ok', { RoleName: 's', AssumeRolePolicyDocument: trust }],
  ['CreateRole', 'LimitExceeded', { RoleName: 't', AssumeRolePolicyDocument: trust }],
  ['UpdateAssumeRolePolicy', 'MalformedPolicyDocument', { RoleName: 'r', PolicyDocument: '[]' }],
  ['UpdateAssumeRolePolicy', 'LimitExceeded', { RoleName: 'r', PolicyDocument: longTrust }],
  ['PutRolePermissionsBoundary', 'InvalidInput', { RoleName: 'r', PermissionsBoundary: bad.PolicyArn }],
  ...tagging('TagRole', { RoleName: 'r' }),

  ['CreatePolicy', 'ok', { PolicyName: 'One', PolicyDocument: document }],
  ['CreatePolicy', 'EntityAlreadyExists', { PolicyName: 'one', PolicyDocument: document }],
  ['CreatePolicy', 'InvalidInput', { PolicyName: 'Two', PolicyDocument: document, ...twice }],
  ['CreatePolicy', 'MalformedPolicyDocument', { PolicyName: 'Two', PolicyDocument: 'no' }],
  ['CreatePolicy', 'ok', { PolicyName: 'Two', PolicyDocument: document }],
  ['CreatePolicy', 'LimitExceeded', { PolicyName: 'Three', PolicyDocument: document }],
  ['CreatePolicyVersion', 'MalformedPolicyDocument', { ...own, PolicyDocument: '{"Version":"1"}' }],
  ['CreatePolicyVersion', 'ok', { ...own, PolicyDocument: document }],
  ['CreatePolicyVersion', 'LimitExceeded', { ...own, PolicyDocument: document }],
  ['DeletePolicyVersion', 'DeleteConflict', { ...own, VersionId: 'v1' }],
  ['DeletePolicy', 'DeleteConflict', own],
  ...tagging('TagPolicy', own),

  ...(
    [
      ['User', { UserName: 'ann' }],
      ['Group', { GroupName: 'g' }],
      ['Role', { RoleName: 'r' }],
    ] as const
  ).flatMap(([kind, named]): readonly Step[] => [
    [`Attach${kind}Policy`, 'InvalidInput', { ...named, ...bad }],
    [`Attach${kind}Policy`, 'ok', { ...named, ...own }],
    [`Attach${kind}Policy`, 'LimitExceeded', { ...named, PolicyArn: arn('policy/Two') }],
    [`Detach${kind}Policy`, 'InvalidInput', { ...named, ...bad }],
    [`Put${kind}Policy`, 'ok', { ...named, PolicyName: 'p', PolicyDocument: document }],
    [`Put${kind}Policy`, 'MalformedPolicyDocument', { ...named, PolicyName: 'q', PolicyDocument: '1' }],
    [`Put${kind}Policy`, 'LimitExceeded', { ...named, PolicyName: 'q', PolicyDocument: long }],
    [`Get${kind}Policy`, 'NoSuchEntity', { ...named, PolicyName: 'other' }],
    [`Delete${kind}Policy`, 'NoSuchEntity', { ...named, PolicyName: 'other' }],
  ]),
  ['DeleteRole', 'DeleteConflict', { RoleName: 'r' }],

  ['CreateAccessKey', 'ok', { UserName: 'ann' }],
  ['CreateAccessKey', 'LimitExceeded', { UserName: 'ann' }],
  [
    'UpdateAccessKey',
    'InvalidInput',
    { UserName: 'ann', AccessKeyId: 'AKIAAAAAAAAAAAAAAAAA', Status: 'Expired' },
  ],

  ['CreateOpenIDConnectProvider', 'InvalidInput', { Url: 'https://issuer.example', ...twice }],
  ['CreateOpenIDConnectProvider', 'ok', { Url: 'https://issuer.example', 'ClientIDList.member.1': 'a' }],
  ['CreateOpenIDConnectProvider', 'LimitExceeded', { Url: 'https://other.example' }],
  ['AddClientIDToOpenIDConnectProvider', 'LimitExceeded', { ...oidc, ClientID: 'b' }],
  ...tagging('TagOpenIDConnectProvider', oidc),

  ['CreateSAMLProvider', 'InvalidInput', { Name: 'Corp', SAMLMetadataDocument: 'x'.repeat(1_001) }],
  ['CreateSAMLProvider', 'ok', { Name: 'Corp', SAMLMetadataDocument }],
  ['CreateSAMLProvider', 'EntityAlreadyExists', { Name: 'Corp', SAMLMetadataDocument }],
  ['CreateSAMLProvider', 'ok', { Name: 'Next', SAMLMetadataDocument }],
  ['CreateSAMLProvider', 'LimitExceeded', { Name: 'Third', SAMLMetadataDocument }],
  ...tagging('TagSAMLProvider', saml),

  ['CreateInstanceProfile', 'ok', { InstanceProfileName: 'web' }],
  ['CreateInstanceProfile', 'EntityAlreadyExists', { InstanceProfileName: 'WEB' }],
  ['CreateInstanceProfile', 'InvalidInput', { InstanceProfileName: 'x', ...twice }],
  ['CreateInstanceProfile', 'ok', { InstanceProfileName: 'worker' }],
  ['CreateInstanceProfile', 'LimitExceeded', { InstanceProfileName: 'x' }],
  ['AddRoleToInstanceProfile', 'ok', { InstanceProfileName: 'web', RoleName: 's' }],
  ['AddRoleToInstanceProfile', 'LimitExceeded', { InstanceProfileName: 'web', RoleName: 's' }],
  ['DeleteInstanceProfile', 'DeleteConflict', { InstanceProfileName: 'web' }],
  ...tagging('TagInstanceProfile', { InstanceProfileName: 'web' }),

  ['CreateVirtualMFADevice', 'ok', { VirtualMFADeviceName: 'phone' }],
  ['CreateVirtualMFADevice', 'EntityAlreadyExists', { VirtualMFADeviceName: 'Phone' }],
  ['CreateVirtualMFADevice', 'InvalidInput', { VirtualMFADeviceName: 'other', ...twice }],
  ...tagging('TagMFADevice', { SerialNumber: arn('mfa/phone') }),

  ['UploadServerCertificate', 'InvalidInput', { ...certificate, ...twice }],
  ['UploadServerCertificate', 'ok', certificate],
  ...tagging('TagServerCertificate', { ServerCertificateName: 'www' }),
  [
    'UpdateSigningCertificate',
    'InvalidInput',
    { UserName: 'ann', CertificateId: 'A'.repeat(24), ...expired },
  ],
  ['UpdateSSHPublicKey', 'InvalidInput', { UserName: 'ann', SSHPublicKeyId: 'A'.repeat(20), ...expired }],

  ['GetAccountPasswordPolicy', 'NoSuchEntity'],
  ['DeleteAccountPasswordPolicy', 'NoSuchEntity'],
  ['DeleteAccountAlias', 'NoSuchEntity', { AccountAlias: 'nothing' }],
  ...(['SimulatePrincipalPolicy', 'GetContextKeysForPrincipalPolicy'] as const).map((operation): Step => [
    operation,
    'NoSuchEntity',
    { PolicySourceArn: arn('user/nobody'), 'ActionNames.member.1': 's3:GetObject' },
  ]),
]

/** Errors that are met in a test of their own: the file in this folder whose text names the operation and the code. */
export const elsewhere: readonly (readonly [operation: string, error: string, file: string])[] = [
  ['CreateOpenIDConnectProvider', 'EntityAlreadyExists', 'providers.test.ts'],
  ['CreateLoginProfile', 'EntityAlreadyExists', 'login-profiles.test.ts'],
  ['CreateLoginProfile', 'PasswordPolicyViolation', 'login-profiles.test.ts'],
  ['UpdateLoginProfile', 'PasswordPolicyViolation', 'login-profiles.test.ts'],
  ['ChangePassword', 'PasswordPolicyViolation', 'login-profiles.test.ts'],
  ['ChangePassword', 'InvalidUserType', 'login-profiles.test.ts'],
  ['DeleteVirtualMFADevice', 'DeleteConflict', 'mfa-devices.test.ts'],
  ['EnableMFADevice', 'EntityAlreadyExists', 'mfa-devices.test.ts'],
  ['EnableMFADevice', 'InvalidAuthenticationCode', 'mfa-devices.test.ts'],
  ['EnableMFADevice', 'LimitExceeded', 'mfa-devices.test.ts'],
  ['ResyncMFADevice', 'InvalidAuthenticationCode', 'mfa-devices.test.ts'],
  ['CreateAccountAlias', 'EntityAlreadyExists', 'belongings.test.ts'],
  ['EnableOutboundWebIdentityFederation', 'FeatureEnabled', 'belongings.test.ts'],
  ['DisableOutboundWebIdentityFederation', 'FeatureDisabled', 'belongings.test.ts'],
  ['GetOutboundWebIdentityFederationInfo', 'FeatureDisabled', 'belongings.test.ts'],
  ['SimulateCustomPolicy', 'InvalidInput', 'simulation.test.ts'],
  ['SimulatePrincipalPolicy', 'InvalidInput', 'simulation.test.ts'],
  ['GetContextKeysForCustomPolicy', 'InvalidInput', 'simulation.test.ts'],
  ['GetContextKeysForPrincipalPolicy', 'InvalidInput', 'simulation.test.ts'],
  ['GetCredentialReport', 'ReportNotPresent', 'reports.test.ts'],
  ['GetCredentialReport', 'ReportInProgress', 'reports.test.ts'],
  ['GetCredentialReport', 'ReportExpired', 'reports.test.ts'],
  ['GenerateServiceLastAccessedDetails', 'NoSuchEntity', 'reports.test.ts'],
  ['GetServiceLastAccessedDetails', 'NoSuchEntity', 'reports.test.ts'],
  ['GetServiceLastAccessedDetailsWithEntities', 'NoSuchEntity', 'reports.test.ts'],
  ['UploadServerCertificate', 'EntityAlreadyExists', 'belongings.test.ts'],
  ['UploadServerCertificate', 'LimitExceeded', 'belongings.test.ts'],
  ['UploadServerCertificate', 'MalformedCertificate', 'belongings.test.ts'],
  ['UploadServerCertificate', 'KeyPairMismatch', 'belongings.test.ts'],
  ['UpdateServerCertificate', 'EntityAlreadyExists', 'belongings.test.ts'],
  ['UploadSigningCertificate', 'LimitExceeded', 'belongings.test.ts'],
  ['UploadSigningCertificate', 'MalformedCertificate', 'belongings.test.ts'],
  ['UploadSigningCertificate', 'DuplicateCertificate', 'belongings.test.ts'],
  ['UploadSSHPublicKey', 'LimitExceeded', 'belongings.test.ts'],
  ['UploadSSHPublicKey', 'InvalidPublicKey', 'belongings.test.ts'],
  ['UploadSSHPublicKey', 'DuplicateSSHPublicKey', 'belongings.test.ts'],
]

/** Errors that no request can meet, and why. `operations` matches whole names; without it, all of them. */
export const unreachable: readonly {
  readonly error: string
  readonly operations?: RegExp
  readonly why: string
}[] = [
  {
    error: 'ServiceFailure',
    why: 'A bug of ours is InternalFailure on every operation; nothing that a caller sends may bring it about.',
  },
  {
    error: 'ConcurrentModification',
    why: 'Changes of one entity wait for each other on its row. Only three deadlocks in a row would answer with it.',
  },
  {
    error: 'UnmodifiableEntity',
    why: 'It is for service-linked roles, and there are none: CreateServiceLinkedRole is not offered.',
  },
  {
    error: 'PolicyNotAttachable',
    why: 'It is for policies of service-linked roles; every managed policy here may be attached.',
  },
  {
    error: 'EntityTemporarilyUnmodifiable',
    why: 'It is for entities whose creation has not reached every region yet. Reads here see the last write.',
  },
  {
    error: 'OpenIdIdpCommunicationError',
    operations: /CreateOpenIDConnectProvider/,
    why: 'The issuer is not contacted when its provider is created, only when a token comes.',
  },
  {
    error: 'LimitExceeded',
    operations: /(?:Delete|Detach|Remove|Deactivate|Resync)\w+/,
    why: 'What takes something away meets no quota.',
  },
  {
    error: 'LimitExceeded',
    operations:
      /UpdateUser|UpdateGroup|UpdateAccessKey|UpdateSAMLProvider|SetDefaultPolicyVersion|UpdateLoginProfile|UpdateServerCertificate|UpdateSigningCertificate|UpdateAccountPasswordPolicy|ChangePassword|CreateLoginProfile/,
    why: 'It adds nothing that is counted.',
  },
  {
    error: 'NoSuchEntity',
    operations: /CreateGroup/,
    why: 'A new group refers to nothing that could be missing.',
  },
  {
    error: 'InvalidInput',
    operations: /ListAttached(?:User|Group|Role)Policies/,
    why: 'What is wrong with a path or a marker is a ValidationError already.',
  },
  {
    error: 'InvalidInput',
    operations: /Untag(?:InstanceProfile|ServerCertificate)/,
    why: 'Keys that are not there are no error, and the names have passed the model.',
  },
  {
    error: 'InvalidInput',
    operations: /UntagMFADevice|ListMFADeviceTags/,
    why: 'A serial number of another form names no device: NoSuchEntity.',
  },
  {
    error: 'InvalidInput',
    operations:
      /GetServiceLastAccessedDetails(?:WithEntities)?|GenerateServiceLastAccessedDetails|ListPoliciesGrantingServiceAccess/,
    why: 'A job id or an ARN that names nothing is NoSuchEntity, and what is of no account AccessDenied.',
  },
  {
    error: 'NoSuchEntity',
    operations: /ListPoliciesGrantingServiceAccess/,
    why: 'reports.test.ts asks the same look-up through GenerateServiceLastAccessedDetails.',
  },
  {
    error: 'NoSuchEntity',
    operations: /UpdateAccountPasswordPolicy/,
    why: 'The account of a caller is there.',
  },
  {
    error: 'MalformedPolicyDocument',
    operations: /UpdateAccountPasswordPolicy/,
    why: 'It takes no document.',
  },
  {
    error: 'LimitExceeded',
    operations: /CreateVirtualMFADevice/,
    why: 'Devices are counted when a user enables them.',
  },
  {
    error: 'LimitExceeded',
    operations: /CreateAccountAlias/,
    why: 'An account has one alias; a new one takes its place, as on AWS.',
  },
  {
    error: 'LimitExceeded',
    operations: /GenerateCredentialReport/,
    why: 'Who asks while a report is being made is told so.',
  },
  {
    error: 'EntityAlreadyExists',
    operations: /AddRoleToInstanceProfile/,
    why: 'A profile that has its one role answers LimitExceeded.',
  },
  {
    error: 'PolicyEvaluation',
    why: 'A policy that cannot be evaluated denies, it does not fail.',
  },
  {
    error: 'DeleteConflict',
    operations: /DeleteServerCertificate/,
    why: 'Nothing here uses a server certificate.',
  },
  {
    error: 'EntityAlreadyExists',
    operations: /UploadSigningCertificate/,
    why: 'The same certificate again is DuplicateCertificate.',
  },
  {
    error: 'InvalidCertificate',
    why: 'A certificate that can be read is kept as it is; one that cannot is MalformedCertificate.',
  },
  {
    error: 'UnrecognizedPublicKeyEncoding',
    why: "A key in neither encoding is InvalidPublicKey, and the words of Encoding are the model's.",
  },
]
