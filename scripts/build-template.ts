/**
 * Writes config/embedded-database.tar.br: a PostgreSQL cluster as initdb leaves it, which the first start unpacks in a
 * quarter of the time that initdb takes. It holds no table of ours, so it changes only with the version of PGlite.
 * Run after every update of that package: npm run build:template
 */
import { readFile, writeFile } from 'node:fs/promises'
import { brotliCompressSync, constants, gunzipSync } from 'node:zlib'
import { openEmbedded } from '#database'

const root = new URL('../', import.meta.url)
const { version } = JSON.parse(
  await readFile(new URL('node_modules/@electric-sql/pglite/package.json', root), 'utf8'),
) as { version: string }
const database = await openEmbedded({ dataDir: 'memory://' })
const tar = gunzipSync(await database.dump())
await database.close()
const packed = brotliCompressSync(tar, {
  params: { [constants.BROTLI_PARAM_QUALITY]: 10, [constants.BROTLI_PARAM_LGWIN]: 24 },
})
await writeFile(new URL('config/embedded-database.tar.br', root), packed)
await writeFile(new URL('config/embedded-database.json', root), `${JSON.stringify({ pglite: version })}\n`)
console.log(`config/embedded-database.tar.br: ${packed.length} bytes for PGlite ${version}`)
