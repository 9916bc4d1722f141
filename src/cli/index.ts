/**
 * The operator's commands: `signet serve`, `demo`, `migrate`, `setup-link`, `check-config`, `apply`, `import`, `export`, `audit`,
 * `healthcheck`. They know how to start and stop the server, not what it serves.
 */
import type { Command } from '#terminal'
import { applyCommand } from './apply.ts'
import { auditCommand } from './audit.ts'
import { exportCommand, importCommand } from './aws-transfer.ts'
import { demoCommand } from './demo.ts'
import { checkConfigCommand, healthcheckCommand, migrateCommand } from './installation-commands.ts'
import type { OpenProgram } from './program.ts'
import { serveCommand } from './serve.ts'
import { setupLinkCommand } from './setup-link.ts'

export { createLog } from './log.ts'
export type { Log } from './log.ts'
export type { App, OpenProgram, Program } from './program.ts'

/** Every command of the operator, in the order of the help. */
export const operatorCommands = (open: OpenProgram): readonly Command[] => [
  serveCommand(open),
  demoCommand(open),
  setupLinkCommand(open),
  applyCommand(open),
  importCommand(open),
  exportCommand(open),
  auditCommand(open),
  checkConfigCommand(open),
  migrateCommand(open),
  healthcheckCommand(open),
]
