import type { Queryable } from '#database'
import { touchAccessKey } from '#directory'

import type { KeyUse } from './needs.ts'

const quiet = Temporal.Duration.from({ minutes: 15 })
const maxKeys = 10_000

/**
 * Notes when long-term keys were used, behind the request and at most once in fifteen minutes per key and process.
 * A lost note costs a line in a report, so a failure is told to `failed` and nobody else.
 */
export function keyUses(needs: {
  readonly database: Queryable
  readonly failed: (thrown: unknown) => void
}): (use: KeyUse) => void {
  const noted = new Map<string, Temporal.Instant>()
  return (use) => {
    const last = noted.get(use.accessKeyId)
    if (last !== undefined && Temporal.Instant.compare(use.at, last.add(quiet)) < 0) return
    if (noted.size >= maxKeys) noted.clear()
    noted.set(use.accessKeyId, use.at)
    touchAccessKey(needs.database, use).catch(needs.failed)
  }
}
