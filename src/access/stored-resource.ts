import { findAppByPrefix } from '#apps'
import { recalled } from '#iam'
import type { PolicyRef } from '#policy'
import type { EnforcementPoint } from './caller.ts'
import type { DecideNeeds } from './decide.ts'
import { addKeys, type Key, resourceOfArn } from './mapping.ts'
import { resourcePolicyOf, storedResources } from './sitting.ts'

/** What is stored of a resource of an app: its policy, and the keys that its properties fill. */
export type StoredResource = { readonly policy: PolicyRef | undefined; readonly keys: readonly Key[] }

/** What an app stored about the resource of an ARN, as its own decisions take it; undefined when there is none. */
export async function storedResource(
  needs: Pick<DecideNeeds, 'database' | 'memory'>,
  arn: string,
): Promise<StoredResource | undefined> {
  const [, , prefix = '', region, accountId = ''] = arn.split(':', 5)
  if (prefix === '' || region !== '' || accountId === '') return undefined
  const found = await recalled(needs, `app ${accountId} ${prefix}`, async () => ({
    app: await findAppByPrefix(needs.database, accountId, prefix),
  }))
  if (found.app === undefined) return undefined
  const point: EnforcementPoint = { clientId: '', app: found.app, prefix }
  const entity = resourceOfArn(point, arn)
  const stored = entity && (await storedResources(needs, point, [entity])).get(`${entity.type}\n${entity.id}`)
  if (stored === undefined) return undefined
  const keys: Key[] = []
  addKeys(point, 'resource', stored.properties, keys, [])
  return { policy: resourcePolicyOf(arn, stored), keys }
}
