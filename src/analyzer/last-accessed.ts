import { type Queryable, sql } from '#database'
import type { AuditEntry } from '#audit'
import { type Use, usesOf } from './uses.ts'

/** Remembers who used what, and writes it down behind what happens. */
export type UseLog = {
  /** Takes note of an event: no wait, no statement. */
  heard(entry: AuditEntry, at: Temporal.Instant): void
  /** Writes down what was heard until now. What could not be written is kept for the next time. */
  flush(): Promise<void>
  /** Stops the timer and writes down the rest. */
  close(): Promise<void>
}

type Noted = { readonly use: Use; last: number; allowed: number | undefined }

/** Every so often what was heard is written, so that a thousand calls are one row's update. */
const flushMilliseconds = 15_000
/** This many different uses are written at once, without waiting for the time. */
const mostNoted = 20_000
/** Beyond this, uses of more callers are forgotten until the database takes some: the audit log has them all. */
const mostKept = 100_000
const rowsAtOnce = 1_000

/** @param complain hears of a write that failed; the next one tries again */
export function createUseLog(needs: {
  readonly database: Queryable
  readonly complain: (thrown: unknown) => void
}): UseLog {
  let noted = new Map<string, Noted>()
  let queue: Promise<unknown> = Promise.resolve()
  let isWriting = false

  const note = (use: Use, last: number, allowed: number | undefined): void => {
    const key = `${use.accountId} ${use.kind} ${use.nameKey} ${use.service} ${use.action.toLowerCase()}`
    const before = noted.get(key)
    if (before === undefined) {
      if (noted.size < mostKept) noted.set(key, { use, last, allowed })
      return
    }
    if (last > before.last) before.last = last
    if (allowed !== undefined && (before.allowed === undefined || allowed > before.allowed))
      before.allowed = allowed
  }

  async function write(): Promise<void> {
    const taken = noted
    noted = new Map()
    // In the order of the key, so that two nodes never wait for each other's rows.
    const rows = [...taken].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, each]) => each)
    for (let at = 0; at < rows.length; at += rowsAtOnce) {
      try {
        await needs.database.query(upsert(rows.slice(at, at + rowsAtOnce)))
      } catch (thrown) {
        for (const { use, last, allowed } of rows.slice(at)) note(use, last, allowed)
        throw thrown
      }
    }
  }

  /** One write at a time; what is heard meanwhile is the next one's. */
  const flush = (): Promise<void> => {
    isWriting = true
    const done = queue.then(write).finally(() => {
      isWriting = false
    })
    queue = done.catch(() => undefined)
    return done
  }

  const timer = setInterval(() => void flush().catch(needs.complain), flushMilliseconds).unref()
  return {
    heard(entry, at) {
      for (const use of usesOf(entry)) {
        note(use, at.epochMilliseconds, use.allowed ? at.epochMilliseconds : undefined)
      }
      if (noted.size >= mostNoted && !isWriting) void flush().catch(needs.complain)
    },
    flush,
    async close() {
      clearInterval(timer)
      await flush().catch(needs.complain)
    },
  }
}

const iso = (milliseconds: number) => Temporal.Instant.fromEpochMilliseconds(milliseconds).toString()

const upsert = (rows: readonly Noted[]) =>
  sql`insert into last_accessed (account_id, kind, name_key, service, action, region, last_at, allowed_at)
      select account_id, kind, name_key, service, action, region, last_at::timestamptz, allowed_at::timestamptz
        from unnest(
          ${rows.map(({ use }) => use.accountId)}::text[],
          ${rows.map(({ use }) => use.kind)}::text[],
          ${rows.map(({ use }) => use.nameKey)}::text[],
          ${rows.map(({ use }) => use.service)}::text[],
          ${rows.map(({ use }) => use.action)}::text[],
          ${rows.map(({ use }) => use.region)}::text[],
          ${rows.map(({ last }) => iso(last))}::text[],
          ${rows.map(({ allowed }) => (allowed === undefined ? null : iso(allowed)))}::text[]
        ) as use(account_id, kind, name_key, service, action, region, last_at, allowed_at)
      on conflict (account_id, kind, name_key, service, action) do update
         set last_at = greatest(last_accessed.last_at, excluded.last_at),
             allowed_at = greatest(last_accessed.allowed_at, excluded.allowed_at),
             region = case when excluded.last_at > last_accessed.last_at then excluded.region else last_accessed.region end`

