/**
 * Users, groups, passwords and access keys of an account. Owns the tables `users`, `user_password`, `user_group`,
 * `group_member` and `access_key`.
 */
export {
  createAccessKey,
  deleteAccessKey,
  findAccessKey,
  setAccessKeyStatus,
  touchAccessKey,
} from './access-keys.ts'
export type { AccessKey, AccessKeySummary } from './access-keys.ts'
export { addToGroup, createGroup, findGroup, groupsOf, listGroups, setGroupsFrom } from './groups.ts'
export type { Group } from './groups.ts'
export { checkPassword, passwordOf, setPasswordHash } from './passwords.ts'
export type { PasswordState } from './passwords.ts'
export {
  createUser,
  deleteUser,
  findUserById,
  findUserByMail,
  findUserByName,
  findUserForSignIn,
  updateUser,
} from './users.ts'
export type { NewUser, User, UserChanges } from './users.ts'
