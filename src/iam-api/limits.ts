import { refuse } from '#kernel'

/** @throws Failure malformed iam-api/invalid-input: what no constraint of the model catches and the operation cannot take */
export const invalidInput = (message: string, detail?: unknown): never =>
  refuse('malformed', 'iam-api/invalid-input', message, detail)

/**
 * Refuses one more than the quota.
 *
 * @param name as AWS names the quota: `UsersPerAccount`
 * @throws Failure conflict iam-api/limit-exceeded
 */
export function requireRoom(count: number, quota: number, name: string): void {
  if (count >= quota)
    refuse('conflict', 'iam-api/limit-exceeded', `Cannot exceed quota for ${name}: ${quota}`)
}

/** @throws Failure conflict iam-api/delete-conflict naming what must go first */
export const deleteConflict = (first: string): never =>
  refuse('conflict', 'iam-api/delete-conflict', `Cannot delete entity, must ${first} first.`)

/** @throws Failure not-found iam-api/no-entity for what an operation names besides its resource */
export const noSuchEntity = (message: string): never => refuse('not-found', 'iam-api/no-entity', message)
