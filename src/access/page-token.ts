import { sha256, type Vault } from '#crypto'
import { type Clock, isFailure, refuse } from '#kernel'

/** Where a page begins, and what the pages before were asked with. */
export type PageStart = { readonly after: string; readonly limit: number }

/** How long a search can be gone on with. */
const lifeMinutes = 60

type Needs = { readonly vault: Pick<Vault, 'seal' | 'open'>; readonly clock: Clock }

/** A token is good for the same question of the same service, and nothing else. */
const bound = (request: unknown): string => `access/page/${sha256(canonical(request)).toString('base64url')}`

/** An opaque, sealed token that goes on where a page ended. @param request all that must stay the same */
export function writePageToken(needs: Needs, request: unknown, start: PageStart): string {
  const text = JSON.stringify({ ...start, at: needs.clock().epochMilliseconds })
  return needs.vault.seal(Buffer.from(text), bound(request)).toString('base64url')
}

/** Reads a token. @throws Failure malformed access/page-token */
export function readPageToken(needs: Needs, request: unknown, token: string): PageStart {
  try {
    const text = needs.vault.open(Buffer.from(token, 'base64url'), bound(request)).toString()
    const { after, limit, at } = JSON.parse(text) as PageStart & { at: number }
    if (needs.clock().epochMilliseconds - at < lifeMinutes * 60_000) return { after, limit }
  } catch (thrown) {
    if (!isFailure(thrown)) throw thrown
  }
  return refuse(
    'malformed',
    'access/page-token',
    'This page token is too old, or belongs to another request. Begin the search anew.',
  )
}

/** A value as JSON whose keys are sorted: the same question however it is written. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) =>
    typeof each === 'object' && each !== null && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : each,
  )
}
