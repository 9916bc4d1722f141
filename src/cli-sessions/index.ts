/**
 * Sessions of a person's command line: the requests for one that wait for consent in a browser, what was allowed, and
 * tokens that rotate. Knows no wire but the form of refusals that `aws-sso` and `aws-login` share; they speak the rest. Owns
 * the tables `cli_request`, `cli_session` and `cli_seen`.
 */
export { commandLineSettings } from './config.ts'
export type { CommandLineSettings } from './config.ts'
export {
  codeOf,
  findByCode,
  findByUserCode,
  findForBrowser,
  newUserCode,
  parkRequest,
  pollRequest,
} from './request.ts'
export type { Allowed, CliFlow, CliRequest, PolledAs } from './request.ts'
export { allowRequest, denyRequest } from './decide.ts'
export { beginCliSession } from './begin-session.ts'
export { endCliSession, findLive, listCliSessions, rotate, wasPasswordChanged } from './session.ts'
export type { CliSession, Rotated } from './session.ts'
export { readToken, writeToken } from './tokens.ts'
export type { TokenKind } from './tokens.ts'
export { firstUse } from './seen.ts'
export { sweepCliSessions } from './sweep.ts'
export type { CliNeeds } from './needs.ts'
