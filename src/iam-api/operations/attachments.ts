import { attachedPolicies, attachPolicy, detachPolicy } from '#iam'

import { requireAttachable, requirePolicyArn } from '../attachable.ts'
import type { Call, Handlers } from '../call.ts'
import { noSuchEntity, requireRoom } from '../limits.ts'
import { pageOf } from '../paging.ts'
import { nameInArn, pathInArn } from '../shown.ts'

/** Managed policies attached to users, groups and roles. */
export const attachments = {
  AttachUserPolicy: (call) =>
    attach(call, call.entity.userId, call.needs.settings.policies_per_user, 'PoliciesPerUser'),
  AttachGroupPolicy: (call) =>
    attach(call, call.entity.groupId, call.needs.settings.policies_per_group, 'PoliciesPerGroup'),
  AttachRolePolicy: (call) =>
    attach(call, call.entity.roleId, call.needs.settings.policies_per_role, 'PoliciesPerRole'),

  DetachUserPolicy: (call) => detach(call, call.entity.userId),
  DetachGroupPolicy: (call) => detach(call, call.entity.groupId),
  DetachRolePolicy: (call) => detach(call, call.entity.roleId),

  ListAttachedUserPolicies: (call) => list(call, call.entity.userId),
  ListAttachedGroupPolicies: (call) => list(call, call.entity.groupId),
  ListAttachedRolePolicies: (call) => list(call, call.entity.roleId),
} satisfies Handlers

type Attaching = Pick<Call, 'db' | 'needs' | 'accountId'> & {
  readonly input: { readonly PolicyArn: string }
}

async function attach(
  call: Attaching,
  principalId: string,
  quota: number,
  quotaName: string,
): Promise<undefined> {
  const { db, input } = call
  await requireAttachable(call, input.PolicyArn)
  const before = await attachedPolicies(db, principalId)
  if (before.includes(input.PolicyArn)) return undefined
  requireRoom(before.length, quota, quotaName)
  await attachPolicy(db, principalId, input.PolicyArn)
  return undefined
}

async function detach({ db, input: { PolicyArn } }: Attaching, principalId: string): Promise<undefined> {
  requirePolicyArn(PolicyArn)
  if (!(await detachPolicy(db, principalId, PolicyArn))) noSuchEntity(`Policy ${PolicyArn} was not found.`)
  return undefined
}

type Listing = Parameters<typeof pageOf>[0] &
  Pick<Call, 'db'> & { readonly input: { readonly PathPrefix?: string | undefined } }

async function list(
  call: Listing,
  principalId: string,
): Promise<{
  readonly AttachedPolicies: readonly { readonly PolicyName: string; readonly PolicyArn: string }[]
  readonly IsTruncated: boolean
  readonly Marker?: string | undefined
}> {
  const { db, input } = call
  const all = await attachedPolicies(db, principalId)
  const [rows, paged] = pageOf(
    call,
    all.filter((arn) => pathInArn(arn).startsWith(input.PathPrefix ?? '/')),
  )
  return {
    AttachedPolicies: rows.map((arn) => ({ PolicyName: nameInArn(arn), PolicyArn: arn })),
    ...paged,
  }
}
