/**
 * The commands of people and their tools on any machine: signing in to a Signet by its URL, taking role sessions from
 * it, and ending what was issued. They know the server by its protocols alone, and start fast: AWS tools run `signet credentials` for every profile.
 */
import type { Command } from '#terminal'
import { awsModelsCommand } from './aws-models.ts'
import { credentialsCommand, envCommand } from './credentials.ts'
import { revokeCommand } from './revoke.ts'
import { simulateCommand } from './simulate.ts'
import { loginCommand, tokenCommand } from './login.ts'

export { ask, member } from './ask.ts'
export { roleOptions, takeRole } from './credentials.ts'
export { serverUrl } from './token-store.ts'
export type { Credentials } from './credentials.ts'

export const remoteCommands: readonly Command[] = [
  loginCommand,
  tokenCommand,
  credentialsCommand,
  envCommand,
  awsModelsCommand,
  revokeCommand,
  simulateCommand,
]
