import { rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { lineReader, packError, packRows, type SharedAsk, type SharedTell, unpackSql } from './shared-wire.ts'
import type { Database, Transaction } from './types.ts'

/** A transaction somebody else has open holds the only connection: it may rest this long, then it is rolled back. */
const idleMilliseconds = 30_000

/**
 * Lets other processes of the same user work on this process's embedded database, through a socket in the data
 * directory that nobody else may open. This is how `signet apply` works while the server runs.
 *
 * @returns what stops it
 */
export async function shareDatabase(database: Database, path: string): Promise<() => Promise<void>> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    attend(database, socket)
  })
  rmSync(path, { force: true })
  // The mask, not a later chmod: between bind and chmod another user could have connected.
  const mask = process.umask(0o177)
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(path, () => {
        server.off('error', reject)
        resolve()
      })
    })
  } finally {
    process.umask(mask)
  }
  return () =>
    new Promise((resolve) => {
      server.close(() => resolve())
      for (const socket of sockets) socket.destroy()
    })
}

type Open = { readonly tx: Transaction; end(commit: boolean): Promise<void> }

function attend(database: Database, socket: Socket): void {
  let open: Open | undefined
  const stops: (() => Promise<void>)[] = []
  const tell = (message: SharedTell): void => void socket.write(`${JSON.stringify(message)}\n`)

  async function answer(ask: SharedAsk): Promise<unknown> {
    switch (ask.op) {
      case 'query':
        return packRows(await (open?.tx ?? database).query<Record<string, unknown>>(unpackSql(ask)))
      case 'script':
        if (open === undefined) throw new Error('A script runs in a transaction.')
        await open.tx.script(ask.text)
        return null
      case 'begin':
        open = await begin(database)
        socket.setTimeout(idleMilliseconds)
        return null
      case 'commit':
      case 'rollback': {
        const ending = open
        open = undefined
        socket.setTimeout(0)
        await ending?.end(ask.op === 'commit')
        return null
      }
      case 'listen':
        stops.push(await database.listen(ask.channel, (payload) => tell({ channel: ask.channel, payload })))
        return null
    }
  }

  // One at a time and in order, as on any connection.
  let tail: Promise<void> = Promise.resolve()
  socket.setEncoding('utf8')
  const read = lineReader(
    (line) => {
      tail = tail.then(async () => {
        const ask = JSON.parse(line) as SharedAsk
        try {
          tell({ id: ask.id, ok: await answer(ask) })
        } catch (thrown) {
          tell({ id: ask.id, error: packError(thrown) })
        }
      })
      tail.catch(() => socket.destroy())
    },
    () => socket.destroy(),
  )
  socket.on('data', (text) => read(String(text)))
  socket.on('timeout', () => socket.destroy())
  socket.on('error', () => socket.destroy())
  socket.on('close', () => {
    // Whoever goes away without a commit did not commit.
    tail = tail.catch(() => {}).then(() => open?.end(false))
    for (const stop of stops) void stop()
  })
}

/** Opens a transaction that ends when told so, not when a function returns. */
function begin(database: Database): Promise<Open> {
  return new Promise((opened, failed) => {
    let finish: (commit: boolean) => void = () => {}
    const decided = new Promise<boolean>((resolve) => {
      finish = resolve
    })
    const rolledBack = new Error('rolled back')
    const whole = database.transaction(async (tx) => {
      opened({
        tx,
        end: async (commit) => {
          finish(commit)
          await whole.catch((thrown: unknown) => {
            if (thrown !== rolledBack) throw thrown
          })
        },
      })
      if (!(await decided)) throw rolledBack
    })
    whole.catch(failed)
  })
}
