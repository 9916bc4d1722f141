import { createHash } from 'node:crypto'

import type { iam, OutputOf } from '#aws-wire'
import type { Group, User } from '#directory'
import type { BuiltInPolicy, InstanceProfile, PolicyUsage, PolicyVersion, Role, RoleUse } from '#iam'

import { boundaryOf } from './attachable.ts'
import type { IamOperation } from './call.ts'
import type { PolicyEntity } from './resources/by-arn.ts'
import { tagsOrNone } from './tags.ts'

type Out<Name extends IamOperation> = OutputOf<typeof iam, Name>

type ShownUser = Out<'GetUser'>['User']
type ShownGroup = Out<'CreateGroup'>['Group']
type ShownRole = Out<'GetRole'>['Role']
type ShownProfile = Out<'GetInstanceProfile'>['InstanceProfile']
type ShownPolicy = NonNullable<Out<'GetPolicy'>['Policy']>
type ShownVersion = NonNullable<Out<'GetPolicyVersion'>['PolicyVersion']>

/** A user as lists have it. */
export const userListed = (user: User): ShownUser => ({
  Path: user.path,
  UserName: user.name,
  UserId: user.userId,
  Arn: user.arn,
  CreateDate: user.createdAt,
  PasswordLastUsed: user.passwordLastUsed,
})

/** A user with its boundary and tags. */
export const userInFull = (user: User): ShownUser => ({
  ...userListed(user),
  PermissionsBoundary: boundaryOf(user.permissionsBoundary),
  Tags: tagsOrNone(user.tags),
})

export const groupShown = (group: Group): ShownGroup => ({
  Path: group.path,
  GroupName: group.name,
  GroupId: group.groupId,
  Arn: group.arn,
  CreateDate: group.createdAt,
})

/** A role as lists have it. */
export const roleListed = (role: Role): ShownRole => ({
  Path: role.path,
  RoleName: role.name,
  RoleId: role.roleId,
  Arn: role.arn,
  CreateDate: role.createdAt,
  AssumeRolePolicyDocument: role.trustDocument,
  Description: role.description,
  MaxSessionDuration: role.maxSessionSeconds,
})

/** A role with its boundary and tags. */
export const roleInFull = (role: Role): ShownRole => ({
  ...roleListed(role),
  PermissionsBoundary: boundaryOf(role.permissionsBoundary),
  Tags: tagsOrNone(role.tags),
})

/** Empty, not absent, for a role that nobody has used: clients look into it. */
export const lastUsed = (
  use: RoleUse | undefined,
): { readonly LastUsedDate?: Temporal.Instant; readonly Region?: string } =>
  use === undefined ? {} : { LastUsedDate: use.at, Region: use.region }

/** An instance profile with the role in it. */
export const instanceProfileShown = (profile: InstanceProfile, role: Role | undefined): ShownProfile => ({
  Path: profile.path,
  InstanceProfileName: profile.name,
  InstanceProfileId: profile.instanceProfileId,
  Arn: profile.arn,
  CreateDate: profile.createdAt,
  Roles: role === undefined ? [] : [roleListed(role)],
  Tags: tagsOrNone(profile.tags),
})

/** A managed policy as lists have it. */
export function policyListed({ type, policy }: PolicyEntity, usage: PolicyUsage | undefined): ShownPolicy {
  const same = {
    PolicyName: policy.name,
    Arn: policy.arn,
    Path: policy.path,
    AttachmentCount: usage?.attachments ?? 0,
    PermissionsBoundaryUsageCount: usage?.boundaries ?? 0,
    IsAttachable: true,
  }
  return type === 'own'
    ? {
        ...same,
        PolicyId: policy.policyId,
        DefaultVersionId: `v${policy.defaultVersion}`,
        CreateDate: policy.createdAt,
        UpdateDate: policy.updatedAt,
      }
    : {
        ...same,
        PolicyId: builtInPolicyId(policy),
        DefaultVersionId: policy.version,
        CreateDate: builtInSince,
        UpdateDate: builtInSince,
      }
}

/** A managed policy with its description and tags. */
export const policyInFull = (entity: PolicyEntity, usage: PolicyUsage | undefined): ShownPolicy => ({
  ...policyListed(entity, usage),
  Description: entity.policy.description,
  Tags: entity.type === 'own' ? tagsOrNone(entity.policy.tags) : undefined,
})

/** One version, without its document. */
export const versionListed = (version: PolicyVersion): ShownVersion => ({
  VersionId: `v${version.version}`,
  IsDefaultVersion: version.isDefault,
  CreateDate: version.createdAt,
})

/** The one version of a built-in policy. */
export const builtInVersion = (policy: BuiltInPolicy): ShownVersion => ({
  VersionId: policy.version,
  IsDefaultVersion: true,
  CreateDate: builtInSince,
})

/** The built-in policies have no row that could remember. */
const builtInSince = Temporal.Instant.from('2026-11-01T00:00:00Z')

const base32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** An id in AWS's shape that is the same everywhere, since the policy is. */
const builtInPolicyId = ({ arn }: BuiltInPolicy): string =>
  'ANPA' +
  Array.from(
    createHash('sha256').update(arn).digest().subarray(0, 17),
    (byte) => base32[byte & 31] ?? '',
  ).join('')

/** The name at the end of an ARN. */
export const nameInArn = (arn: string): string => arn.slice(arn.lastIndexOf('/') + 1)

/** The path in a policy's ARN, with both slashes. */
export const pathInArn = (arn: string): string => arn.slice(arn.indexOf('/'), arn.lastIndexOf('/') + 1)
