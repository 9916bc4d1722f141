import { createHash } from 'node:crypto'
import pg from 'pg'
import { Failure, type Secret } from '#kernel'
import { isAway } from './errors.ts'
import { insideTransaction, refuseInsideTransaction } from './guard.ts'
import { ownNotifications } from './own-notifications.ts'
import { type Sql, textOf } from './sql.ts'
import { bind, type Database, oid, readInstant, type Rows, type Transaction } from './types.ts'

const parsers = new Map<number, (text: string) => unknown>([
  [oid.int8, Number],
  [oid.timestamptz, readInstant],
  [oid.date, (text) => text],
])

const names = new Map<string, string>()
const nameOf = (text: string): string => {
  let name = names.get(text)
  if (name === undefined) {
    name = createHash('sha256').update(text).digest('base64url').slice(0, 20)
    if (names.size < 2_000) names.set(text, name)
  }
  return name
}

/** How many connections: transactions each take one of the pool; single statements share the pipelined ones. */
export type PostgresSettings = { readonly poolSize?: number; readonly pipelines?: number }

const away = (thrown: unknown): unknown =>
  isAway(thrown)
    ? new Failure(
        'unavailable',
        'database/away',
        'The database does not answer. Try again.',
        String(thrown),
        {
          cause: thrown,
        },
      )
    : thrown

/**
 * PostgreSQL 13 or newer. Single statements go through a few pipelined connections with named statements (a point
 * select costs a quarter of what a pool asks for it), transactions through a pool.
 *
 * @throws Failure unavailable database/away when it cannot be reached
 */
export async function openPostgres(
  url: Secret,
  { poolSize = 8, pipelines = 2 }: PostgresSettings = {},
): Promise<Database> {
  const settings: pg.ClientConfig = {
    connectionString: url.reveal(),
    application_name: 'signet',
    options: '-c TimeZone=UTC',
    connectionTimeoutMillis: 5_000,
    statement_timeout: 60_000,
    keepAlive: true,
    types: {
      getTypeParser: (type: number, format?: 'text' | 'binary') =>
        (format === 'binary' ? undefined : parsers.get(type)) ?? pg.types.getTypeParser(type, format),
    },
  }

  const pool = new pg.Pool({ ...settings, max: poolSize, idleTimeoutMillis: 30_000 })
  // Without a handler an idle connection that dies would end the process.
  pool.on('error', () => {})
  pool.on('connect', (client) => client.on('error', () => {}))

  const own = ownNotifications()
  const lines: (Promise<pg.Client> | undefined)[] = Array.from({ length: pipelines + 1 })
  let turn = 0
  /** The last one is for what is set aside. */
  function line(isAside: boolean): Promise<pg.Client> {
    const index = isAside ? pipelines : turn++ % pipelines
    lines[index] ??= (async () => {
      const client = new pg.Client({ ...settings, pipeline: true })
      const forget = () => {
        lines[index] = undefined
      }
      client.on('error', forget)
      client.on('end', forget)
      try {
        await client.connect()
        await own.attend(client)
      } catch (thrown) {
        forget()
        throw thrown
      }
      return client
    })()
    return lines[index]
  }

  const run = async <Row>(client: pg.ClientBase, statement: Sql): Promise<Rows<Row>> => {
    const text = textOf(statement)
    const result = await client.query({ name: nameOf(text), text, values: statement.values.map(bind) })
    return { rows: result.rows as Row[], count: result.rowCount ?? result.rows.length }
  }

  const listeners = new Set<pg.Client>()
  let writes = 0

  try {
    const { rows } = await pool.query<{ version: number }>(
      `select current_setting('server_version_num')::int as version`,
    )
    const version = rows[0]?.version ?? 0
    if (version < 130_000)
      throw new Failure('unavailable', 'database/too-old', 'Signet needs PostgreSQL 13 or newer.', {
        version,
      })
  } catch (thrown) {
    await pool.end()
    throw away(thrown)
  }

  return {
    kind: 'postgres',
    async query<Row>(statement: Sql) {
      refuseInsideTransaction()
      try {
        const isAside = statement.aside === true
        const rows = await run<Row>(await line(isAside), statement)
        if (!isAside && !/^\s*select\b/.test(statement.chunks[0] ?? '')) writes++
        return rows
      } catch (thrown) {
        throw away(thrown)
      }
    },
    async transaction<Result>(work: (tx: Transaction) => Promise<Result>) {
      refuseInsideTransaction()
      let client: pg.PoolClient
      try {
        client = await pool.connect()
      } catch (thrown) {
        throw away(thrown)
      }
      let broken: Error | undefined
      try {
        await own.attend(client)
        await client.query('begin')
        const result = await insideTransaction(() =>
          work({
            query: (statement) => run(client, statement),
            script: async (text) => {
              await client.query(text)
            },
          }),
        )
        await client.query('commit')
        writes++
        return result
      } catch (thrown) {
        try {
          await client.query('rollback')
        } catch (failed) {
          broken = failed instanceof Error ? failed : new Error(String(failed))
        }
        throw away(thrown)
      } finally {
        client.release(broken)
      }
    },
    async listen(channel, heard, { ownAtOnce = false } = {}) {
      const forget = ownAtOnce ? own.add(channel, heard) : undefined
      await Promise.all(lines.map(async (opening) => opening && own.attend(await opening)))
      let stopped = false
      let current: pg.Client | undefined
      const connect = async (): Promise<void> => {
        const client = new pg.Client(settings)
        const lost = () => {
          listeners.delete(client)
          if (stopped || current !== client) return
          current = undefined
          // A lost connection is taken up again; what was missed meanwhile is caught by the generation numbers.
          setTimeout(() => void connect().catch(lost), 500).unref()
        }
        current = client
        client.on('error', lost)
        client.on('end', lost)
        client.on('notification', (message) => {
          if (message.channel === channel) heard(message.payload ?? '')
        })
        await client.connect()
        listeners.add(client)
        await client.query(`listen ${pg.escapeIdentifier(channel)}`)
      }
      await connect()
      return async () => {
        stopped = true
        forget?.()
        await current?.end()
      }
    },
    writes: () => writes,
    async close() {
      await Promise.all([
        pool.end(),
        ...lines.map(async (opening) => (await opening)?.end()),
        ...[...listeners].map((client) => client.end()),
      ])
    },
  }
}
