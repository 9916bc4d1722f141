import {
  createAccessKey,
  deleteAccessKey,
  describeAccessKey,
  listAccessKeys,
  setAccessKeyStatus,
  type User,
} from '#directory'

import type { Call, Handlers } from '../call.ts'
import { invalidInput, noSuchEntity } from '../limits.ts'
import { pageOf } from '../paging.ts'

/** What answers call the owner of the root user's keys. */
const rootName = '<root_account>'

/** Long-term access keys, of users and of the root user. */
export const accessKeys = {
  CreateAccessKey: async ({ db, needs, accountId, entity }) => {
    const { access_keys_per_user, access_keys_per_root } = needs.settings
    const key = await createAccessKey(db, needs, {
      accountId,
      userId: entity?.userId,
      quota: entity === undefined ? access_keys_per_root : access_keys_per_user,
    })
    return {
      AccessKey: {
        UserName: entity?.name ?? rootName,
        AccessKeyId: key.accessKeyId,
        Status: 'Active',
        SecretAccessKey: key.secret.reveal(),
        CreateDate: key.createdAt,
      },
    }
  },

  ListAccessKeys: async (call) => {
    const { db, accountId, entity } = call
    const [rows, paged] = pageOf(call, await listAccessKeys(db, { accountId, userId: entity?.userId }))
    return {
      AccessKeyMetadata: rows.map((key) => ({
        UserName: entity?.name ?? rootName,
        AccessKeyId: key.accessKeyId,
        Status: key.status,
        CreateDate: key.createdAt,
      })),
      ...paged,
    }
  },

  UpdateAccessKey: async (call) => {
    const { Status } = call.input
    if (Status === 'Expired') return invalidInput('The status must be Active or Inactive.')
    await setAccessKeyStatus(call.db, await ownKey(call), Status)
    return undefined
  },

  DeleteAccessKey: async (call) => {
    await deleteAccessKey(call.db, await ownKey(call))
    return undefined
  },

  GetAccessKeyLastUsed: async ({ entity: { key, user } }) => ({
    UserName: user?.name ?? rootName,
    AccessKeyLastUsed: {
      LastUsedDate: key.lastUsedAt,
      ServiceName: key.lastUsedService ?? 'N/A',
      Region: key.lastUsedRegion ?? 'N/A',
    },
  }),
} satisfies Handlers

/** The key that is meant, when it is this user's. @throws Failure not-found iam-api/no-entity */
async function ownKey({
  db,
  accountId,
  entity,
  input: { AccessKeyId },
}: {
  readonly db: Call['db']
  readonly accountId: string
  readonly entity: User | undefined
  readonly input: { readonly AccessKeyId: string }
}): Promise<string> {
  const key = await describeAccessKey(db, AccessKeyId)
  return key?.accountId === accountId && key.userId === entity?.userId
    ? AccessKeyId
    : noSuchEntity(`The Access Key with id ${AccessKeyId} cannot be found.`)
}
