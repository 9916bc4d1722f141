import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { migrate, openEmbedded, openPostgres, readMigrations, sql } from '#database'
import { Secret } from '#kernel'

declare module 'vitest' {
  export interface ProvidedContext {
    /** Where the tests find a migrated database to begin from. */
    template: { readonly file: string; readonly postgres: string | null }
  }
}

/**
 * Migrates once for the whole run: every test file then begins from a copy. With TEST_DATABASE_URL (a PostgreSQL
 * superuser's URL) the copies are databases made from a template there; without, the embedded database loads a dump.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const migrations = await readMigrations(new URL('../../migrations', import.meta.url).pathname)
  const folder = await mkdtemp(join(tmpdir(), 'signet-test-'))
  const file = join(folder, 'template.tar.gz')
  const postgres = process.env['TEST_DATABASE_URL'] ?? null
  if (postgres === null) {
    const embedded = await openEmbedded({ dataDir: 'memory://' })
    await migrate(embedded, migrations)
    await writeFile(file, await embedded.dump())
    await embedded.close()
  } else {
    const admin = await openPostgres(new Secret(postgres), { poolSize: 1, pipelines: 1 })
    await admin.query(sql`drop database if exists signet_test_template with (force)`)
    await admin.query(sql`create database signet_test_template`)
    await admin.close()
    const url = new URL(postgres)
    url.pathname = '/signet_test_template'
    const template = await openPostgres(new Secret(url.href), { poolSize: 1, pipelines: 1 })
    await migrate(template, migrations)
    await template.close()
  }
  project.provide('template', { file, postgres })
  return () => rm(folder, { recursive: true, force: true })
}
