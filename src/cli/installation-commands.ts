import { problemLine } from '#config'
import { checkDeclaration } from '#declare'
import { openInstallation } from '#installation'
import { declarationIn } from './apply.ts'
import type { Command } from '#terminal'
import type { OpenProgram } from './program.ts'

/** `signet migrate`: brings the database to this version's schema and ends. */
export const migrateCommand = (open: OpenProgram): Command => ({
  name: 'migrate',
  summary: 'Bring the database to this version and end.',
  async run(machine) {
    const { config } = await open()
    const installation = await openInstallation({ ...machine, config }, { shared: false })
    await installation.close()
    machine.out(
      installation.applied.length === 0
        ? 'The database is up to date.\n'
        : `Applied: ${installation.applied.join(', ')}\n`,
    )
    return 0
  },
})

/** `signet check-config`: reads the settings, tells every mistake, changes nothing. */
export const checkConfigCommand = (open: OpenProgram): Command => ({
  name: 'check-config',
  summary: 'Check environment variables and signet.yaml, and change nothing.',
  async run(machine) {
    const { config } = await open()
    if (config.file !== undefined)
      for (const note of checkDeclaration(
        declarationIn(machine, config.file.name),
        Object.keys(config.settings),
      ))
        machine.err(`warning: ${problemLine(note)}\n`)
    machine.out(
      `The settings are in order${config.file === undefined ? '' : ` (${config.file.name})`}: ${config.publicUrl.origin}, ${config.databaseUrl === undefined ? `embedded database in ${config.dataDir}` : 'PostgreSQL'}.\n`,
    )
    return 0
  },
})

/** `signet healthcheck`: asks the server on this machine whether it is ready; for container health checks. */
export const healthcheckCommand = (open: OpenProgram): Command => ({
  name: 'healthcheck',
  summary: 'Ask the server on this machine whether it is ready.',
  async run(machine) {
    const { config } = await open()
    const host =
      config.host === undefined || config.host === '::' || config.host === '0.0.0.0'
        ? '127.0.0.1'
        : config.host.includes(':')
          ? `[${config.host}]`
          : config.host
    try {
      const answer = await fetch(`http://${host}:${config.port}/healthz/ready`, {
        signal: AbortSignal.timeout(5_000),
        redirect: 'error',
      })
      if (answer.ok) return 0
      machine.err(`Not ready: the server answered ${answer.status}.\n`)
    } catch (thrown) {
      const cause = thrown instanceof Error ? (thrown.cause ?? thrown) : thrown
      machine.err(`Not ready: ${cause instanceof Error ? cause.message : String(cause)}\n`)
    }
    return 1
  },
})
