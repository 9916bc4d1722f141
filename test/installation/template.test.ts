import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { readMigrations } from '#database'

const root = join(import.meta.dirname, '../..')
const json = (path: string) => JSON.parse(readFileSync(join(root, path), 'utf8')) as Record<string, unknown>

it('the shipped cluster was made by the version of PGlite that is installed (else: npm run build:template)', () => {
  expect(json('config/embedded-database.json')['pglite']).toBe(
    json('node_modules/@electric-sql/pglite/package.json')['version'],
  )
})

it('the shipped cluster has exactly the migrations of this program (else: npm run build:template)', async () => {
  const migrations = await readMigrations(join(root, 'migrations'))
  expect(json('config/embedded-database.json')['migrations']).toEqual(
    Object.fromEntries(migrations.map(({ name, sha256 }) => [name, sha256])),
  )
})
