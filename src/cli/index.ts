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
  const [demo, link, declaring, transfer, audit, own] = await Promise.all([
    import('./demo.ts'),
    import('./setup-link.ts'),
    import('./apply.ts'),
    import('./aws-transfer.ts'),
    import('./audit.ts'),
    import('./installation-commands.ts'),
  ])
  return [
    serveCommand(open),
    demo.demoCommand(open),
    link.setupLinkCommand(open),
    declaring.applyCommand(open),
    transfer.importCommand(open),
    transfer.exportCommand(open),
    audit.auditCommand(open),
    own.checkConfigCommand(open),
    own.migrateCommand(open),
    own.healthcheckCommand(open),
  ]
}
