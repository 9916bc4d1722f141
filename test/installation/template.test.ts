import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'

const root = join(import.meta.dirname, '../..')
const json = (path: string) => JSON.parse(readFileSync(join(root, path), 'utf8')) as Record<string, unknown>

it('the shipped empty cluster was made by the version of PGlite that is installed (else: npm run build:template)', () => {
  expect(json('config/embedded-database.json')['pglite']).toBe(
    json('node_modules/@electric-sql/pglite/package.json')['version'],
  )
})
