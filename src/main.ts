/**
 * The program. Code is loaded when a command needs it: `signet credentials`, which AWS tools run often, never loads the
 * server.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { agentCommand } from '#agent'
import type { OpenProgram } from '#cli'
import { systemClock } from '#kernel'
import { remoteCommands } from '#remote'
import { type Command, type Machine, runCommand } from '#terminal'

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

const open: OpenProgram = async () => {
  const { createApp, sections } = await import('./app.ts')
  const { createApplyNeeds } = await import('./apply-needs.ts')
  const { readConfig } = await import('#config')
  const { thingNames } = await import('#declare')
  const config = readConfig({
    env: machine.env,
    cwd: machine.cwd,
    sections,
    things: thingNames,
    defaults: { name: 'config/default.yaml', text: read('config/default.yaml') },
  })
  const own = { config, clock: machine.clock, packageDir }
  return {
    config,
    createApp: (needs) => createApp({ ...needs, ...own }),
    applyNeeds: (needs) => createApplyNeeds({ ...needs, ...own }),
  }
}

const ofPeople: readonly Command[] = [...remoteCommands, agentCommand]
const isRemote = ofPeople.some(({ name }) => name === process.argv[2])
const commands: readonly Command[] = isRemote
  ? ofPeople
  : [...(await import('#cli')).operatorCommands(open), ...ofPeople]

const code = await runCommand(commands, machine, process.argv.slice(2))
// A pipe may still hold the end of a long answer: exiting at once would cut it off.
for (const stream of [process.stdout, process.stderr])
  await new Promise<void>((resolve) => stream.write('', () => resolve()))
process.exit(code)
