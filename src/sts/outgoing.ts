import { createOutgoing, type OutgoingRules } from '#http'
import { isFailure, refuse } from '#kernel'

export { isPublicAddress } from '#http'
export type { OutgoingRules } from '#http'

/** Fetches one JSON document of somebody else's server. */
export type FetchJson = (url: URL) => Promise<unknown>

/**
 * A fetcher of JSON that cannot be turned against our own network (http's `createOutgoing`).
 *
 * It throws Failure unavailable `sts/outgoing-refused` or `sts/outgoing-failed`; the detail is for the log.
 */
export function guardedFetch(rules: OutgoingRules): FetchJson {
  const outgoing = createOutgoing(rules)
  return async (url) => {
    try {
      const response = await outgoing(url)
      if (response.status !== 200) throw new Error(`status ${response.status}`)
      return (await response.json()) as unknown
    } catch (thrown) {
      const refused = isFailure(thrown) && thrown.reason === 'http/outgoing-refused'
      return refuse(
        'unavailable',
        refused ? 'sts/outgoing-refused' : 'sts/outgoing-failed',
        "The identity provider's keys could not be fetched.",
        isFailure(thrown) ? thrown.detail : { host: url.host, why: String(thrown) },
      )
    }
  }
}
