/**
 * One installation: its data directory, its master key and its database, opened together and held by one process at a
 * time. Owns the table `installation` (the key's fingerprint).
 */
export { openInstallation } from './open.ts'
export type { Installation, InstallationPlace } from './open.ts'
