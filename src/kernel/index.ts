/**
 * The words every slice shares and nothing else: how an operation refuses, what time it is, how things are named,
 * and a value that will not print. Imports nothing of ours.
 */
export { Failure, isFailure, refuse } from './failure.ts'
export type { FailureKind } from './failure.ts'
export { systemClock } from './clock.ts'
export type { Clock } from './clock.ts'
export {
  accessKeyId,
  accountId,
  certificateId,
  randomId,
  timeOrderedId,
  uniqueId,
  uniqueToken,
  uuid,
} from './ids.ts'
export type { UniqueIdPrefix } from './ids.ts'
export { random } from './random.ts'
export { recent } from './recent.ts'
export { Secret } from './secret.ts'
export { endOfTurn } from './turn.ts'
