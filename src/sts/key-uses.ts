import type { Queryable } from '#database'
import { touchAccessKey } from '#directory'
import { touchRole } from '#iam'

import type { KeyUse } from './needs.ts'

const quietMilliseconds = 15 * 60_000
const maxKeys = 10_000

/**
 * Notes when long-term keys and roles were used, behind the request and at most once in fifteen minutes per key or role and process.
 * A lost note costs a line in a report, so a failure is told to `failed` and nobody else.
 */
export function keyUses(needs: {
  readonly database: Queryable
  readonly failed: (thrown: unknown) => void
}): (use: KeyUse) => void {
  const noted = new Map<string, number>()
  return (use) => {
    const { roleId, at, region } = use
    const id = roleId ?? use.accessKeyId
    const now = at.epochMilliseconds
    const last = noted.get(id)
    if (last !== undefined && now < last + quietMilliseconds) return
    if (noted.size >= maxKeys) noted.clear()
    noted.set(id, now)
    const touched =
      roleId === undefined
        ? touchAccessKey(needs.database, use)
        : touchRole(needs.database, { roleId, at, region })
    touched.catch(needs.failed)
  }
}
