import { createHash } from 'node:crypto'
import { type Database, type Queryable, sql } from '#database'
import { refuse } from '#kernel'

/**
 * What can be ended as a whole: everything issued to it before this moment. `key` is a long-term or a temporary access
 * key; `federated` a person or machine that an identity provider vouches for, or a federated user.
 */
export type EpochKind = 'account' | 'user' | 'role' | 'federated' | 'key' | 'session'

/** One raise, as every node knows it. */
export type Raised = {
  readonly kind: string
  readonly id: string
  readonly epoch: number
  /** Its place in the order of raises; transactions that overlap may commit out of order. */
  readonly seq: number
  /** Undefined where a notification told of it, which says no time: it happened while this node ran. */
  readonly at: Temporal.Instant | undefined
}

/** Every node's copy of the revocation epochs. Reading costs a map look-up. */
export type Epochs = {
  /** The epoch now; 0 when nothing was ever revoked. */
  of(kind: EpochKind, id: string): number
  /** Ends everything issued to it, in the caller's transaction; in force here when the commit is answered, on every node within a second. */
  raise(tx: Queryable, kind: EpochKind, id: string): Promise<void>
  /** Reads what came since; answers only when this copy is as new as the database was at the call. */
  catchUp(): Promise<void>
  /**
   * Answers when this copy is not older than the bound, reading what came since where it is. Every path that takes a
   * session calls this: silence is never a yes.
   *
   * @throws Failure unavailable sessions/revocations-unknown
   */
  requireFresh(): Promise<void>
  /** How many milliseconds ago this copy was certainly as new as the database. */
  age(): number
  /** What is known of all that was ever raised. */
  known(): Iterable<Raised>
  /** The newest place in the order of raises. */
  position(): number
  /** Calls back for every raise that becomes known here. The answer stops it. */
  onRaise(heard: (raised: Raised) => void): () => void
  close(): Promise<void>
}

/** How often a node asks for what a lost notification may have said. */
const pollMilliseconds = 500
/** How long one attempt to catch up may take before who waits for it is refused. */
const patienceMilliseconds = 2_000
/** A transaction that began earlier may commit a lower number later: readers look back over so many. */
export const lookBack = 1_000

/** The name of what was revoked in the feed that verifiers outside read: no id of ours stands in it. */
export const revocationSubject = (kind: string, id: string): string =>
  createHash('sha256')
    .update(`signet/revocation/${kind}/${id}`)
    .digest()
    .subarray(0, 16)
    .toString('base64url')

type Row = { kind: string; id: string; epoch: number; seq: number; changed_at: Temporal.Instant }

/**
 * Opens the copy: everything that was ever raised, then the notifications, then a poll behind them.
 *
 * @param needs `boundMilliseconds`: how old the copy may be before sessions are no longer taken on its word
 */
export async function openEpochs(needs: {
  database: Database
  boundMilliseconds?: number | undefined
}): Promise<Epochs> {
  const { database, boundMilliseconds = 5_000 } = needs
  // By kind and then by id: who asks has the id as it is, and each request asks several times.
  const raises = new Map<string, Map<string, Raised>>()
  const listeners = new Set<(raised: Raised) => void>()
  let newest = 0
  let position = 0
  let freshAt = performance.now()
  let underWay: Promise<void> | undefined

  const take = (raised: Raised) => {
    let ofKind = raises.get(raised.kind)
    if (ofKind === undefined) raises.set(raised.kind, (ofKind = new Map()))
    if ((ofKind.get(raised.id)?.epoch ?? 0) >= raised.epoch) return
    ofKind.set(raised.id, raised)
    position = Math.max(position, raised.seq)
    for (const heard of listeners) heard(raised)
  }

  const catchUp = async () => {
    const asked = performance.now()
    const { rows } = await database.query<Row>(
      sql`select kind, id, epoch, seq, changed_at from revocation_epoch where seq > ${newest - lookBack} order by seq`,
    )
    for (const { changed_at: at, ...row } of rows) {
      take({ ...row, at })
      newest = Math.max(newest, row.seq)
    }
    freshAt = Math.max(freshAt, asked)
  }
  /** One attempt at a time: a database that hangs must not collect questions. */
  const catchUpOnce = (): Promise<void> =>
    (underWay ??= catchUp().finally(() => {
      underWay = undefined
    }))

  const heard = (payload: string): void => {
    const [kind = '', id = '', epoch = '', seq = ''] = payload.split(' ')
    // The poll alone moves `newest` on: it is what finds the raises that no notification told of.
    take({ kind, id, epoch: Number(epoch), seq: Number(seq) || newest, at: undefined })
  }
  // Who is told that something was revoked may ask at once whether it holds.
  const stop = await database.listen('signet_epoch', heard, { ownAtOnce: true })
  await catchUp()
  // The embedded database has one node and loses no notification.
  const alone = database.kind === 'embedded'
  const timer = alone
    ? undefined
    : setInterval(() => void catchUpOnce().catch(() => {}), pollMilliseconds).unref()
  const age = () => (alone ? 0 : performance.now() - freshAt)

  /** The answer to nearly every question: it is asked once a request, and needs no promise of its own. */
  const fresh = Promise.resolve()
  const becomeFresh = async () => {
    const waited = new Promise<void>((resolve) => setTimeout(resolve, patienceMilliseconds).unref())
    await Promise.race([catchUpOnce().catch(() => {}), waited])
    if (age() > boundMilliseconds) {
      refuse(
        'unavailable',
        'sessions/revocations-unknown',
        'It is not known here which sessions were revoked. Try again.',
        { age: Math.round(age()) },
      )
    }
  }

  return {
    of: (kind, id) => raises.get(kind)?.get(id)?.epoch ?? 0,
    async raise(tx, kind, id) {
      await tx.query(sql`select raise_epoch(${kind}, ${id})`)
    },
    catchUp,
    requireFresh: () => (age() <= boundMilliseconds ? fresh : becomeFresh()),
    age,
    known: function* () {
      for (const ofKind of raises.values()) yield* ofKind.values()
    },
    position: () => position,
    onRaise(heard) {
      listeners.add(heard)
      return () => listeners.delete(heard)
    },
    async close() {
      clearInterval(timer)
      await stop()
    },
  }
}
