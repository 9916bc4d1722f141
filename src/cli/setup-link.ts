import type { Database } from '#database'
import { findOrganization } from '#iam'
import { openInstallation } from '#installation'
import { newSetupLink } from '#setup'
import type { Command, Machine } from '#terminal'
import type { OpenProgram, Program } from './program.ts'

/** A new setup link while nobody has claimed this instance; undefined afterwards. */
export async function setupLinkIfUnclaimed(
  machine: Machine,
  program: Program,
  database: Database,
): Promise<string | undefined> {
  if ((await findOrganization(database)) !== undefined) return undefined
  return newSetupLink({ database, clock: machine.clock, publicUrl: program.config.publicUrl })
}

/** `signet setup-link`: prints a new link for the first administrator; the one before it ends. */
export const setupLinkCommand = (open: OpenProgram): Command => ({
  name: 'setup-link',
  summary: 'Print a new link to set up this instance (valid for 30 minutes, once).',
  async run(machine) {
    const { config } = await open()
    const installation = await openInstallation({ ...machine, config }, { shared: true })
    try {
      const link = await newSetupLink({
        database: installation.database,
        clock: machine.clock,
        publicUrl: config.publicUrl,
      })
      machine.out(`${link}\n`)
      return 0
    } finally {
      await installation.close()
    }
  },
})
