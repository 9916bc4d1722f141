/**
 * Access analysis over what is stored: who used what and when, who may do what, and what could go. The questions themselves are
 * answered by #policy. Owns the table `last_accessed`.
 */
export { createUseLog, serviceLastAccessed } from './last-accessed.ts'
export type { Accessor, ActionUse, ServiceUse, UseLog } from './last-accessed.ts'
