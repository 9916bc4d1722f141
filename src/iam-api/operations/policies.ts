import {
  addPolicyVersion,
  countPolicies,
  createPolicy,
  deletePolicy,
  findPolicy,
  listPoliciesFrom,
  listPolicyVersions,
  policyHolders,
  policyUsage,
  removePolicyVersion,
  setDefaultVersion,
  setPolicyTags,
  type ManagedPolicy,
  type PolicyHolder,
} from '#iam'
import { refuse } from '#kernel'

import type { Call, Handlers } from '../call.ts'
import { noSuchEntity } from '../limits.ts'
import { page, pageOf } from '../paging.ts'
import { requireAccountRoom } from '../quota.ts'
import type { PolicyEntity } from '../resources/by-arn.ts'
import { builtInVersion, policyInFull, policyListed, versionListed } from '../shown.ts'
import { tagList, tagsFrom, withoutTags, withTags } from '../tags.ts'

/** Managed policies, their versions, tags, and who holds them. */
export const policies = {
  CreatePolicy: async (call) => {
    const { db, needs, accountId, input } = call
    const tags = tagsFrom(input.Tags)
    await requireAccountRoom(call, 'PoliciesPerAccount', needs.settings.policies_per_account, countPolicies)
    const { arn } = await createPolicy(db, needs.clock, {
      accountId,
      name: input.PolicyName,
      path: input.Path,
      description: input.Description,
      document: input.PolicyDocument,
      size: needs.settings.policy_size,
      tags,
    })
    const policy = await findPolicy(db, arn)
    return policy === undefined ? {} : { Policy: policyInFull({ type: 'own', policy }, undefined) }
  },

  GetPolicy: async ({ db, accountId, entity }) => {
    const { arn } = entity.policy
    const usage = (await policyUsage(db, accountId, [arn])).get(arn)
    const Tags = tagList(entity.type === 'own' ? entity.policy.tags : {})
    return { Policy: { ...policyInFull(entity, usage), Tags } }
  },

  ListPolicies: async (call) => {
    const { db, accountId } = call
    const [rows, paged] = await page(call, (cursor, limit) => listed(call, cursor, limit), cursorOf)
    const usage = await policyUsage(
      db,
      accountId,
      rows.map(({ policy }) => policy.arn),
    )
    return { Policies: rows.map((entity) => policyListed(entity, usage.get(entity.policy.arn))), ...paged }
  },

  DeletePolicy: async ({ db, accountId, entity }) => {
    const { policyId, arn } = own(entity)
    const { attachments = 0, boundaries = 0 } = (await policyUsage(db, accountId, [arn])).get(arn) ?? {}
    if (attachments + boundaries > 0) conflict('Cannot delete a policy attached to entities.')
    if ((await listPolicyVersions(db, policyId)).length > 1)
      conflict(
        "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.",
      )
    await deletePolicy(db, arn)
    return undefined
  },

  CreatePolicyVersion: async ({ db, needs, entity, input }) => {
    const { policyId } = own(entity)
    const { versions_per_policy, policy_size } = needs.settings
    if ((await listPolicyVersions(db, policyId)).length >= versions_per_policy)
      refuse(
        'conflict',
        'iam-api/limit-exceeded',
        `A managed policy can have up to ${versions_per_policy} versions. Before you create a new version, you must delete an existing version.`,
      )
    const version = await addPolicyVersion(db, needs.clock, policyId, {
      document: input.PolicyDocument,
      isDefault: input.SetAsDefault ?? false,
      size: policy_size,
    })
    return { PolicyVersion: versionListed(version) }
  },

  GetPolicyVersion: async ({ db, entity, input: { VersionId } }) => {
    if (entity.type === 'built-in')
      return VersionId === entity.policy.version
        ? { PolicyVersion: { ...builtInVersion(entity.policy), Document: entity.policy.document } }
        : noVersion(entity, VersionId)
    const versions = await listPolicyVersions(db, entity.policy.policyId)
    const version = versions.find((each) => `v${each.version}` === VersionId)
    return version === undefined
      ? noVersion(entity, VersionId)
      : { PolicyVersion: { ...versionListed(version), Document: version.document } }
  },

  ListPolicyVersions: async (call) => {
    const { db, entity } = call
    const all =
      entity.type === 'built-in'
        ? [builtInVersion(entity.policy)]
        : (await listPolicyVersions(db, entity.policy.policyId)).map(versionListed)
    const [Versions, paged] = pageOf(call, all)
    return { Versions, ...paged }
  },

  SetDefaultPolicyVersion: async ({ db, needs, entity, input: { VersionId } }) => {
    const version = numberOf(VersionId)
    const found =
      version !== undefined && (await setDefaultVersion(db, needs.clock, own(entity).policyId, version))
    return found ? undefined : noVersion(entity, VersionId)
  },

  DeletePolicyVersion: async ({ db, entity, input: { VersionId } }) => {
    const { policyId, defaultVersion } = own(entity)
    const version = numberOf(VersionId)
    if (version === defaultVersion) conflict('Cannot delete the default version of a policy.')
    const found = version !== undefined && (await removePolicyVersion(db, policyId, version))
    return found ? undefined : noVersion(entity, VersionId)
  },

  ListEntitiesForPolicy: async (call) => {
    const { db, accountId, entity, input } = call
    const type = holderTypes[input.EntityFilter ?? 'any']
    const [rows, paged] = await page(
      call,
      async (cursor, limit) => {
        if (type === 'none') return []
        const [of, id = ''] = cursor?.split(' ') ?? []
        return policyHolders(db, accountId, entity.policy.arn, {
          type: type === 'any' ? undefined : type,
          use: input.PolicyUsageFilter,
          pathPrefix: input.PathPrefix,
          after: of === undefined ? undefined : { type: of as PolicyHolder['type'], id },
          limit,
        })
      },
      (holder) => `${holder.type} ${holder.id}`,
    )
    const held = (by: PolicyHolder['type']): readonly PolicyHolder[] => rows.filter((row) => row.type === by)
    return {
      PolicyGroups: held('group').map(({ id, name }) => ({ GroupName: name, GroupId: id })),
      PolicyUsers: held('user').map(({ id, name }) => ({ UserName: name, UserId: id })),
      PolicyRoles: held('role').map(({ id, name }) => ({ RoleName: name, RoleId: id })),
      ...paged,
    }
  },

  TagPolicy: async ({ db, entity, input }) => {
    const { policyId, tags } = own(entity)
    await setPolicyTags(db, policyId, withTags(tags, input.Tags))
    return undefined
  },

  UntagPolicy: async ({ db, entity, input }) => {
    const { policyId, tags } = own(entity)
    await setPolicyTags(db, policyId, withoutTags(tags, input.TagKeys))
    return undefined
  },

  ListPolicyTags: async (call) => {
    const { entity } = call
    const [Tags, paged] = pageOf(call, tagList(entity.type === 'own' ? entity.policy.tags : {}))
    return { Tags, ...paged }
  },
} satisfies Handlers

