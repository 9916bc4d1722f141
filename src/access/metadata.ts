import { hasInventory } from '#apps'
import type { Queryable } from '#database'

/**
 * AuthZEN's discovery document (§9): the endpoints that there are. Resource search is one of them as soon as some app
 * keeps an inventory.
 */
export async function metadataOf(needs: {
  readonly database: Queryable
  readonly publicUrl: URL
}): Promise<object> {
  const { origin } = needs.publicUrl
  return {
    policy_decision_point: origin,
    access_evaluation_endpoint: `${origin}/access/v1/evaluation`,
    access_evaluations_endpoint: `${origin}/access/v1/evaluations`,
    search_subject_endpoint: `${origin}/access/v1/search/subject`,
    ...((await hasInventory(needs.database))
      ? { search_resource_endpoint: `${origin}/access/v1/search/resource` }
      : {}),
    search_action_endpoint: `${origin}/access/v1/search/action`,
  }
}
