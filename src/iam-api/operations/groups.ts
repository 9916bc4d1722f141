import {
  addToGroup,
  countGroups,
  createGroup,
  deleteGroup,
  findUserByName,
  groupsOf,
  listGroups,
  listMembers,
  removeFromGroup,
  updateGroup,
  type User,
} from '#directory'
import { principalHolds } from '#iam'

import type { Call, Handlers } from '../call.ts'
import { deleteConflict, noSuchEntity, requireRoom } from '../limits.ts'
import { page, pageOf } from '../paging.ts'
import { requireAccountRoom } from '../quota.ts'
import { groupShown, userListed } from '../shown.ts'

/** Groups and who is in them. */
export const groups = {
  CreateGroup: async (call) => {
    const { db, needs, accountId, input } = call
    await requireAccountRoom(call, 'GroupsPerAccount', needs.settings.groups_per_account, countGroups)
    const group = await createGroup(db, needs.clock, { accountId, name: input.GroupName, path: input.Path })
    return { Group: groupShown(group) }
  },

  GetGroup: async (call) => {
    const { db, entity } = call
    const [rows, paged] = await page(
      call,
      (after, limit) => listMembers(db, entity.groupId, { after, limit }),
      ({ name }) => name,
    )
    return { Group: groupShown(entity), Users: rows.map(userListed), ...paged }
  },

  ListGroups: async (call) => {
    const { db, accountId, input } = call
    const [rows, paged] = await page(
      call,
      (after, limit) => listGroups(db, accountId, { after, limit, pathPrefix: input.PathPrefix }),
      ({ name }) => name,
    )
    return { Groups: rows.map(groupShown), ...paged }
  },

  UpdateGroup: async ({ db, accountId, entity, input, demand }) => {
    const { NewGroupName: name = entity.name, NewPath: path = entity.path } = input
    const arn = `arn:aws:iam::${accountId}:group${path}${name}`
    if (arn !== entity.arn) await demand('iam:UpdateGroup', arn)
    await updateGroup(db, entity, { name, path })
    return undefined
  },

  DeleteGroup: async ({ db, entity }) => {
    const first = await principalHolds(db, entity.groupId)
    if (first !== undefined) deleteConflict(first)
    await deleteGroup(db, entity.groupId)
    return undefined
  },

  AddUserToGroup: async (call) => {
    const { db, needs, entity } = call
    const user = await memberOf(call)
    const before = await groupsOf(db, user.userId)
    if (before.some(({ groupId }) => groupId === entity.groupId)) return undefined
    requireRoom(before.length, needs.settings.groups_per_user, 'GroupsPerUser')
    await addToGroup(db, entity.groupId, user.userId)
    return undefined
  },

  RemoveUserFromGroup: async (call) => {
    const user = await memberOf(call)
    await removeFromGroup(call.db, call.entity.groupId, user.userId)
    return undefined
  },

  ListGroupsForUser: async (call) => {
    const [rows, paged] = pageOf(call, await groupsOf(call.db, call.entity.userId))
    return { Groups: rows.map(groupShown), ...paged }
  },
} satisfies Handlers

/** The user that goes in or out. @throws Failure not-found iam-api/no-entity */
const memberOf = async ({
  db,
  accountId,
  input: { UserName },
}: Call<'AddUserToGroup' | 'RemoveUserFromGroup'>): Promise<User> =>
  (await findUserByName(db, accountId, UserName)) ??
  noSuchEntity(`The user with name ${UserName} cannot be found.`)
