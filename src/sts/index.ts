/**
 * Role sessions: the session token, authenticating signed requests, and the operations of AWS STS.
 * Wire: the Query API of STS 2011-06-15 at the root of the origin.
 */
export { sessionTokens } from './session-token.ts'
export type { OpenedSession, SessionCredentials, SessionTokenNeeds, SessionTokens } from './session-token.ts'
export type { SessionClaims, SessionPrincipal, Tag } from './claims.ts'
export { accountOfSessionKeyId } from './session-key-id.ts'
