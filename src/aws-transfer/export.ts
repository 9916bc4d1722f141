import type { Queryable } from '#database'
import { groupsOf, listGroups, listUsers } from '#directory'
import {
  attachedPolicies,
  type BuiltInPolicies,
  inlinePolicies,
  listInstanceProfiles,
  listPoliciesFrom,
  listPolicyVersions,
  listRolesFrom,
  type Role,
} from '#iam'

type ExportNeeds = { readonly database: Queryable; readonly builtInPolicies: BuiltInPolicies }

const pageSize = 500

/**
 * An account's users, groups, roles and customer policies as `aws iam get-account-authorization-details` prints them:
 * for `importDetails`, and for tools that read that document. Built-in policies that are attached come along.
 */
export async function exportDetails(needs: ExportNeeds, accountId: string): Promise<object> {
  const db = needs.database
  const users = await all((after) => listUsers(db, accountId, { after, limit: pageSize }))
  const groups = await all((after) => listGroups(db, accountId, { after, limit: pageSize }))
  const roles = await all((after) => listRolesFrom(db, accountId, { after, limit: pageSize }))
  const policies = await all((after) => listPoliciesFrom(db, accountId, { after, limit: pageSize }))
  const attached = new Set<string>()
  const held = async (id: string) => {
    const arns = await attachedPolicies(db, id)
    for (const arn of arns) attached.add(arn)
    return {
      inline: (await inlinePolicies(db, id)).map(({ name, document }) => ({
        PolicyName: name,
        PolicyDocument: parsed(document),
      })),
      attached: arns.map((arn) => ({ PolicyName: arn.slice(arn.lastIndexOf('/') + 1), PolicyArn: arn })),
    }
  }
  const UserDetailList = []
  for (const user of users) {
    const { inline, attached: AttachedManagedPolicies } = await held(user.userId)
    UserDetailList.push({
      Path: user.path,
      UserName: user.name,
      UserId: user.userId,
      Arn: user.arn,
      CreateDate: date(user.createdAt),
      UserPolicyList: inline,
      GroupList: (await groupsOf(db, user.userId)).map(({ name }) => name),
      AttachedManagedPolicies,
      ...boundary(user.permissionsBoundary),
      Tags: tags(user.tags),
    })
  }
  const GroupDetailList = []
  for (const group of groups) {
    const { inline, attached: AttachedManagedPolicies } = await held(group.groupId)
    GroupDetailList.push({
      Path: group.path,
      GroupName: group.name,
      GroupId: group.groupId,
      Arn: group.arn,
      CreateDate: date(group.createdAt),
      GroupPolicyList: inline,
      AttachedManagedPolicies,
    })
  }
  const RoleDetailList = []
  for (const role of roles) {
    const { inline, attached: AttachedManagedPolicies } = await held(role.roleId)
    RoleDetailList.push({
      Path: role.path,
      RoleName: role.name,
      RoleId: role.roleId,
      Arn: role.arn,
      CreateDate: date(role.createdAt),
      AssumeRolePolicyDocument: parsed(role.trustDocument),
      InstanceProfileList: await profilesOf(db, role),
      RolePolicyList: inline,
      AttachedManagedPolicies,
      ...boundary(role.permissionsBoundary),
      Tags: tags(role.tags),
    })
  }
  const Policies: object[] = []
  for (const policy of policies)
    Policies.push({
      PolicyName: policy.name,
      PolicyId: policy.policyId,
      Arn: policy.arn,
      Path: policy.path,
      DefaultVersionId: `v${policy.defaultVersion}`,
      ...(policy.description === undefined ? {} : { Description: policy.description }),
      CreateDate: date(policy.createdAt),
      UpdateDate: date(policy.updatedAt),
      PolicyVersionList: (await listPolicyVersions(db, policy.policyId)).map((version) => ({
        Document: parsed(version.document),
        VersionId: `v${version.version}`,
        IsDefaultVersion: version.isDefault,
        CreateDate: date(version.createdAt),
      })),
      Tags: tags(policy.tags),
    })
  for (const policy of needs.builtInPolicies.values())
    if (attached.has(policy.arn))
      Policies.push({
        PolicyName: policy.name,
        Arn: policy.arn,
        Path: policy.path,
        DefaultVersionId: policy.version,
        PolicyVersionList: [
          { Document: parsed(policy.document), VersionId: policy.version, IsDefaultVersion: true },
        ],
      })
  return { UserDetailList, GroupDetailList, RoleDetailList, Policies }
}

/** All pages of a list by name. */
async function all<Row extends { readonly name: string }>(
  read: (after: string | undefined) => Promise<readonly Row[]>,
): Promise<readonly Row[]> {
  const rows: Row[] = []
  for (let after: string | undefined; ; after = rows.at(-1)?.name) {
    const page = await read(after)
    rows.push(...page)
    if (page.length < pageSize) return rows
  }
}

const profilesOf = async (db: Queryable, role: Role): Promise<readonly object[]> =>
  (await listInstanceProfiles(db, { accountId: role.accountId, roleId: role.roleId, limit: 1_000 })).map(
    (profile) => ({
      Path: profile.path,
      InstanceProfileName: profile.name,
      InstanceProfileId: profile.instanceProfileId,
      Arn: profile.arn,
      CreateDate: date(profile.createdAt),
      Roles: [],
    }),
  )

/** As the CLI shows documents. One that is no JSON any more stays text. */
function parsed(document: string): unknown {
  try {
    return JSON.parse(document)
  } catch {
    return document
  }
}

const date = (at: Temporal.Instant): string => at.toString({ smallestUnit: 'second' }).replace('Z', '+00:00')

const tags = (held: Readonly<Record<string, string>>): readonly object[] =>
  Object.entries(held).map(([Key, Value]) => ({ Key, Value }))

const boundary = (arn: string | undefined): object =>
  arn === undefined
    ? {}
    : {
        PermissionsBoundary: {
          PermissionsBoundaryType: 'Policy',
          PermissionsBoundaryArn: arn,
        },
      }
