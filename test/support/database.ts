import { randomBytes } from 'node:crypto'
import { inject } from 'vitest'
import { type Database, openEmbedded, openPostgres, sql } from '#database'
import { Secret } from '#kernel'

/** A fresh, migrated database for one test file: embedded, or PostgreSQL when TEST_DATABASE_URL is set. */
export async function testDatabase(): Promise<Database> {
  const { file, postgres } = inject('template')
  if (postgres === null) return openEmbedded({ dataDir: 'memory://', template: file })
  const { url, drop } = await testPostgres(postgres)
  const database = await openPostgres(url, { poolSize: 4, pipelines: 1 })
  return {
    ...database,
    close: async () => {
      await database.close()
      await drop()
    },
  }
}

/** A new PostgreSQL database from the migrated template, and what drops it. */
export async function testPostgres(postgres: string): Promise<{ url: Secret; drop(): Promise<void> }> {
  const name = `signet_test_${randomBytes(6).toString('hex')}`
  const url = new URL(postgres)
  url.pathname = `/${name}`
  const admin = await openPostgres(new Secret(postgres), { poolSize: 1, pipelines: 1 })
  // Two files that copy the template at the same moment would refuse each other; the lock ends with the connection.
  await admin.query(sql`select pg_advisory_lock(41)`)
  await admin.query({ chunks: [`create database ${name} template signet_test_template`], values: [] })
  await admin.close()
  return {
    url: new Secret(url.href),
    drop: async () => {
      const again = await openPostgres(new Secret(postgres), { poolSize: 1, pipelines: 1 })
      await again.query({ chunks: [`drop database if exists ${name} with (force)`], values: [] })
      await again.close()
    },
  }
}
