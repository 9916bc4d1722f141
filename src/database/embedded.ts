import { Worker } from 'node:worker_threads'
import type { Ask, Tell } from './embedded-worker.ts'
import { insideTransaction, refuseInsideTransaction } from './guard.ts'
import { type Sql, textOf } from './sql.ts'
import { bind, type Database, oid, readInstant, type Rows, type Transaction } from './types.ts'

type Answer = {
  readonly fields: readonly (readonly [name: string, type: number])[]
  readonly rows: readonly (readonly unknown[])[]
  readonly affected: number
}

type Question = Ask extends infer Each ? (Each extends Ask ? Omit<Each, 'id'> : never) : never

/** What the embedded database offers beside `Database`. */
export type Embedded = Database & {
  /** The whole data directory as a gzipped tar, consistent. */
  dump(): Promise<Uint8Array>
}

const readers = new Map<number, (value: unknown) => unknown>([
  [oid.timestamptz, (value) => (typeof value === 'string' ? readInstant(value) : value)],
  [oid.bytea, (value) => (value instanceof Uint8Array ? Buffer.from(value) : value)],
  [oid.int8, (value) => (typeof value === 'bigint' ? Number(value) : value)],
])

function rowsOf<Row>({ fields, rows, affected }: Answer): Rows<Row> {
  const columns = fields.map(([name, type]) => ({ name, read: readers.get(type) }))
  const made = rows.map((row) => {
    const record: Record<string, unknown> = {}
    for (const [index, { name, read }] of columns.entries())
      record[name] = read === undefined ? row[index] : read(row[index])
    return record as Row
  })
  return { rows: made, count: affected === 0 ? made.length : affected }
}

/**
 * PostgreSQL inside this process (PGlite), in a worker thread of its own. One connection: a transaction holds it,
 * everything else waits its turn.
 *
 * It survives a crash of the process, not a power cut: it never syncs to the disk.
 *
 * @param place `dataDir` is a folder (the caller holds its lock) or `memory://`; `template` is a dump to begin from;
 * `cluster` is an archive (`unpackCluster`) that a folder without a database begins from
 */
export async function openEmbedded(place: {
  dataDir: string
  template?: string | undefined
  cluster?: string | undefined
}): Promise<Embedded> {
  const worker = new Worker(new URL('./embedded-worker.ts', import.meta.url), {
    workerData: place,
    execArgv: ['--disable-warning=ExperimentalWarning'],
  })
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>()
  const listeners = new Map<string, Set<(payload: string) => void>>()
  let next = 1
  let gone: Error | undefined

  const opened = new Promise<unknown>((resolve, reject) => waiting.set(0, { resolve, reject }))
  worker.on('message', (told: Tell) => {
    if ('channel' in told) {
      for (const heard of listeners.get(told.channel) ?? []) heard(told.payload)
      return
    }
    const entry = waiting.get(told.id)
    waiting.delete(told.id)
    if ('ok' in told) entry?.resolve(told.ok)
    else entry?.reject(Object.assign(new Error(told.error.message), told.error))
  })
  const end = (error: Error) => {
    gone = error
    for (const { reject } of waiting.values()) reject(error)
    waiting.clear()
  }
  worker.on('error', (thrown) => end(thrown instanceof Error ? thrown : new Error(String(thrown))))
  worker.on('exit', () => end(new Error('The embedded database is closed.')))
  await opened

  const ask = (question: Question): Promise<unknown> => {
    if (gone !== undefined) return Promise.reject(gone)
    const id = next++
    return new Promise((resolve, reject) => {
      waiting.set(id, { resolve, reject })
      worker.postMessage({ ...question, id } satisfies Ask)
    })
  }

  let tail: Promise<unknown> = Promise.resolve()
  /** Runs `work` when everybody who came before is done. */
  function inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const mine = tail.then(work, work)
    tail = mine.catch(() => {})
    return mine
  }

  const run = async <Row>(statement: Sql): Promise<Rows<Row>> =>
    rowsOf<Row>(
      (await ask({ op: 'query', text: textOf(statement), values: statement.values.map(bind) })) as Answer,
    )

  return {
    kind: 'embedded',
    writes: () => 0,
    query<Row>(statement: Sql) {
      refuseInsideTransaction()
      return inTurn(() => run<Row>(statement))
    },
    transaction<Result>(work: (tx: Transaction) => Promise<Result>) {
      refuseInsideTransaction()
      return inTurn(async () => {
        await ask({ op: 'script', text: 'begin' })
        try {
          const result = await insideTransaction(() =>
            work({
              query: (statement) => run(statement),
              script: async (text) => {
                await ask({ op: 'script', text })
              },
            }),
          )
          await ask({ op: 'script', text: 'commit' })
          return result
        } catch (thrown) {
          if (gone === undefined) await ask({ op: 'script', text: 'rollback' })
          throw thrown
        }
      })
    },
    async listen(channel, heard) {
      const known = listeners.get(channel)
      if (known === undefined) {
        listeners.set(channel, new Set([heard]))
        await inTurn(() => ask({ op: 'listen', channel }))
      } else known.add(heard)
      return async () => {
        listeners.get(channel)?.delete(heard)
      }
    },
    dump: () => inTurn(async () => (await ask({ op: 'dump' })) as Uint8Array),
    async close() {
      if (gone !== undefined) return
      await inTurn(() => ask({ op: 'close' }))
      await worker.terminate()
    },
  }
}
