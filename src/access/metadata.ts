import { hasInventory } from '#apps'
import type { Queryable } from '#database'
import { type Keys, signJwt } from '#keys'

/**
 * AuthZEN's discovery document (§9): the endpoints that there are. Resource search is one of them as soon as some app
 * keeps an inventory. `signed_metadata` says the same as a JWT with `iss`, signed by a key of `/.well-known/jwks.json`, for
 * who cannot trust the way that the document came.
 */
export async function metadataOf(needs: {
  readonly database: Queryable
  readonly keys: Pick<Keys, 'active'>
  readonly publicUrl: URL
}): Promise<object> {
  const { origin } = needs.publicUrl
  const metadata = {
    policy_decision_point: origin,
    access_evaluation_endpoint: `${origin}/access/v1/evaluation`,
    access_evaluations_endpoint: `${origin}/access/v1/evaluations`,
    search_subject_endpoint: `${origin}/access/v1/search/subject`,
    ...((await hasInventory(needs.database))
      ? { search_resource_endpoint: `${origin}/access/v1/search/resource` }
      : {}),
    search_action_endpoint: `${origin}/access/v1/search/action`,
  }
  const key = needs.keys.active('oidc', 'ES256')
  // It has a type of its own, and neither subject nor audience: nobody can take it for a token.
  const signed = signJwt(key, 'authzen-metadata+jwt', { iss: origin, ...metadata })
  return { ...metadata, signed_metadata: signed }
}
