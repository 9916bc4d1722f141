import type { Group, User } from '#directory'
import type { InstanceProfile, OidcProvider, Role, SamlProvider, ServerCertificate } from '#iam'
import type { VirtualDevice } from '#mfa'

import type { ResourceKind } from '../rules.ts'
import { accessKey, type OwnedAccessKey } from './access-key.ts'
import { oidcProvider, policy, samlProvider, type PolicyEntity } from './by-arn.ts'
import { instanceProfile, mfaDevice, serverCertificate } from './belongings.ts'
import { group, role, user } from './named.ts'
import type { Resolver } from './resource.ts'

/** What an operation finds as its resource, by kind. */
export type Entities = {
  readonly user: User
  readonly group: Group
  readonly role: Role
  readonly policy: PolicyEntity
  readonly 'oidc-provider': OidcProvider
  readonly 'saml-provider': SamlProvider
  readonly 'instance-profile': InstanceProfile
  readonly 'server-certificate': ServerCertificate
  readonly mfa: VirtualDevice
  readonly 'access-key': OwnedAccessKey
}

/** How the resource of each kind is named in a request, and found. */
export const resources: {
  readonly [Kind in ResourceKind]: { readonly member: string; readonly resolve: Resolver<Entities[Kind]> }
} = {
  user: { member: 'UserName', resolve: user },
  group: { member: 'GroupName', resolve: group },
  role: { member: 'RoleName', resolve: role },
  policy: { member: 'PolicyArn', resolve: policy },
  'oidc-provider': { member: 'OpenIDConnectProviderArn', resolve: oidcProvider },
  'saml-provider': { member: 'SAMLProviderArn', resolve: samlProvider },
  'instance-profile': { member: 'InstanceProfileName', resolve: instanceProfile },
  'server-certificate': { member: 'ServerCertificateName', resolve: serverCertificate },
  mfa: { member: 'SerialNumber', resolve: mfaDevice },
  'access-key': { member: 'AccessKeyId', resolve: accessKey },
}
