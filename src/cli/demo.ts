import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { apply } from '#declare'
import { findOrganization } from '#iam'
import { randomId, refuse } from '#kernel'
import { countsLine, declarationIn } from './apply.ts'
import type { Command, Machine } from '#terminal'
import type { OpenProgram } from './program.ts'
import { serve } from './serve.ts'

const people = ['alice', 'bob', 'carol'] as const
const clients = ['orders', 'grafana'] as const

/**
 * `signet demo`: applies config/examples/acme.yaml, then serves. Its passwords and secrets are made once, kept in the
 * data directory, and printed: nothing secret is in the repository.
 */
export const demoCommand = (open: OpenProgram): Command => ({
  name: 'demo',
  summary: 'Apply the example company (3 people, 3 roles, 3 apps), then start the server.',
  run(machine) {
    let values: Readonly<Record<string, string>> = {}
    return serve(machine, open, {
      async before(program, installation) {
        const organization = await findOrganization(installation.database)
        if (organization !== undefined && organization.name !== 'Acme')
          refuse(
            'conflict',
            'cli/demo-claimed',
            `This installation belongs to ${organization.name}. Give the demo a place of its own: DATA_DIR=./demo-data npm run demo`,
          )
        values = demoValues(program.config.dataDir)
        const request = declarationIn(machine, join(machine.packageDir, 'config/examples/acme.yaml'))
        const applied = await apply(await program.applyNeeds(installation), {
          ...request,
          env: (name) => machine.env[name] ?? values[name],
        })
        machine.err(
          `The example company Acme: ${countsLine(applied)}. Passwords and secrets: ${demoPath(program.config.dataDir)}\n`,
        )
      },
      epilogue: () => welcome(values, machine),
    })
  },
})

const demoPath = (dataDir: string): string => join(dataDir, 'demo-secrets.json')

/** The demo's passwords and secrets, by the names that acme.yaml asks for. */
function demoValues(dataDir: string): Readonly<Record<string, string>> {
  const path = demoPath(dataDir)
  if (existsSync(path)) return JSON.parse(readFileSync(path, 'utf8')) as Record<string, string>
  const password = (): string =>
    randomId()
      .toLowerCase()
      .replaceAll(/[^a-z2-9]/g, '')
      .slice(0, 16)
      .replaceAll(/(.{4})(?=.)/g, '$1-')
  const values = Object.fromEntries([
    ...people.map((name) => [`ACME_${name.toUpperCase()}_PASSWORD`, password()]),
    ...clients.map((name) => [`ACME_${name.toUpperCase()}_SECRET`, randomId()]),
  ]) as Record<string, string>
  writeFileSync(path, `${JSON.stringify(values, null, 2)}\n`, { mode: 0o600 })
  chmodSync(path, 0o600)
  return values
}

function welcome(values: Readonly<Record<string, string>>, machine: Machine): string {
  const value = (name: string): string => machine.env[name] ?? values[name] ?? ''
  return [
    'Sign in as',
    ...people.map((name) => `  ${name.padEnd(8)} ${value(`ACME_${name.toUpperCase()}_PASSWORD`)}`),
    '',
    'OIDC clients and their secrets',
    ...clients.map((name) => `  ${name.padEnd(8)} ${value(`ACME_${name.toUpperCase()}_SECRET`)}`),
    '',
    '',
  ].join('\n')
}
