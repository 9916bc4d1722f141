import { describeAccessKey, findUserById, type AccessKeySummary, type User } from '#directory'

import type { Resolver } from './resource.ts'

/** A key and whose it is; without a user it is the root user's. */
export type OwnedAccessKey = { readonly key: AccessKeySummary; readonly user: User | undefined }

/** The access key of an id; what may be done with it is asked for its user. */
export const accessKey: Resolver<OwnedAccessKey> = async ({ db, accountId }, id) => {
  const key = await describeAccessKey(db, id)
  const missing = `The Access Key with id ${id} cannot be found.`
  if (key?.accountId !== accountId)
    return { arn: `arn:aws:iam::${accountId}:user/`, entity: undefined, missing }
  const user = key.userId === undefined ? undefined : await findUserById(db, key.userId)
  return {
    arn: user?.arn ?? `arn:aws:iam::${accountId}:root`,
    entity: { key, user },
    tags: user?.tags,
    missing,
  }
}
