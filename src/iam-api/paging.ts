import { isFailure, refuse } from '#kernel'

import type { Call } from './call.ts'

/** The part of a paged answer that all of them have. */
type Paged = { readonly IsTruncated: boolean; readonly Marker?: string | undefined }

type PagedCall = Pick<Call, 'needs' | 'operation' | 'caller'> & {
  readonly input: { readonly Marker?: string | undefined; readonly MaxItems?: number | undefined }
}

const usual = 100

/**
 * One page of a list that is read from a key on.
 *
 * @param read gives up to `limit` rows after the cursor, in the cursor's order
 * @param cursorOf a row's place in that order, at most 200 bytes
 * @throws Failure malformed iam-api/invalid-marker
 */
export async function page<Row>(
  call: PagedCall,
  read: (cursor: string | undefined, limit: number) => Promise<readonly Row[]>,
  cursorOf: (row: Row) => string,
): Promise<readonly [rows: readonly Row[], paged: Paged]> {
  const size = call.input.MaxItems ?? usual
  const rows = await read(openMarker(call), size + 1)
  const last = rows[size - 1]
  return rows.length > size && last !== undefined
    ? [rows.slice(0, size), { IsTruncated: true, Marker: sealMarker(call, cursorOf(last)) }]
    : [rows, { IsTruncated: false }]
}

/** One page of a list that a quota keeps short. The cursor is a number of rows. */
export function pageOf<Row>(
  call: PagedCall,
  all: readonly Row[],
): readonly [rows: readonly Row[], paged: Paged] {
  const start = Number(openMarker(call) ?? 0)
  const end = start + (call.input.MaxItems ?? usual)
  return all.length > end
    ? [all.slice(start, end), { IsTruncated: true, Marker: sealMarker(call, String(end)) }]
    : [all.slice(start), { IsTruncated: false }]
}

/** A cursor is good for this operation, caller and question alone, and says nothing to anybody. */
function contextOf({ operation, caller, input }: PagedCall): string {
  const question = Object.entries(input).filter(
    ([name, value]) => name !== 'Marker' && name !== 'MaxItems' && value !== undefined,
  )
  return `iam-api/marker/${operation}/${caller.accountId}/${caller.userId}/${JSON.stringify(question)}`
}

/** The cursor as it travels: opaque, at most 320 characters. */
const sealMarker = (call: PagedCall, cursor: string): string =>
  call.needs.vault.seal(cursor, contextOf(call)).toString('base64url')

function openMarker(call: PagedCall): string | undefined {
  const { Marker } = call.input
  if (Marker === undefined) return undefined
  try {
    return call.needs.vault.open(Buffer.from(Marker, 'base64url'), contextOf(call)).toString()
  } catch (thrown) {
    if (!isFailure(thrown)) throw thrown
    return refuse('malformed', 'iam-api/invalid-marker', 'Invalid Marker.')
  }
}
