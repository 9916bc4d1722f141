/**
 * One `Database`: PostgreSQL through `pg`, or PGlite embedded in a worker thread. The same SQL, the same migrations
 * and the same values on both; the drivers' differences end here. Owns the table `schema_migration`.
 */
export { coalesce } from './coalesce.ts'
export { lockDirectory } from './directory-lock.ts'
export { openEmbedded } from './embedded.ts'
export type { Embedded } from './embedded.ts'
export { isDeadlock, violatedForeignKey, violatedUnique } from './errors.ts'
export { migrate, readMigrations } from './migrate.ts'
export type { Migration } from './migrate.ts'
export { openPostgres } from './postgres.ts'
export type { PostgresSettings } from './postgres.ts'
export { openShared } from './shared-client.ts'
export { shareDatabase } from './shared-server.ts'
export { aside, join, sql } from './sql.ts'
export type { Sql } from './sql.ts'
export type { Database, Queryable, Rows, Transaction } from './types.ts'
