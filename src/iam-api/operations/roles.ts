import {
  countRoles,
  createRole,
  deleteRole,
  listInstanceProfiles,
  listRolesFrom,
  roleUses,
  updateRole,
  type Role,
} from '#iam'

import { requireBoundary } from '../attachable.ts'
import type { Call, Handlers } from '../call.ts'
import { page, pageOf } from '../paging.ts'
import { requireAccountRoom } from '../quota.ts'
import { instanceProfileShown, lastUsed, roleInFull, roleListed } from '../shown.ts'
import { tagList, tagsFrom, withoutTags, withTags } from '../tags.ts'

/** Roles, their trust policies, boundaries and tags. */
export const roles = {
  CreateRole: async (call) => {
    const { db, needs, accountId, input } = call
    const tags = tagsFrom(input.Tags)
    await requireAccountRoom(call, 'RolesPerAccount', needs.settings.roles_per_account, countRoles)
    if (input.PermissionsBoundary !== undefined) await requireBoundary(call, input.PermissionsBoundary)
    const role = await createRole(db, needs.clock, {
      accountId,
      name: input.RoleName,
      path: input.Path,
      description: input.Description,
      trustDocument: input.AssumeRolePolicyDocument,
      trustSize: needs.settings.trust_policy_size,
      maxSessionSeconds: input.MaxSessionDuration,
      permissionsBoundary: input.PermissionsBoundary,
      tags,
    })
    return { Role: roleInFull(role) }
  },

  GetRole: async ({ db, entity }) => ({
    Role: {
      ...roleInFull(entity),
      RoleLastUsed: lastUsed((await roleUses(db, [entity.roleId])).get(entity.roleId)),
    },
  }),

  ListRoles: async (call) => {
    const { db, accountId, input } = call
    const [rows, paged] = await page(
      call,
      (after, limit) => listRolesFrom(db, accountId, { after, limit, pathPrefix: input.PathPrefix }),
      ({ name }) => name,
    )
    return { Roles: rows.map(roleListed), ...paged }
  },

  UpdateRole: async ({ db, entity, input }) => {
    await updateRole(db, entity.roleId, {
      ...(input.Description === undefined ? {} : { description: input.Description }),
      ...(input.MaxSessionDuration === undefined ? {} : { maxSessionSeconds: input.MaxSessionDuration }),
    })
    return {}
  },

  UpdateRoleDescription: async ({ db, entity, input }) => ({
    Role: roleInFull(await updateRole(db, entity.roleId, { description: input.Description })),
  }),

  UpdateAssumeRolePolicy: async ({ db, needs, entity, input }) => {
    const trustSize = needs.settings.trust_policy_size
    await updateRole(db, entity.roleId, { trustDocument: input.PolicyDocument, trustSize })
    return undefined
  },

  DeleteRole: async ({ db, entity }) => {
    await deleteRole(db, entity.roleId)
    return undefined
  },

  PutRolePermissionsBoundary: async (call) => {
    await requireBoundary(call, call.input.PermissionsBoundary)
    await change(call, { permissionsBoundary: call.input.PermissionsBoundary })
    return undefined
  },

  DeleteRolePermissionsBoundary: async (call) => {
    await change(call, { permissionsBoundary: null })
    return undefined
  },

  TagRole: async (call) => {
    await change(call, { tags: withTags(call.entity.tags, call.input.Tags) })
    return undefined
  },

  UntagRole: async (call) => {
    await change(call, { tags: withoutTags(call.entity.tags, call.input.TagKeys) })
    return undefined
  },

  ListRoleTags: async (call) => {
    const [Tags, paged] = pageOf(call, tagList(call.entity.tags))
    return { Tags, ...paged }
  },

  ListInstanceProfilesForRole: async (call) => {
    const { db, accountId, entity } = call
    const [rows, paged] = await page(
      call,
      (after, limit) => listInstanceProfiles(db, { accountId, roleId: entity.roleId, after, limit }),
      ({ name }) => name,
    )
    return { InstanceProfiles: rows.map((profile) => instanceProfileShown(profile, entity)), ...paged }
  },
} satisfies Handlers

type Changes = Parameters<typeof updateRole>[2]

const change = ({ db, entity }: { db: Call['db']; entity: Role }, changes: Changes): Promise<Role> =>
  updateRole(db, entity.roleId, changes)
