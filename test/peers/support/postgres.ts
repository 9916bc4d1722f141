import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { freePort } from '../../support/signet-process.ts'

/** A PostgreSQL server of its own on loopback, in a new folder (Debian's package; as root it runs as the user postgres). */
export async function startPostgres(): Promise<{ url: string; stop(): void }> {
  const versions = readdirSync('/usr/lib/postgresql').toSorted((a, b) => Number(b) - Number(a))
  const bin = `/usr/lib/postgresql/${versions[0] ?? ''}/bin`
  const folder = mkdtempSync(join(tmpdir(), 'signet-postgres-'))
  const isRoot = process.getuid?.() === 0
  const as = (command: string, ...args: string[]) =>
    isRoot
      ? execFileSync('runuser', ['-u', 'postgres', '--', join(bin, command), ...args], { stdio: 'ignore' })
      : execFileSync(join(bin, command), args, { stdio: 'ignore' })
  if (isRoot) execFileSync('chown', ['postgres', folder])
  const port = await freePort()
  const data = join(folder, 'db')
  as('initdb', '-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8')
  const options = `-p ${port} -k ${folder} -c listen_addresses=127.0.0.1 -c max_connections=100`
  as('pg_ctl', '-D', data, '-w', '-l', join(folder, 'log'), '-o', options, 'start')
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    stop() {
      as('pg_ctl', '-D', data, '-m', 'immediate', 'stop')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
