/**
 * Keeping and comparing secrets: sealing with row-bound associated data, derived keys, hashes of bearer values,
 * password hashing behind its limiter. Nothing here knows what the secrets are for.
 */
export { equal, sha256 } from './compare.ts'
export { passwordHashing, passwordSettings } from './config.ts'
export type { PasswordSettings } from './config.ts'
export { createPasswordHasher } from './passwords.ts'
export type { PasswordHasher, PasswordHashSettings } from './passwords.ts'
export { openVault } from './vault.ts'
export type { Vault } from './vault.ts'
