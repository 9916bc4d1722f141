import {
  addRoleToInstanceProfile,
  countInstanceProfiles,
  createInstanceProfile,
  deleteInstanceProfile,
  findRoleById,
  listInstanceProfiles,
  lockRole,
  removeRoleFromInstanceProfile,
  setInstanceProfileTags,
  type InstanceProfile,
  type Role,
} from '#iam'

import type { Call, Handlers } from '../call.ts'
import { noSuchEntity } from '../limits.ts'
import { page, pageOf } from '../paging.ts'
import { requireAccountRoom } from '../quota.ts'
import { instanceProfileShown } from '../shown.ts'
import { tagList, tagsFrom, tagsOrNone, withoutTags, withTags } from '../tags.ts'

/** Instance profiles: one role each, handed to machines. */
export const instanceProfiles = {
  CreateInstanceProfile: async (call) => {
    const { db, needs, accountId, input } = call
    const tags = tagsFrom(input.Tags)
    const { instance_profiles_per_account: quota } = needs.settings
    await requireAccountRoom(call, 'InstanceProfilesPerAccount', quota, countInstanceProfiles)
    const profile = await createInstanceProfile(db, needs.clock, {
      accountId,
      name: input.InstanceProfileName,
      path: input.Path,
      tags,
    })
    return { InstanceProfile: { ...(await listed(db, profile)), Tags: tagsOrNone(profile.tags) } }
  },

  GetInstanceProfile: async ({ db, entity }) => ({
    InstanceProfile: { ...(await listed(db, entity)), Tags: tagList(entity.tags) },
  }),

  ListInstanceProfiles: async (call) => {
    const { db, accountId, input } = call
    const [rows, paged] = await page(
      call,
      (after, limit) => listInstanceProfiles(db, { accountId, pathPrefix: input.PathPrefix, after, limit }),
      ({ name }) => name,
    )
    const InstanceProfiles = []
    for (const profile of rows) InstanceProfiles.push(await listed(db, profile))
    return { InstanceProfiles, ...paged }
  },

  DeleteInstanceProfile: async ({ db, entity }) => {
    await deleteInstanceProfile(db, entity.instanceProfileId)
    return undefined
  },

  AddRoleToInstanceProfile: async ({ db, accountId, entity, input, demand }) => {
    const role = await roleNamed(db, accountId, input.RoleName)
    // Machines that have the profile get the role: whoever puts it in hands the role to them.
    await demand('iam:PassRole', role.arn, [['iam:PassedToService', 'ec2.amazonaws.com']])
    await addRoleToInstanceProfile(db, entity.instanceProfileId, role.roleId)
    return undefined
  },

  RemoveRoleFromInstanceProfile: async ({ db, accountId, entity, input }) => {
    const role = await roleNamed(db, accountId, input.RoleName)
    if (!(await removeRoleFromInstanceProfile(db, entity.instanceProfileId, role.roleId)))
      return noSuchEntity(`Role ${role.name} in Instance Profile ${entity.name} cannot be found.`)
    return undefined
  },

  TagInstanceProfile: async ({ db, entity, input }) => {
    await setInstanceProfileTags(db, entity.instanceProfileId, withTags(entity.tags, input.Tags))
    return undefined
  },

  UntagInstanceProfile: async ({ db, entity, input }) => {
    await setInstanceProfileTags(db, entity.instanceProfileId, withoutTags(entity.tags, input.TagKeys))
    return undefined
  },

  ListInstanceProfileTags: async (call) => {
    const [Tags, paged] = pageOf(call, tagList(call.entity.tags))
    return { Tags, ...paged }
  },
} satisfies Handlers

/** The role that goes in or out. @throws Failure not-found iam-api/no-entity */
const roleNamed = async (db: Call['db'], accountId: string, name: string): Promise<Role> =>
  (await lockRole(db, accountId, name)) ?? noSuchEntity(`The role with name ${name} cannot be found.`)

/** A profile with its role, as lists have it. */
const listed = async (
  db: Call['db'],
  profile: InstanceProfile,
): Promise<ReturnType<typeof instanceProfileShown>> =>
  instanceProfileShown(
    profile,
    profile.roleId === undefined ? undefined : await findRoleById(db, profile.roleId),
  )
