/**
 * The program. Code is loaded when a command needs it: `signet credentials`, which AWS tools run often, never loads the
 * server.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { OpenProgram } from '#cli'
import { systemClock } from '#kernel'
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

/** The commands among which the one that was typed is looked for. */
async function commandsFor(name: string | undefined): Promise<readonly Command[]> {
  if (name === 'serve') return [(await import('#cli')).serveCommand(open)]
  const [{ remoteCommands }, { agentCommand }] = await Promise.all([import('#remote'), import('#agent')])
  const ofPeople = [...remoteCommands, agentCommand]
  if (ofPeople.some((each) => each.name === name)) return ofPeople
  const { operatorCommands } = await import('#cli')
  return [...(await operatorCommands(open)), ...ofPeople]
}

const argv = process.argv.slice(2)
const code = await runCommand(await commandsFor(argv[0]), machine, argv)
// A pipe may still hold the end of a long answer: exiting at once would cut it off.
for (const stream of [process.stdout, process.stderr])
  await new Promise<void>((resolve) => stream.write('', () => resolve()))
process.exit(code)
