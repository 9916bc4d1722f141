/**
 * The operator's commands: `signet serve`, `demo`, `migrate`, `setup-link`, `check-config`, `apply`, `import`, `export`, `audit`,
 * `healthcheck`. They know how to start and stop the server, not what it serves.
 */
import type { Command } from '#terminal'
import type { OpenProgram } from './program.ts'
import { serveCommand } from './serve.ts'

export { createLog } from './log.ts'
export type { Log } from './log.ts'
export type { App, OpenProgram, Program } from './program.ts'

export { serveCommand }

/** Every command of the operator, in the order of the help. All but `serve` are loaded only here: it must be up soon. */
export async function operatorCommands(open: OpenProgram): Promise<readonly Command[]> {
  const { demoCommand } = await import('./demo.ts')
  const { setupLinkCommand } = await import('./setup-link.ts')
  const { applyCommand } = await import('./apply.ts')
  const { importCommand, exportCommand } = await import('./aws-transfer.ts')
  const { auditCommand } = await import('./audit.ts')
  const { checkConfigCommand, healthcheckCommand, migrateCommand } =
    await import('./installation-commands.ts')
  return [
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
}
