import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { refuse } from '#kernel'
import { sql } from './sql.ts'
import type { Database, Transaction } from './types.ts'

/** One file of `migrations/`. */
export type Migration = { readonly name: string; readonly text: string; readonly sha256: string }

/** The migrations of a folder, in their order (`0001-accounts.sql` …). */
export async function readMigrations(folder: string): Promise<readonly Migration[]> {
  const names = (await readdir(folder)).filter((name) => /^\d{4}-[a-z-]+\.sql$/.test(name)).toSorted()
  return Promise.all(
    names.map(async (name) => {
      const text = await readFile(join(folder, name), 'utf8')
      return { name, text, sha256: createHash('sha256').update(text).digest('hex') }
    }),
  )
}

const lock = 7_396_811

/**
 * Brings the schema up to this program's migrations: forward only, each in its own transaction, one program at a time.
 *
 * @returns the names applied now
 * @throws Failure conflict database/migration-changed when an applied file differs from ours
 * @throws Failure conflict database/newer when the database has a migration that this program does not know
 */
export async function migrate(
  database: Database,
  migrations: readonly Migration[],
): Promise<readonly string[]> {
  const applied: string[] = []
  await database.transaction(async (tx) => {
    await tx.query(sql`select pg_advisory_xact_lock(${lock})`)
    await tx.script(
      `create table if not exists schema_migration (
         name text primary key,
         sha256 text not null,
         applied_at timestamptz not null default now()
       )`,
    )
  })
  if (await isCurrent(database, migrations)) return applied
  for (const migration of migrations)
    if (await database.transaction((tx) => apply(tx, migration, migrations))) applied.push(migration.name)
  return applied
}

/** Whether every migration stands there as ours, and none besides: the usual start, in one statement. */
async function isCurrent(database: Database, migrations: readonly Migration[]): Promise<boolean> {
  const { rows } = await database.query<{ name: string; sha256: string }>(
    sql`select name, sha256 from schema_migration`,
  )
  const applied = new Map(rows.map(({ name, sha256 }) => [name, sha256]))
  return (
    applied.size === migrations.length && migrations.every(({ name, sha256 }) => applied.get(name) === sha256)
  )
}

async function apply(tx: Transaction, migration: Migration, all: readonly Migration[]): Promise<boolean> {
  await tx.query(sql`select pg_advisory_xact_lock(${lock})`)
  const { rows } = await tx.query<{ name: string; sha256: string }>(
    sql`select name, sha256 from schema_migration`,
  )
  const stranger = rows.find(({ name }) => !all.some((each) => each.name === name))
  if (stranger !== undefined)
    refuse(
      'conflict',
      'database/newer',
      `The database was migrated by a newer Signet (it has ${stranger.name}). Start that version or newer, or restore the backup made before the upgrade.`,
    )
  const known = rows.find(({ name }) => name === migration.name)
  if (known !== undefined) {
    if (known.sha256 !== migration.sha256)
      refuse(
        'conflict',
        'database/migration-changed',
        `migrations/${migration.name} differs from the one that was applied to this database. Install Signet again; migrations are never edited.`,
      )
    return false
  }
  await tx.script(migration.text)
  await tx.query(
    sql`insert into schema_migration (name, sha256) values (${migration.name}, ${migration.sha256})`,
  )
  return true
}
