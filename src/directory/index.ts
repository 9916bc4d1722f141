/**
 * Users, groups, passwords, password policies and access keys of an account. Owns the tables `users`, `user_password`,
 * `password_policy`, `user_group`, `group_member` and `access_key`.
 */
export {
  createAccessKey,
  deleteAccessKey,
  describeAccessKey,
  findAccessKey,
  isKeyOf,
  listAccessKeys,
  setAccessKeyStatus,
  touchAccessKey,
} from './access-keys.ts'
export type { AccessKey, AccessKeySummary } from './access-keys.ts'
export { listCredentials } from './credentials.ts'
export type { UserCredentials } from './credentials.ts'
export {
  addToGroup,
  countGroups,
  createGroup,
  deleteGroup,
  findGroup,
  groupNamesOf,
  groupsOf,
  listGroups,
  listMembers,
  lockGroup,
  removeFromGroup,
  setGroupsFrom,
  updateGroup,
} from './groups.ts'
export type { Group } from './groups.ts'
export {
  findPasswordPolicy,
  hasExpired,
  policyFaultOf,
  putPasswordPolicy,
  removePasswordPolicy,
} from './password-policy.ts'
export type { PasswordPolicy, PolicyFault } from './password-policy.ts'
export {
  checkPassword,
  checkPasswordOf,
  passwordOf,
  removePassword,
  setMustChange,
  setPasswordHash,
  wasUsedBefore,
} from './passwords.ts'
export type { PasswordState } from './passwords.ts'
export {
  countUsers,
  createUser,
  deleteUser,
  findUserById,
  findUserByMail,
  findUserByName,
  findUserForSignIn,
  listActiveUsers,
  nameKey,
  listUsers,
  lockUser,
  updateUser,
  userHolds,
} from './users.ts'
export type { NameRange, NewUser, User, UserChanges } from './users.ts'
