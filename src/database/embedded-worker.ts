/**
 * The embedded database's own thread. PGlite answers in microtasks, so on the main thread a run of queries would
 * starve every timer and request; here it starves nobody.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { PGlite } from '@electric-sql/pglite'
import { existsSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { unpackCluster } from './unpack.ts'

/** What the main thread asks. */
export type Ask =
  | { readonly id: number; readonly op: 'query'; readonly text: string; readonly values: readonly unknown[] }
  | { readonly id: number; readonly op: 'script'; readonly text: string }
  | { readonly id: number; readonly op: 'listen'; readonly channel: string }
  | { readonly id: number; readonly op: 'dump' }
  | { readonly id: number; readonly op: 'close' }

/** What it is told: an answer to its question, or a notification. */
export type Tell =
  | { readonly id: number; readonly ok: unknown }
  | { readonly id: number; readonly error: { readonly message: string; readonly [name: string]: unknown } }
  | { readonly channel: string; readonly payload: string }

const { dataDir, template, cluster } = workerData as Readonly<
  Record<'template' | 'cluster', string | undefined> & { dataDir: string }
>
const port = parentPort
if (port === null) throw new Error('This module is a worker thread.')

// A folder without PG_VERSION is what a start without the shipped cluster leaves when it is cut off in initdb.
if (cluster !== undefined && !existsSync(join(dataDir, 'PG_VERSION'))) {
  rmSync(dataDir, { recursive: true, force: true })
  await unpackCluster(cluster, dataDir)
}

const text = (value: string): string => value
const database = await PGlite.create({
  dataDir,
  startParams: [...PGlite.defaultStartParams, '-c', 'shared_buffers=16MB', '-c', 'TimeZone=UTC'],
  parsers: { 1184: text, 1082: text, 20: Number },
  ...(template === undefined ? {} : { loadDataDir: new Blob([await readFile(template)]) }),
})

async function answer(ask: Ask): Promise<unknown> {
  switch (ask.op) {
    case 'query': {
      const result = await database.query(ask.text, [...ask.values], { rowMode: 'array' })
      return {
        fields: result.fields.map(({ name, dataTypeID }) => [name, dataTypeID]),
        rows: result.rows,
        affected: result.affectedRows ?? 0,
      }
    }
    case 'script':
      await database.exec(ask.text)
      return null
    case 'listen':
      await database.listen(ask.channel, (payload) => port?.postMessage({ channel: ask.channel, payload }))
      return null
    case 'dump':
      return new Uint8Array(await (await database.dumpDataDir('gzip')).arrayBuffer())
    case 'close':
      await database.close()
      return null
  }
}

port.on('message', (ask: Ask) => {
  answer(ask).then(
    (ok) => {
      port.postMessage({ id: ask.id, ok } satisfies Tell)
      if (ask.op === 'close') port.close()
    },
    (thrown: unknown) => {
      const error =
        thrown instanceof Error
          ? { ...(thrown as unknown as Record<string, string>), message: thrown.message }
          : { message: String(thrown) }
      // Only plain values cross the thread border.
      port.postMessage({
        id: ask.id,
        error: JSON.parse(JSON.stringify(error)) as { message: string },
      } satisfies Tell)
    },
  )
})

port.postMessage({ id: 0, ok: 'open' } satisfies Tell)
