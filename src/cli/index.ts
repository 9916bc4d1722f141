/**
 * The command line: `signet serve`, `migrate`, `apply`, `audit`, `login` and the rest. Exit code 0 or 1; what went wrong
 * is one clear text on standard error. Knows how to start and stop the server, not what it serves.
 */
export { applyCommand } from './apply.ts'
export { auditCommand } from './audit.ts'
export type { Command, Input, Machine, Option } from './command.ts'
export { credentialsCommand, envCommand } from './credentials.ts'
export { demoCommand } from './demo.ts'
export {
  checkConfigCommand,
  healthcheckCommand,
  migrateCommand,
  setupLinkCommand,
} from './installation-commands.ts'
export { createLog } from './log.ts'
export type { Log } from './log.ts'
export { loginCommand, tokenCommand } from './login.ts'
export type { App, OpenProgram, Program } from './program.ts'
export { runCommand } from './run.ts'
export { serve, serveCommand } from './serve.ts'
export type { ServeSteps } from './serve.ts'
