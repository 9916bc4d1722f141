import { refuse } from '#kernel'

/** Command-line tools assume several roles with one assertion, and retry; a stolen one is not to be a fountain. */
const maxUses = 10
const window = Temporal.Duration.from({ minutes: 10 })
const maxEntries = 50_000

/**
 * Counts how often an assertion was traded for one role, in this process. An assertion can be redeemed for five
 * minutes, so a count is forgotten after ten.
 *
 * What it returns throws Failure expired `sts/assertion-used-up`.
 */
export function countAssertionUses(): (use: string, now: Temporal.Instant) => void {
  const counts = new Map<string, { count: number; readonly since: Temporal.Instant }>()
  return (use, now) => {
    for (const [known, { since }] of counts) {
      if (counts.size <= maxEntries && Temporal.Instant.compare(since.add(window), now) > 0) break
      counts.delete(known)
    }
    const entry = counts.get(use) ?? { count: 0, since: now }
    entry.count += 1
    counts.set(use, entry)
    if (entry.count > maxUses) {
      refuse('expired', 'sts/assertion-used-up', 'Response has been used too often', { use })
    }
  }
}