/** A user or role, and since when it is the one of this name. */
export type Accessor = {
  readonly kind: 'user' | 'role'
  readonly name: string
  readonly arn: string
  readonly createdAt: Temporal.Instant
}

/** When an action was last tried, and when it was last allowed. */
export type ActionUse = {
  readonly action: string
  readonly lastAt: Temporal.Instant
  readonly allowedAt: Temporal.Instant | undefined
  readonly region: string
  /** The ARN of who tried it last. */
  readonly by: string
}

/** The use of a service by some users and roles: the latest of them all. */
export type ServiceUse = {
  /** The service prefix: `iam`, `orders`. */
  readonly service: string
  readonly lastAt: Temporal.Instant
  readonly region: string
  readonly by: string
  /** How many of the users and roles tried it at all. */
  readonly entities: number
  /** By name, the latest use of each. */
  readonly actions: readonly ActionUse[]
}

type Row = {
  kind: 'user' | 'role'
  name_key: string
  service: string
  action: string
  region: string
  last_at: Temporal.Instant
  allowed_at: Temporal.Instant | null
}

/**
 * Which services and actions these users and roles of an account used last: allowed or not, as AWS counts it (IAM API Reference,
 * GetServiceLastAccessedDetails). By service prefix; services that nobody tried are absent. Uses older than the entity are another's.
 */
export async function serviceLastAccessed(
  db: Queryable,
  request: { readonly accountId: string; readonly accessors: readonly Accessor[] },
): Promise<readonly ServiceUse[]> {
  const byName = new Map(request.accessors.map((each) => [`${each.kind} ${each.name.toLowerCase()}`, each]))
  if (byName.size === 0) return []
  const { rows } = await db.query<Row>(
    sql`select l.kind, l.name_key, l.service, l.action, l.region, l.last_at, l.allowed_at
          from last_accessed l
          join unnest(
                 ${request.accessors.map(({ kind }) => kind)}::text[],
                 ${request.accessors.map(({ name }) => name.toLowerCase())}::text[]
               ) as who(kind, name_key) on l.kind = who.kind and l.name_key = who.name_key
         where l.account_id = ${request.accountId}
         order by l.service, l.last_at desc, l.action`,
  )
  const services = new Map<string, { entities: Set<string>; actions: Map<string, ActionUse> }>()
  for (const row of rows) {
    const who = byName.get(`${row.kind} ${row.name_key}`)
    if (who === undefined || Temporal.Instant.compare(row.last_at, who.createdAt) < 0) continue
    const service = services.get(row.service) ?? {
      entities: new Set<string>(),
      actions: new Map<string, ActionUse>(),
    }
    services.set(row.service, service)
    service.entities.add(who.arn)
    // The latest comes first.
    const known = service.actions.get(row.action)
    const allowedAt = row.allowed_at ?? undefined
    if (known === undefined) {
      const { action, region, last_at: lastAt } = row
      service.actions.set(action, { action, lastAt, allowedAt, region, by: who.arn })
    } else if (later(allowedAt, known.allowedAt)) service.actions.set(row.action, { ...known, allowedAt })
  }
  return [...services].flatMap(([service, { entities, actions }]): ServiceUse[] => {
    const [first] = actions.values()
    if (first === undefined) return []
    const { lastAt, region, by } = first
    const sorted = [...actions.values()].toSorted((a, b) => (a.action < b.action ? -1 : 1))
    return [{ service, lastAt, region, by, entities: entities.size, actions: sorted }]
  })
}

const later = (a: Temporal.Instant | undefined, b: Temporal.Instant | undefined): boolean =>
  a !== undefined && (b === undefined || Temporal.Instant.compare(a, b) > 0)
