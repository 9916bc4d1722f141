/**
 * Browser sessions and revocation epochs. A session counts while it is neither idle nor over, its user is active, and
 * no epoch of its user or family was raised since. Owns the tables `browser_session` and `revocation_epoch`.
 */
export { lookBack, openEpochs, revocationSubject } from './epochs.ts'
export type { EpochKind, Epochs, Raised } from './epochs.ts'
export { createSessions, signedIn } from './browser-session.ts'
export type { Authentication, BrowserSession, Factor, Sessions, SignedIn } from './browser-session.ts'
export { sessionSettings } from './config.ts'
export type { SessionSettings } from './config.ts'
