import { findGroup, findUserByName, lockGroup, lockUser, type Group, type User } from '#directory'
import { findRole, lockRole, type Role } from '#iam'

import type { Resolver } from './resource.ts'

/** The user of a name, in any case. */
export const user: Resolver<User> = async ({ db, accountId, lock }, name) => {
  const entity = await (lock ? lockUser : findUserByName)(db, accountId, name)
  return {
    arn: entity?.arn ?? `arn:aws:iam::${accountId}:user/${name}`,
    entity,
    tags: entity?.tags,
    permissionsBoundary: entity?.permissionsBoundary,
    missing: `The user with name ${name} cannot be found.`,
  }
}

/** The group of a name, in any case. */
export const group: Resolver<Group> = async ({ db, accountId, lock }, name) => {
  const entity = await (lock ? lockGroup : findGroup)(db, accountId, name)
  return {
    arn: entity?.arn ?? `arn:aws:iam::${accountId}:group/${name}`,
    entity,
    missing: `The group with name ${name} cannot be found.`,
  }
}

/** The role of a name, in any case. */
export const role: Resolver<Role> = async ({ db, accountId, lock }, name) => {
  const entity = await (lock ? lockRole : findRole)(db, accountId, name)
  return {
    arn: entity?.arn ?? `arn:aws:iam::${accountId}:role/${name}`,
    entity,
    tags: entity?.tags,
    permissionsBoundary: entity?.permissionsBoundary,
    missing: `The role with name ${name} cannot be found.`,
  }
}
