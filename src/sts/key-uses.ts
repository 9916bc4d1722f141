import type { Queryable } from '#database'
import { touchAccessKey } from '#directory'
import { touchRole } from '#iam'

import type { KeyUse } from './needs.ts'

const quiet = Temporal.Duration.from({ minutes: 15 })
const maxKeys = 10_000

/**
 * Notes when long-term keys and roles were used, behind the request and at most once in fifteen minutes per key or role and process.
 * A lost note costs a line in a report, so a failure is told to `failed` and nobody else.
 */
export function keyUses(needs: {
  readonly database: Queryable
  readonly failed: (thrown: unknown) => void
}): (use: KeyUse) => void {
  const noted = new Map<string, Temporal.Instant>()
  return (use) => {
    const { roleId, at, region } = use
    const id = roleId ?? use.accessKeyId
    const last = noted.get(id)
    if (last !== undefined && Temporal.Instant.compare(at, last.add(quiet)) < 0) return
    if (noted.size >= maxKeys) noted.clear()
    noted.set(id, at)
    const touched =
      roleId === undefined
        ? touchAccessKey(needs.database, use)
        : touchRole(needs.database, { roleId, at, region })
    touched.catch(needs.failed)
  }
}
