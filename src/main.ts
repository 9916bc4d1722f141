import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  auditCommand,
  checkConfigCommand,
  type Command,
  credentialsCommand,
  envCommand,
  healthcheckCommand,
  loginCommand,
  type Machine,
  migrateCommand,
  type OpenProgram,
  runCommand,
  serveCommand,
  tokenCommand,
} from '#cli'
import { readConfig } from '#config'
import { systemClock } from '#kernel'
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
    things: [],
    defaults: { name: 'config/default.yaml', text: read('config/default.yaml') },
  })
  return {
    config,
    createApp: (needs) => createApp({ ...needs, config, clock: machine.clock, packageDir }),
  }
}

const steps = { before: async () => {}, setupLink: async () => undefined }

const commands: readonly Command[] = [
  serveCommand(open, steps),
  migrateCommand(open),
  checkConfigCommand(open),
  auditCommand(open),
  loginCommand,
  tokenCommand,
  credentialsCommand,
  envCommand,
  healthcheckCommand(open),
]

process.exit(await runCommand(commands, machine, process.argv.slice(2)))