/** Only users, groups and roles hold policies; the filter's other words are of other operations. */
const holderTypes = {
  any: 'any',
  User: 'user',
  Group: 'group',
  Role: 'role',
  LocalManagedPolicy: 'none',
  AWSManagedPolicy: 'none',
} as const

const conflict = (message: string): never => refuse('conflict', 'iam-api/delete-conflict', message)

/** The policy of one's own. The built-in ones are nobody's to write: authorization has refused that already. */
const own = (entity: PolicyEntity): ManagedPolicy =>
  entity.type === 'own'
    ? entity.policy
    : refuse('forbidden', 'iam-api/built-in', 'A policy that comes with Signet cannot be changed.')

const noVersion = ({ policy }: PolicyEntity, version: string): never =>
  noSuchEntity(`Policy ${policy.arn} version ${version} does not exist or is not attachable.`)

/** Versions here are whole numbers that a database column can hold. */
const numberOf = (versionId: string): number | undefined =>
  /^v[1-9]\d{0,8}$/.test(versionId) ? Number(versionId.slice(1)) : undefined

/** The built-in ones come first; each kind in the order of the names. */
const cursorOf = ({ type, policy }: PolicyEntity): string => `${type} ${policy.name}`

async function listed(
  { db, needs, accountId, input }: Call<'ListPolicies'>,
  cursor: string | undefined,
  limit: number,
): Promise<readonly PolicyEntity[]> {
  const { Scope = 'All', OnlyAttached = false, PathPrefix, PolicyUsageFilter } = input
  const [type, after] = cursor?.split(' ') ?? []
  const attached = PolicyUsageFilter ?? (OnlyAttached ? 'any' : undefined)
  const builtIn =
    Scope === 'Local' || type === 'own'
      ? []
      : [...needs.builtInPolicies.values()]
          .filter(({ path }) => path.startsWith(PathPrefix ?? '/'))
          .toSorted((a, b) => (a.name < b.name ? -1 : 1))
          .filter(({ name }) => after === undefined || name > after)
  const usage =
    attached === undefined
      ? undefined
      : await policyUsage(
          db,
          accountId,
          builtIn.map(({ arn }) => arn),
        )
  const first = builtIn
    .filter(({ arn }) => {
      const { attachments = 0, boundaries = 0 } = usage?.get(arn) ?? {}
      if (attached === undefined) return true
      const used = { PermissionsPolicy: attachments, PermissionsBoundary: boundaries }
      return (attached === 'any' ? attachments + boundaries : used[attached]) > 0
    })
    .map((policy): PolicyEntity => ({ type: 'built-in', policy }))
  if (Scope === 'AWS' || first.length >= limit) return first.slice(0, limit)
  const rest = await listPoliciesFrom(db, accountId, {
    after: type === 'own' ? after : undefined,
    pathPrefix: PathPrefix,
    limit: limit - first.length,
    attached,
  })
  return [...first, ...rest.map((policy): PolicyEntity => ({ type: 'own', policy }))]
}
