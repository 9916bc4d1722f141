import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { problemLine } from '#config'
import { apply, type Applied, type DeclareRequest } from '#declare'
import { openInstallation } from '#installation'
import { refuse } from '#kernel'
import type { Command, Machine } from '#terminal'
import type { OpenProgram } from './program.ts'

/** A declaration in a file, with this machine's environment and files. @throws Failure not-found cli/no-file */
export function declarationIn(machine: Machine, fileName: string): DeclareRequest {
  let text: string
  try {
    text = readFileSync(resolve(machine.cwd, fileName), 'utf8')
  } catch (thrown) {
    const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : String(thrown)
    return refuse('not-found', 'cli/no-file', `The file ${fileName} cannot be read (${code}).`)
  }
  return {
    text,
    fileName,
    env: (name) => machine.env[name],
    readFile: (path) => readFileSync(resolve(machine.cwd, path), 'utf8'),
  }
}

/** `3 created, 1 updated, 12 unchanged` */
export const countsLine = ({ counts }: Applied): string =>
  `${counts.created} created, ${counts.updated} updated, ${counts.unchanged} unchanged`

/** `signet apply FILE`: makes this installation hold what a file declares. */
export const applyCommand = (open: OpenProgram): Command => ({
  name: 'apply',
  summary: 'Make this installation hold what a file declares (users, roles, apps, …).',
  words: ['FILE'],
  options: { json: { type: 'boolean', help: 'print what became of each thing as JSON' } },
  async run(machine, input) {
    const program = await open()
    const request = declarationIn(machine, input.words[0] ?? '')
    const installation = await openInstallation({ ...machine, config: program.config }, { shared: true })
    try {
      const needs = await program.applyNeeds(installation)
      const applied = await apply(needs, request, Object.keys(program.config.settings))
      for (const note of applied.notes) machine.err(`warning: ${problemLine(note)}\n`)
      if (input.flag('json'))
        machine.out(`${JSON.stringify({ counts: applied.counts, things: applied.things })}\n`)
      else {
        for (const { kind, name, outcome } of applied.things)
          if (outcome !== 'unchanged') machine.out(`${outcome} ${kind.replace('_', ' ')} ${name}\n`)
        machine.out(`${countsLine(applied)}.\n`)
      }
      return 0
    } finally {
      await installation.close()
    }
  },
})
