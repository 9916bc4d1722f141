/**
 * Access analysis over what is stored: who used what and when, who may do what, what somebody could do, and what could go. The
 * questions themselves are answered by #policy. Owns the table `last_accessed`; reached over the JSON API (docs/access-analysis.md).
 */
export { generatePolicy } from './generate.ts'
export { knownActions, readActionCatalogue } from './known-actions.ts'
export type { ActionCatalogue } from './known-actions.ts'
export { createUseLog, serviceLastAccessed } from './last-accessed.ts'
export type { Accessor, ActionUse, ServiceUse, UseLog } from './last-accessed.ts'
export type { AnalyzerNeeds } from './needs.ts'
export { decideFor, simulateFor } from './simulation.ts'
export { accountOfSubject, findSubject } from './subject.ts'
export { unusedAccess } from './unused.ts'
export { openWhoCan } from './who-can.ts'
