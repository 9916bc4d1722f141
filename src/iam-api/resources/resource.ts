import type { Queryable } from '#database'
import type { BuiltInPolicies } from '#iam'

/** Where entities are looked for. */
export type Lookup = {
  readonly db: Queryable
  readonly builtInPolicies: BuiltInPolicies
  /** The caller's account. */
  readonly accountId: string
  /** Whether the operation writes: the entity's row is locked until the transaction ends. */
  readonly lock: boolean
}

/** What an operation is authorized for. */
export type Resource<Entity> = {
  readonly arn: string
  /** Whose it is, where the ARN does not say. */
  readonly accountId?: string | undefined
  /** Undefined when there is none: the operation is authorized for the ARN it would have, and then refused. */
  readonly entity: Entity | undefined
  readonly tags?: Readonly<Record<string, string>> | undefined
  readonly permissionsBoundary?: string | undefined
  /** The refusal when there is none. */
  readonly missing: string
}

/** Finds what a request names, by name or ARN. */
export type Resolver<Entity> = (lookup: Lookup, name: string) => Promise<Resource<Entity>>
