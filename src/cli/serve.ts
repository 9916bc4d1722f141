import { readPlumbing } from '#config'
import { type Installation, openInstallation } from '#installation'
import type { Command, Machine } from '#terminal'
import type { OpenProgram, Program } from './program.ts'

/** What else happens around serving. */
export type ServeSteps = {
  /** Before anything answers. */
  before?(program: Program, installation: Installation): Promise<void>
  /** What stands below the start's own lines on a terminal. */
  epilogue?(): string
}

/** `signet serve`: opens everything, listens, and ends cleanly when asked to. */
export const serveCommand = (open: OpenProgram): Command => ({
  name: 'serve',
  summary: 'Start the server.',
  run: (machine) => serve(machine, open),
})

/** Serves until the process is asked to stop. @returns 0 */
export async function serve(machine: Machine, open: OpenProgram, steps: ServeSteps = {}): Promise<number> {
  let stop: () => void = () => {}
  const stopped = new Promise<void>((resolve) => {
    stop = resolve
  })
  // Asked before everything is up: finish starting, then end.
  machine.onStop(stop)

  const { program, installation } = await openBoth(machine, open)
  try {
    // What serves is loaded behind what opens: the database's thread then has the first word.
    const { serveUntil } = await import('./serve-until.ts')
    await serveUntil(stopped, machine, { program, installation, steps })
  } finally {
    await installation.close()
  }
  return 0
}

/**
 * The program and the installation, opened at the same time: the database's thread starts while the code loads. What is
 * wrong with the settings is told first, and then nothing was migrated.
 */
async function openBoth(
  machine: Machine,
  open: OpenProgram,
): Promise<{ program: Program; installation: Installation }> {
  const plumbing = readPlumbing(machine.env, machine.cwd)
  // With mistakes in the plumbing there is nothing to open; loading tells them, with all the others.
  if (plumbing === undefined) {
    const program = await open()
    return {
      program,
      installation: await openInstallation({ ...machine, config: program.config }, { shared: false }),
    }
  }
  // Loading keeps this thread busy from its first moment on: the database's thread is started before it.
  const loading = new Promise((resolve) => setImmediate(resolve)).then(open)
  const opening = openInstallation({ ...machine, config: plumbing }, { shared: false, after: loading })
  const [loaded, opened] = await Promise.allSettled([loading, opening])
  if (loaded.status === 'rejected') throw loaded.reason
  if (opened.status === 'rejected') throw opened.reason
  return { program: loaded.value, installation: opened.value }
}
