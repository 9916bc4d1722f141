import type { Credentials } from '#remote'
import type { Clock } from '#kernel'

/** The credentials of the moment. */
export type Supply = {
  /** Never those that are over. @throws Failure what taking the role threw */
  current(): Promise<Credentials>
  /** Renews them when that is due; a failure is told to `failed` and tried again at the next call. */
  renew(): Promise<void>
}

/** Renewed when so much of their life is left: an hour's five minutes before its end. */
const leftMinutes = 5

/**
 * Keeps credentials and takes new ones ahead of their end. Clients wait one second at most, so while the old ones are good
 * nobody waits for the new.
 */
export function credentialSupply(needs: {
  readonly clock: Clock
  readonly take: () => Promise<Credentials>
  readonly failed: (thrown: unknown) => void
}): Supply {
  let held: Credentials | undefined
  let taking: Promise<Credentials> | undefined

  const left = (): number =>
    held === undefined ? 0 : needs.clock().until(Temporal.Instant.from(held.expiration)).total('minutes')

  // One request at a time, however many ask.
  const take = (): Promise<Credentials> => {
    taking ??= needs
      .take()
      .then((taken) => (held = taken))
      .finally(() => {
        taking = undefined
      })
    return taking
  }

  const renew = async (): Promise<void> => {
    if (left() > leftMinutes) return
    try {
      await take()
    } catch (thrown) {
      needs.failed(thrown)
    }
  }

  return {
    renew,
    async current() {
      if (held === undefined || left() <= 0) return take()
      if (left() <= leftMinutes) void renew()
      return held
    },
  }
}
