import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createAudit } from '#audit'
import {
  applyCommand,
  auditCommand,
  checkConfigCommand,
  type Command,
  credentialsCommand,
  demoCommand,
  envCommand,
  healthcheckCommand,
  loginCommand,
  type Machine,
  migrateCommand,
  type OpenProgram,
  runCommand,
  serveCommand,
  type ServeSteps,
  setupLinkCommand,
  tokenCommand,
} from '#cli'
import { readConfig } from '#config'
import { createPasswordHasher } from '#crypto'
import { thingNames } from '#declare'
import { findOrganization, readBuiltInPolicies } from '#iam'
import { systemClock } from '#kernel'
import { newSetupLink } from '#setup'
import { createApp, sections } from './app.ts'

const packageDir = join(import.meta.dirname, '..')
const read = (path: string): string => readFileSync(join(packageDir, path), 'utf8')

const machine: Machine = {
  env: process.env,
  cwd: process.cwd(),
  packageDir,
  version: (JSON.parse(read('package.json')) as { version: string }).version,
  clock: systemClock,
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  isTerminal: process.stdout.isTTY,
  onStop(stop) {
    // A terminal, npm and a supervisor may each send one: the second is no reason to hurry.
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop)
    // Started by bin/signet.cjs on an old Node: when that process is killed, this one must not stay behind.
    process.once('disconnect', stop)
    process.channel?.unref()
  },
}

const open: OpenProgram = () => {
  const config = readConfig({
    env: machine.env,
    cwd: machine.cwd,
    sections,
    things: thingNames,
    defaults: { name: 'config/default.yaml', text: read('config/default.yaml') },
  })
  return {
    config,
    createApp: (needs) => createApp({ ...needs, config, clock: machine.clock, packageDir }),
    applyNeeds: async ({ database, vault }) => ({
      database,
      vault,
      clock: machine.clock,
      audit: createAudit({ database, clock: machine.clock }),
      builtInPolicies: readBuiltInPolicies(join(packageDir, 'config/policies')),
      hasher: await createPasswordHasher(
        { clock: machine.clock },
        {
          memoryKib: config.settings.passwords.memory_kib,
          passes: config.settings.passwords.passes,
          slots: config.settings.passwords.slots,
          queue: 50,
          waitMilliseconds: 2_000,
        },
      ),
    }),
  }
}

const steps: ServeSteps = {
  setupLink: async ({ clock }, { config }, { database }) =>
    (await findOrganization(database)) === undefined
      ? newSetupLink({ database, clock, publicUrl: config.publicUrl })
      : undefined,
}

const commands: readonly Command[] = [
  serveCommand(open, steps),
  demoCommand(open, steps),
  migrateCommand(open),
  setupLinkCommand(open, newSetupLink),
  checkConfigCommand(open),
  applyCommand(open),
  auditCommand(open),
  loginCommand,
  tokenCommand,
  credentialsCommand,
  envCommand,
  healthcheckCommand(open),
]

process.exit(await runCommand(commands, machine, process.argv.slice(2)))
