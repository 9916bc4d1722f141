import { refuse, type Clock } from '#kernel'

const maxFailures = 20
const forMinutes = 1
const maxKeys = 10_000

/**
 * Bounds how often a signature that is dear to verify may fail for one key: twenty times a minute. The key is looked up
 * and the time is checked before, so a flood needs a key that exists, and then only hurts that key.
 *
 * @returns runs a check. @throws what it throws; Failure throttled `sts/too-many-signatures`
 */
export function costlyChecks(needs: {
  readonly clock: Clock
}): (accessKeyId: string, check: () => void) => void {
  const failed = new Map<string, { readonly since: Temporal.Instant; readonly count: number }>()
  return (accessKeyId, check) => {
    const now = needs.clock()
    const known = failed.get(accessKeyId)
    const over =
      known === undefined || Temporal.Instant.compare(now, known.since.add({ minutes: forMinutes })) >= 0
    const before = over ? { since: now, count: 0 } : known
    if (before.count >= maxFailures) {
      refuse('throttled', 'sts/too-many-signatures', 'Rate exceeded', { accessKeyId })
    }
    try {
      check()
    } catch (thrown) {
      if (failed.size >= maxKeys) failed.clear()
      failed.set(accessKeyId, { since: before.since, count: before.count + 1 })
      throw thrown
    }
  }
}
