/**
 * Writes config/embedded-database.tar.br: a PostgreSQL cluster with the migrations applied and no row of anybody, which
 * the first start unpacks instead of running initdb and them. Run after every update of PGlite and every new migration:
 * npm run build:template
 */
import { readFile, writeFile } from 'node:fs/promises'
import { brotliCompressSync, constants, gunzipSync } from 'node:zlib'
import { migrate, openEmbedded, readMigrations } from '#database'

const root = new URL('../', import.meta.url)
const { version } = JSON.parse(
  await readFile(new URL('node_modules/@electric-sql/pglite/package.json', root), 'utf8'),
) as { version: string }
const database = await openEmbedded({ dataDir: 'memory://' })
const migrations = await readMigrations(new URL('migrations', root).pathname)
await migrate(database, migrations)
const tar = gunzipSync(await database.dump())
await database.close()
const packed = brotliCompressSync(tar, {
  params: { [constants.BROTLI_PARAM_QUALITY]: 10, [constants.BROTLI_PARAM_LGWIN]: 24 },
})
await writeFile(new URL('config/embedded-database.tar.br', root), packed)
await writeFile(
  new URL('config/embedded-database.json', root),
  `${JSON.stringify(
    { pglite: version, migrations: Object.fromEntries(migrations.map(({ name, sha256 }) => [name, sha256])) },
    undefined,
    2,
  )}\n`,
)
console.log(`config/embedded-database.tar.br: ${packed.length} bytes for PGlite ${version}`)
