import { type Database, type Queryable, sql } from '#database'

/**
 * What can be ended as a whole: everything issued to it before this moment. `trust` ends no session but what nodes
 * remember of a role or provider.
 */
export type EpochKind = 'account' | 'user' | 'role' | 'key' | 'session' | 'trust'

/** Every node's copy of the revocation epochs. Reading costs a map look-up. */
export type Epochs = {
  /** The epoch now; 0 when nothing was ever revoked. */
  of(kind: EpochKind, id: string): number
  /** Ends everything issued to it, in the caller's transaction; in force on every node within a second of the commit. */
  raise(tx: Queryable, kind: EpochKind, id: string): Promise<void>
  /** Reads what came since; answers only when this copy is as new as the database was at the call. */
  catchUp(): Promise<void>
  close(): Promise<void>
}

/** How often a node asks for what a lost notification may have said. */
const pollMilliseconds = 500

/** Opens the copy: everything that was ever raised, then the notifications, then a poll behind them. */
export async function openEpochs(needs: { database: Database }): Promise<Epochs> {
  const { database } = needs
  const map = new Map<string, number>()
  let newest = 0

  const take = (kind: string, id: string, epoch: number) => {
    const key = `${kind} ${id}`
    if ((map.get(key) ?? 0) < epoch) map.set(key, epoch)
  }

  const catchUp = async () => {
    // A transaction that began earlier may commit a lower number later: look back over the last few.
    const { rows } = await database.query<{ kind: string; id: string; epoch: number; seq: number }>(
      sql`select kind, id, epoch, seq from revocation_epoch where seq > ${newest - 1_000} order by seq`,
    )
    for (const { kind, id, epoch, seq } of rows) {
      take(kind, id, epoch)
      newest = Math.max(newest, seq)
    }
  }

  const stop = await database.listen('signet_epoch', (payload) => {
    const [kind = '', id = '', epoch = ''] = payload.split(' ')
    take(kind, id, Number(epoch))
  })
  await catchUp()
  // The embedded database has one node and loses no notification.
  const timer =
    database.kind === 'postgres'
      ? setInterval(() => void catchUp().catch(() => {}), pollMilliseconds).unref()
      : undefined

  return {
    of: (kind, id) => map.get(`${kind} ${id}`) ?? 0,
    async raise(tx, kind, id) {
      await tx.query(sql`select raise_epoch(${kind}, ${id})`)
    },
    catchUp,
    async close() {
      clearInterval(timer)
      await stop()
    },
  }
}
