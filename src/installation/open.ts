import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { openSecretKey, type Plumbing } from '#config'
import { openVault, type Vault } from '#crypto'
import {
  type Database,
  lockDirectory,
  migrate,
  openEmbedded,
  openPostgres,
  openShared,
  readMigrations,
  shareDatabase,
} from '#database'
import { type Clock, Failure, isFailure, type Secret } from '#kernel'
import { prepareDataDirectory } from './data-directory.ts'
import { checkKey } from './fingerprint.ts'

/** An installation, open: its database at this program's schema, and what seals and opens its secrets. */
export type Installation = {
  readonly database: Database
  readonly vault: Vault
  /** Migrations applied now. */
  readonly applied: readonly string[]
  /** Whether another process holds the embedded database and this one works through it. */
  readonly shared: boolean
  /** Lets commands of other processes work on the embedded database; does nothing with PostgreSQL. */
  share(): Promise<void>
  close(): Promise<void>
}

/** What to open. `packageDir` holds migrations/ and config/. */
export type InstallationPlace = {
  readonly config: Pick<Plumbing, 'databaseUrl' | 'dataDir' | 'secretKey'>
  readonly clock: Clock
  readonly packageDir: string
}

/**
 * Opens the data directory, the key and the database (PostgreSQL, or embedded), migrates, and checks the key. When a
 * running server holds the embedded database, a command works through the server's socket instead.
 *
 * @param shared whether this process may work through another one; a server may not
 * @param after nothing is migrated before this resolves, and nothing stays open when it rejects
 * @throws Failure installation/data-directory, installation/other-key, database/directory-locked, database/away and those of `migrate`
 */
export async function openInstallation(
  { config, clock, packageDir }: InstallationPlace,
  { shared, after }: { readonly shared: boolean; readonly after?: Promise<unknown> },
): Promise<Installation> {
  // With PostgreSQL and a SECRET_KEY nothing is kept in the data directory: the file system may be read-only.
  if (config.databaseUrl === undefined || config.secretKey === undefined) prepareDataDirectory(config.dataDir)
  const vault = openVault(openSecretKey(config.secretKey, config.dataDir))
  const opened =
    config.databaseUrl === undefined
      ? await openOwn(config.dataDir, packageDir, shared)
      : await openRemote(config.databaseUrl)
  try {
    await after
    const applied = opened.shared
      ? []
      : await migrate(opened.database, await readMigrations(join(packageDir, 'migrations')))
    await checkKey({ database: opened.database, vault, clock, dataDir: config.dataDir })
    let unshare: (() => Promise<void>) | undefined
    return {
      database: opened.database,
      vault,
      applied,
      shared: opened.shared,
      async share() {
        if (config.databaseUrl === undefined && !opened.shared && process.platform !== 'win32')
          unshare = await shareDatabase(opened.database, socketPath(config.dataDir))
      },
      async close() {
        await unshare?.()
        await opened.close()
      },
    }
  } catch (thrown) {
    await opened.close()
    throw thrown
  }
}

type Opened = { readonly database: Database; readonly shared: boolean; close(): Promise<void> }

const socketPath = (dataDir: string): string => join(dataDir, 'control.sock')

async function openRemote(url: Secret): Promise<Opened> {
  try {
    const database = await openPostgres(url)
    return { database, shared: false, close: () => database.close() }
  } catch (thrown) {
    if (isFailure(thrown) && thrown.reason !== 'database/away') throw thrown
    throw new Failure('unavailable', 'installation/database', unreachable(url, thrown), undefined, {
      cause: thrown,
    })
  }
}

/** Where the database was looked for (without user and password), and what the driver says. */
function unreachable(url: Secret, thrown: unknown): string {
  const parsed = URL.parse(url.reveal())
  const place = parsed === null ? 'at DATABASE_URL' : `at ${parsed.host}${parsed.pathname}`
  const cause = isFailure(thrown) ? thrown.cause : thrown
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  const why: Readonly<Record<string, string>> = {
    ECONNREFUSED: 'nothing listens there',
    ENOTFOUND: 'that host name is not known',
    EAI_AGAIN: 'that host name cannot be looked up now',
    ETIMEDOUT: 'it does not answer',
    '28P01': 'it refuses this user and password',
    '28000': 'it refuses this user',
    '3D000': 'it has no database of this name',
  }
  const said = cause instanceof Error ? cause.message : String(cause)
  return `The PostgreSQL database ${place} cannot be used: ${why[code] ?? (said === '' ? code : said)}. Check DATABASE_URL and that the database is up.`
}

async function openOwn(dataDir: string, packageDir: string, mayShare: boolean): Promise<Opened> {
  let unlock: () => void
  try {
    unlock = lockDirectory(dataDir)
  } catch (thrown) {
    if (!mayShare || !isFailure(thrown)) throw thrown
    const database = await openShared(socketPath(dataDir))
    if (database === undefined) throw thrown
    return { database, shared: true, close: () => database.close() }
  }
  try {
    const database = await openEmbedded({
      dataDir: join(dataDir, 'embedded'),
      cluster: shippedCluster(packageDir),
    })
    return {
      database,
      shared: false,
      close: async () => {
        await database.close()
        unlock()
      },
    }
  } catch (thrown) {
    unlock()
    throw thrown
  }
}

/** The shipped empty cluster, when it was made by the version of PGlite that is installed. */
function shippedCluster(packageDir: string): string | undefined {
  const version = (path: string, key: string): unknown => {
    try {
      return (JSON.parse(readFileSync(join(packageDir, path), 'utf8')) as Record<string, unknown>)[key]
    } catch {
      return undefined
    }
  }
  const made = version('config/embedded-database.json', 'pglite')
  const file = join(packageDir, 'config/embedded-database.tar.br')
  return made !== undefined &&
    made === version('node_modules/@electric-sql/pglite/package.json', 'version') &&
    existsSync(file)
    ? file
    : undefined
}
