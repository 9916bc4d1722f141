/**
 * Who did what: events in CloudTrail's shape (record 1.11), written in the same transaction as the change they tell
 * of. Owns the table `audit_event`.
 */
export { createAudit } from './audit.ts'
export type { Audit } from './audit.ts'
export type { AuditEntry } from './event.ts'
export { listEvents } from './list.ts'
export type { EventFilter } from './list.ts'
export {
  clientIdentity,
  nobody,
  roleSessionIdentity,
  rootIdentity,
  systemIdentity,
  userIdentity,
} from './identity.ts'
export type { UserIdentity } from './identity.ts'
