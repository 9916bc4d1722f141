import { connect } from 'node:net'
import { insideTransaction, refuseInsideTransaction } from './guard.ts'
import {
  lineReader,
  packSql,
  type SharedAsk,
  type SharedTell,
  unpackError,
  unpackRows,
} from './shared-wire.ts'
import type { Sql } from './sql.ts'
import type { Database, Transaction } from './types.ts'

type Question = SharedAsk extends infer Each ? (Each extends SharedAsk ? Omit<Each, 'id'> : never) : never

/**
 * The embedded database of a running server, through the socket in its data directory.
 *
 * @returns undefined when nobody listens there
 */
export async function openShared(path: string): Promise<Database | undefined> {
  const socket = connect(path)
  const connected = await new Promise<boolean>((resolve) => {
    socket.once('connect', () => resolve(true))
    socket.once('error', () => resolve(false))
  })
  if (!connected) return undefined

  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>()
  const listeners = new Map<string, Set<(payload: string) => void>>()
  let next = 1
  let gone = false
  const lost = (): void => {
    gone = true
    for (const { reject } of waiting.values())
      reject(new Error('The server that holds the database went away.'))
    waiting.clear()
  }
  socket.setEncoding('utf8')
  const read = lineReader(
    (line) => {
      const told = JSON.parse(line) as SharedTell
      if ('channel' in told) {
        for (const heard of listeners.get(told.channel) ?? []) heard(told.payload)
        return
      }
      const entry = waiting.get(told.id)
      waiting.delete(told.id)
      if ('ok' in told) entry?.resolve(told.ok)
      else entry?.reject(unpackError(told.error))
    },
    () => socket.destroy(),
  )
  socket.on('data', (text) => read(String(text)))
  socket.on('error', lost)
  socket.on('close', lost)

  const ask = (question: Question): Promise<unknown> => {
    if (gone) return Promise.reject(new Error('The server that holds the database went away.'))
    const id = next++
    return new Promise((resolve, reject) => {
      waiting.set(id, { resolve, reject })
      socket.write(`${JSON.stringify({ ...question, id })}\n`)
    })
  }
  const run = async <Row>(statement: Sql) =>
    unpackRows<Row>(await ask({ op: 'query', ...packSql(statement) }))

  let tail: Promise<unknown> = Promise.resolve()
  function inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const mine = tail.then(work, work)
    tail = mine.catch(() => {})
    return mine
  }

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
        await ask({ op: 'begin' })
        try {
          const result = await insideTransaction(() =>
            work({
              query: (statement) => run(statement),
              script: async (text) => {
                await ask({ op: 'script', text })
              },
            }),
          )
          await ask({ op: 'commit' })
          return result
        } catch (thrown) {
          if (!gone) await ask({ op: 'rollback' })
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
    async close() {
      await tail
      await new Promise<void>((resolve) => socket.end(() => resolve()))
    },
  }
}
