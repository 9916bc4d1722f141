import { countUsers, createUser, deleteUser, listUsers, updateUser, userHolds } from '#directory'
import { findAccount, principalHolds } from '#iam'
import { listVirtualDevices } from '#mfa'

import { requireBoundary } from '../attachable.ts'
import type { Handlers } from '../call.ts'
import { deleteConflict } from '../limits.ts'
import { page, pageOf } from '../paging.ts'
import { requireAccountRoom } from '../quota.ts'
import { userInFull, userListed } from '../shown.ts'
import { tagList, tagsFrom, withoutTags, withTags } from '../tags.ts'

/** Users, their boundaries and tags. */
export const users = {
  CreateUser: async (call) => {
    const { db, needs, accountId, input } = call
    const tags = tagsFrom(input.Tags)
    await requireAccountRoom(call, 'UsersPerAccount', needs.settings.users_per_account, countUsers)
    if (input.PermissionsBoundary !== undefined) await requireBoundary(call, input.PermissionsBoundary)
    const user = await createUser(db, needs.clock, {
      accountId,
      name: input.UserName,
      path: input.Path,
      permissionsBoundary: input.PermissionsBoundary,
      tags,
    })
    return { User: userInFull(user) }
  },

  GetUser: async ({ db, accountId, entity }) => {
    if (entity !== undefined) return { User: userInFull(entity) }
    const account = await findAccount(db, accountId)
    return {
      User: {
        Path: '/',
        UserName: 'root',
        UserId: accountId,
        Arn: `arn:aws:iam::${accountId}:root`,
        CreateDate: account?.createdAt ?? Temporal.Instant.fromEpochMilliseconds(0),
      },
    }
  },

  ListUsers: async (call) => {
    const { db, accountId, input } = call
    const [rows, paged] = await page(
      call,
      (after, limit) => listUsers(db, accountId, { after, limit, pathPrefix: input.PathPrefix }),
      ({ name }) => name,
    )
    return { Users: rows.map(userListed), ...paged }
  },

  UpdateUser: async ({ db, accountId, entity, input, demand }) => {
    const { NewUserName: name = entity.name, NewPath: path = entity.path } = input
    const arn = `arn:aws:iam::${accountId}:user${path}${name}`
    // Who may rename must be allowed both names: else a renamed user would escape what the policy says of it.
    if (arn !== entity.arn) await demand('iam:UpdateUser', arn)
    await updateUser(db, entity.userId, { name, path })
    return undefined
  },

  DeleteUser: async ({ db, accountId, entity }) => {
    const { userId } = entity
    const first = (await userHolds(db, userId)) ?? (await principalHolds(db, userId))
    if (first !== undefined) deleteConflict(first)
    if ((await listVirtualDevices(db, { accountId, userId, limit: 1 })).length > 0)
      deleteConflict('delete MFA device')
    await deleteUser(db, entity.userId)
    return undefined
  },

  PutUserPermissionsBoundary: async (call) => {
    const { db, entity, input } = call
    await requireBoundary(call, input.PermissionsBoundary)
    await updateUser(db, entity.userId, { permissionsBoundary: input.PermissionsBoundary })
    return undefined
  },

  DeleteUserPermissionsBoundary: async ({ db, entity }) => {
    await updateUser(db, entity.userId, { permissionsBoundary: null })
    return undefined
  },

  TagUser: async ({ db, entity, input }) => {
    await updateUser(db, entity.userId, { tags: withTags(entity.tags, input.Tags) })
    return undefined
  },

  UntagUser: async ({ db, entity, input }) => {
    await updateUser(db, entity.userId, { tags: withoutTags(entity.tags, input.TagKeys) })
    return undefined
  },

  ListUserTags: async (call) => {
    const [Tags, paged] = pageOf(call, tagList(call.entity.tags))
    return { Tags, ...paged }
  },
} satisfies Handlers
