import type { Group, User } from '#directory'
import type { OidcProvider, Role, SamlProvider } from '#iam'

import type { ResourceKind } from '../rules.ts'
import { accessKey, type OwnedAccessKey } from './access-key.ts'
import { oidcProvider, policy, samlProvider, type PolicyEntity } from './by-arn.ts'
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
  readonly 'instance-profile': never
  readonly 'server-certificate': never
  readonly mfa: never
  readonly 'access-key': OwnedAccessKey
}

/** A kind of which nothing can exist yet. */
const none =
  (kind: string): Resolver<never> =>
  async ({ accountId }, name) => ({
    arn: name.startsWith('arn:') ? name : `arn:aws:iam::${accountId}:${kind}/${name}`,
    entity: undefined,
    missing: `${name} cannot be found.`,
  })

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
  'instance-profile': { member: 'InstanceProfileName', resolve: none('instance-profile') },
  'server-certificate': { member: 'ServerCertificateName', resolve: none('server-certificate') },
  mfa: { member: 'SerialNumber', resolve: none('mfa') },
  'access-key': { member: 'AccessKeyId', resolve: accessKey },
}
