import { type Database, sql } from '#database'

/**
 * What decisions rest on, remembered until it changes: users, memberships, roles, policies, apps and their resources. A
 * decision that begins after a change was committed here sees it; on another node it sees it as soon as the notification
 * is there, and at the latest when the node's next look into the database says so.
 */
export type Memory = {
  /** The database that this is the memory of. Inside a transaction nothing is remembered. */
  readonly database: Database
  /** The newest change that is known here: the number of its transaction, and 0 before any. */
  generation(): string
  /**
   * What `find` gives, remembered under a name. What it gives must come from the tables that raise the generation alone
   * (`policy_changed` in the migrations).
   *
   * @throws Failure unavailable database/away when it is not known whether something changed
   */
  recall<Value>(name: string, find: () => Promise<Value>): Promise<Value>
  close(): Promise<void>
}

/** How often a node that decides looks for changes whose notification was lost. */
const lookMilliseconds = 100
/** After how long without such a look a decision waits for one: a database that is cut off makes nothing stay allowed. */
const staleMilliseconds = 250
/** Changes are kept for a day; a node that has not looked for half an hour forgets everything instead. */
const forgetMilliseconds = 1_800_000
const mostNames = 200_000

/** Whether a transaction had been committed when a snapshot was taken: `xmin:xmax:xip,…` (PostgreSQL §9.27, `pg_snapshot`). */
function isVisible(xact: string, snapshot: string): boolean {
  const [xmin = '0', xmax = '0', running = ''] = snapshot.split(':')
  const number = BigInt(xact)
  return number < BigInt(xmin) || (number < BigInt(xmax) && !running.split(',').includes(xact))
}

/**
 * Opens the memory of this process.
 *
 * @param needs `now` tells milliseconds that only ever grow: a wall clock that is set back would keep old answers
 */
export async function openMemory(needs: {
  readonly database: Database
  readonly now?: () => number
}): Promise<Memory> {
  const { database, now = () => performance.now() } = needs
  let entries = new Map<string, unknown>()
  let generation = 0n
  let seen: string | undefined
  let lookedAt = -Infinity
  let lookedWrites = -1
  let looking: { readonly writes: number; readonly done: Promise<void> } | undefined
  let asked = false

  const forget = (change: string | undefined) => {
    entries = new Map()
    const number = BigInt(change ?? 0)
    if (number > generation) generation = number
  }

  async function look(writes: number): Promise<void> {
    const begun = now()
    const { rows } = await database.query<{ snapshot: string; change: string | null }>(
      sql`select pg_current_snapshot()::text as snapshot,
                 (select c.xact::text from policy_change c
                   where ${seen ?? null}::text is null
                      or (c.xact >= pg_snapshot_xmin(${seen ?? null}::text::pg_snapshot)
                          and not pg_visible_in_snapshot(c.xact, ${seen ?? null}::text::pg_snapshot))
                   order by c.xact desc limit 1) as change`,
    )
    const [row] = rows
    if (row === undefined) return
    if (row.change !== null || begun - lookedAt > forgetMilliseconds) forget(row.change ?? undefined)
    seen = row.snapshot
    lookedAt = begun
    lookedWrites = writes
  }

  /** A look that began after everything this node has written so far. */
  function lookNow(): Promise<void> {
    const writes = database.writes()
    if (looking?.writes === writes) return looking.done
    const done = look(writes).finally(() => {
      if (looking?.done === done) looking = undefined
    })
    looking = { writes, done }
    return done
  }

  // The embedded database has one node, and its notifications come before the answer to the commit.
  const isFresh =
    database.kind === 'embedded'
      ? () => true
      : () => now() - lookedAt < staleMilliseconds && database.writes() === lookedWrites

  const stop = await database.listen('signet_policy', (change) => {
    // What a look has told already was forgotten then: all that is remembered now was read after it.
    if (seen === undefined || !isVisible(change, seen)) forget(change)
  })
  await lookNow()
  const timer =
    database.kind === 'postgres'
      ? setInterval(() => {
          if (asked) void lookNow().catch(() => {})
          asked = false
        }, lookMilliseconds).unref()
      : undefined

  async function lookUp<Value>(name: string, find: () => Promise<Value>): Promise<Value> {
    if (!isFresh()) await lookNow()
    const from = entries
    const known = from.get(name)
    if (known !== undefined) return known as Value
    const value = await find()
    // INVARIANT: what was read before a change was heard of is not remembered past it: `from` is then thrown away.
    if (value !== undefined) {
      if (from.size >= mostNames) from.clear()
      from.set(name, value)
    }
    return value
  }

  return {
    database,
    generation: () => String(generation),
    recall<Value>(name: string, find: () => Promise<Value>): Promise<Value> {
      asked = true
      const known = isFresh() ? entries.get(name) : undefined
      return known === undefined ? lookUp(name, find) : Promise.resolve(known as Value)
    },
    async close() {
      clearInterval(timer)
      await stop()
    },
  }
}

/** What needs may hold a memory; without one everything is read each time. */
export type Remembering = { readonly memory?: Memory | undefined }

/** `recall` where there is a memory of this very database, or else just `find`. */
export function recalled<Value>(
  { memory, database }: Remembering & { readonly database: unknown },
  name: string,
  find: () => Promise<Value>,
): Promise<Value> {
  return memory !== undefined && memory.database === database ? memory.recall(name, find) : find()
}

/** Deletes what no node looks back to. */
export async function sweepChanges(database: Database): Promise<void> {
  await database.query(sql`delete from policy_change where at < now() - interval '1 day'`)
}
