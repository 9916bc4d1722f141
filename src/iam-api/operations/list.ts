import type { Handlers } from '../call.ts'
import { users } from './users.ts'

/** Every operation that is built. What is missing here is known and not offered. */
export const handlers: Handlers = {
  ...users,
}
