import pg from 'pg'

type Heard = (payload: string) => void

/** Who hears at once what this process itself commits. */
export type OwnNotifications = {
  /** Adds somebody who hears; connections listen from their next `attend` on. The answer takes the listener away. */
  add(channel: string, heard: Heard): () => void
  /** Lets a connection listen to the channels that it does not listen to yet; undefined when there are none. */
  attend(client: pg.ClientBase): Promise<void> | undefined
}

/**
 * Tells this process of its own notifications before the commit that sends them is answered. A session that listens to what
 * it notifies is told after its commit and before it is ready for the next query (`PostgresMain` in PostgreSQL's
 * tcop/postgres.c), so each connection that writes listens for itself; what others commit comes over a connection of its own.
 */
export function ownNotifications(): OwnNotifications {
  const listeners = new Map<string, Set<Heard>>()
  const channelsOf = new WeakMap<pg.ClientBase, Set<string>>()

  function channels(client: pg.ClientBase & { readonly processID?: number | null }): Set<string> {
    const before = channelsOf.get(client)
    if (before !== undefined) return before
    const listening = new Set<string>()
    channelsOf.set(client, listening)
    client.on('notification', ({ channel, payload, processId }) => {
      if (processId !== client.processID) return
      for (const heard of listeners.get(channel) ?? []) heard(payload ?? '')
    })
    return listening
  }

  return {
    add(channel, heard) {
      const known = listeners.get(channel)
      if (known === undefined) listeners.set(channel, new Set([heard]))
      else known.add(heard)
      return () => listeners.get(channel)?.delete(heard)
    },
    attend(client) {
      const listening = channels(client)
      const missing = [...listeners.keys()].filter((channel) => !listening.has(channel))
      if (missing.length === 0) return undefined
      return (async () => {
        for (const channel of missing) {
          await client.query(`listen ${pg.escapeIdentifier(channel)}`)
          listening.add(channel)
        }
      })()
    },
  }
}
