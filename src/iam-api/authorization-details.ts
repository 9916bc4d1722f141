import type { iam, OutputOf } from '#aws-wire'
import { groupNamesOf, listGroups, listUsers, type Group, type User } from '#directory'
import {
  instanceProfilesOf,
  listPoliciesFrom,
  listPolicyVersions,
  listRolesFrom,
  policiesHeldBy,
  policyUsage,
  roleUses,
  type HeldPolicies,
  type Role,
} from '#iam'

import { boundaryOf } from './attachable.ts'
import type { Call } from './call.ts'
import { page } from './paging.ts'
import type { PolicyEntity } from './resources/by-arn.ts'
import {
  builtInVersion,
  instanceProfileShown,
  lastUsed,
  nameInArn,
  policyInFull,
  versionListed,
} from './shown.ts'
import { tagsOrNone } from './tags.ts'

type Details = OutputOf<typeof iam, 'GetAccountAuthorizationDetails'>

type Row =
  | { readonly kind: 'User'; readonly name: string; readonly of: User }
  | { readonly kind: 'Group'; readonly name: string; readonly of: Group }
  | { readonly kind: 'Role'; readonly name: string; readonly of: Role }
  | {
      readonly kind: 'LocalManagedPolicy' | 'AWSManagedPolicy'
      readonly name: string
      readonly of: PolicyEntity
    }

/** The lists in the order they are paged through. */
const kinds = ['User', 'Group', 'Role', 'LocalManagedPolicy', 'AWSManagedPolicy'] as const

/**
 * Everything about permissions in the account, page by page over four lists: a page holds at most MaxItems entities of
 * all kinds together, and nothing of another page is in memory.
 */
export async function authorizationDetails(call: Call<'GetAccountAuthorizationDetails'>): Promise<Details> {
  const { Filter: filter = [] } = call.input
  const wanted = kinds.filter((kind) => filter.length === 0 || filter.includes(kind))
  const [rows, paged] = await page(
    call,
    async (cursor, limit) => {
      const [at = wanted[0] ?? '', after] = cursor?.split(' ') ?? []
      const found: Row[] = []
      for (const kind of wanted.slice(wanted.findIndex((each) => each === at))) {
        if (found.length >= limit) break
        found.push(...(await readers[kind](call, kind === at ? after : undefined, limit - found.length)))
      }
      return found
    },
    ({ kind, name }) => `${kind} ${name}`,
  )
  return { ...(await shown(call, rows)), ...paged }
}

type Reader = (call: Call, after: string | undefined, limit: number) => Promise<readonly Row[]>

const readers: Readonly<Record<(typeof kinds)[number], Reader>> = {
  User: async ({ db, accountId }, after, limit) =>
    (await listUsers(db, accountId, { after, limit })).map((of) => ({ kind: 'User', name: of.name, of })),
  Group: async ({ db, accountId }, after, limit) =>
    (await listGroups(db, accountId, { after, limit })).map((of) => ({ kind: 'Group', name: of.name, of })),
  Role: async ({ db, accountId }, after, limit) =>
    (await listRolesFrom(db, accountId, { after, limit })).map((of) => ({ kind: 'Role', name: of.name, of })),
  LocalManagedPolicy: async ({ db, accountId }, after, limit) =>
    (await listPoliciesFrom(db, accountId, { after, limit })).map((policy) => ({
      kind: 'LocalManagedPolicy',
      name: policy.name,
      of: { type: 'own', policy },
    })),
  AWSManagedPolicy: async ({ needs }, after, limit) =>
    [...needs.builtInPolicies.values()]
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
      .filter(({ name }) => after === undefined || name > after)
      .slice(0, limit)
      .map((policy) => ({ kind: 'AWSManagedPolicy', name: policy.name, of: { type: 'built-in', policy } })),
}

async function shown({ db, accountId }: Call, rows: readonly Row[]): Promise<Details> {
  const users = rows.flatMap((row) => (row.kind === 'User' ? [row.of] : []))
  const groups = rows.flatMap((row) => (row.kind === 'Group' ? [row.of] : []))
  const roles = rows.flatMap((row) => (row.kind === 'Role' ? [row.of] : []))
  const policies = rows.flatMap((row) =>
    row.kind === 'LocalManagedPolicy' || row.kind === 'AWSManagedPolicy' ? [row.of] : [],
  )
  const userIds = users.map(({ userId }) => userId)
  const roleIds = roles.map(({ roleId }) => roleId)
  const arns = policies.map(({ policy }) => policy.arn)
  const [held, memberships, uses, profiles, usage] = await Promise.all([
    policiesHeldBy(db, [...userIds, ...groups.map(({ groupId }) => groupId), ...roleIds]),
    groupNamesOf(db, userIds),
    roleUses(db, roleIds),
    instanceProfilesOf(db, roleIds),
    policyUsage(db, accountId, arns),
  ])
  return {
    UserDetailList: users.map((user) => ({
      Path: user.path,
      UserName: user.name,
      UserId: user.userId,
      Arn: user.arn,
      CreateDate: user.createdAt,
      UserPolicyList: inlineOf(held.get(user.userId)),
      GroupList: memberships.get(user.userId) ?? [],
      AttachedManagedPolicies: attachedOf(held.get(user.userId)),
      PermissionsBoundary: boundaryOf(user.permissionsBoundary),
      Tags: tagsOrNone(user.tags),
    })),
    GroupDetailList: groups.map((group) => ({
      Path: group.path,
      GroupName: group.name,
      GroupId: group.groupId,
      Arn: group.arn,
      CreateDate: group.createdAt,
      GroupPolicyList: inlineOf(held.get(group.groupId)),
      AttachedManagedPolicies: attachedOf(held.get(group.groupId)),
    })),
    RoleDetailList: roles.map((role) => ({
      Path: role.path,
      RoleName: role.name,
      RoleId: role.roleId,
      Arn: role.arn,
      CreateDate: role.createdAt,
      AssumeRolePolicyDocument: role.trustDocument,
      InstanceProfileList: profiles
        .filter(({ roleId }) => roleId === role.roleId)
        .map((profile) => instanceProfileShown(profile, role)),
      RolePolicyList: inlineOf(held.get(role.roleId)),
      AttachedManagedPolicies: attachedOf(held.get(role.roleId)),
      PermissionsBoundary: boundaryOf(role.permissionsBoundary),
      Tags: tagsOrNone(role.tags),
      RoleLastUsed: lastUsed(uses.get(role.roleId)),
    })),
    Policies: await Promise.all(
      policies.map(async (entity) => ({
        ...policyInFull(entity, usage.get(entity.policy.arn)),
        PolicyVersionList:
          entity.type === 'built-in'
            ? [{ ...builtInVersion(entity.policy), Document: entity.policy.document }]
            : (await listPolicyVersions(db, entity.policy.policyId)).map((version) => ({
                ...versionListed(version),
                Document: version.document,
              })),
      })),
    ),
  }
}

const inlineOf = (
  held: HeldPolicies | undefined,
): readonly { readonly PolicyName: string; readonly PolicyDocument: string }[] =>
  (held?.inline ?? []).map(({ name, document }) => ({ PolicyName: name, PolicyDocument: document }))

const attachedOf = (
  held: HeldPolicies | undefined,
): readonly { readonly PolicyName: string; readonly PolicyArn: string }[] =>
  (held?.attached ?? []).map((arn) => ({ PolicyName: nameInArn(arn), PolicyArn: arn }))
