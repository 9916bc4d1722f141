import { inlinePolicies as held, putInlinePolicy, removeInlinePolicy } from '#iam'

import type { Call, Handlers } from '../call.ts'
import { noSuchEntity } from '../limits.ts'
import { pageOf } from '../paging.ts'

/** Inline policies of users, groups and roles. */
export const inlinePolicies = {
  PutUserPolicy: (call) => put(call, call.entity.userId, call.needs.settings.user_policy_size),
  PutGroupPolicy: (call) => put(call, call.entity.groupId, call.needs.settings.group_policy_size),
  PutRolePolicy: (call) => put(call, call.entity.roleId, call.needs.settings.role_policy_size),

  GetUserPolicy: async (call) => ({
    UserName: call.entity.name,
    ...(await get(call, 'user', call.entity.userId)),
  }),
  GetGroupPolicy: async (call) => ({
    GroupName: call.entity.name,
    ...(await get(call, 'group', call.entity.groupId)),
  }),
  GetRolePolicy: async (call) => ({
    RoleName: call.entity.name,
    ...(await get(call, 'role', call.entity.roleId)),
  }),

  ListUserPolicies: (call) => list(call, call.entity.userId),
  ListGroupPolicies: (call) => list(call, call.entity.groupId),
  ListRolePolicies: (call) => list(call, call.entity.roleId),

  DeleteUserPolicy: (call) => remove(call, 'user', call.entity.userId),
  DeleteGroupPolicy: (call) => remove(call, 'group', call.entity.groupId),
  DeleteRolePolicy: (call) => remove(call, 'role', call.entity.roleId),
} satisfies Handlers

type Named = Pick<Call, 'db'> & { readonly input: { readonly PolicyName: string } }

async function put(
  { db, input }: Named & { readonly input: { readonly PolicyDocument: string } },
  principalId: string,
  size: number,
): Promise<undefined> {
  await putInlinePolicy(db, principalId, input.PolicyName, input.PolicyDocument, size)
  return undefined
}

async function get(
  { db, input: { PolicyName } }: Named,
  kind: string,
  principalId: string,
): Promise<{ readonly PolicyName: string; readonly PolicyDocument: string }> {
  const key = PolicyName.toLowerCase()
  const policy = (await held(db, principalId)).find(({ name }) => name.toLowerCase() === key)
  return policy === undefined
    ? missing(kind, PolicyName)
    : { PolicyName: policy.name, PolicyDocument: policy.document }
}

async function list(
  call: Parameters<typeof pageOf>[0] & Pick<Call, 'db'>,
  principalId: string,
): Promise<{
  readonly PolicyNames: readonly string[]
  readonly IsTruncated: boolean
  readonly Marker?: string | undefined
}> {
  const [rows, paged] = pageOf(call, await held(call.db, principalId))
  return { PolicyNames: rows.map(({ name }) => name), ...paged }
}

async function remove(
  { db, input: { PolicyName } }: Named,
  kind: string,
  principalId: string,
): Promise<undefined> {
  if (!(await removeInlinePolicy(db, principalId, PolicyName))) missing(kind, PolicyName)
  return undefined
}

const missing = (kind: string, name: string): never =>
  noSuchEntity(`The ${kind} policy with name ${name} cannot be found.`)
