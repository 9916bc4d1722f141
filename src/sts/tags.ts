import type { Tag } from './claims.ts'

/** Tags by their keys without regard to case; a later one takes the place of an earlier one. */
export function mergeTags(...lists: readonly (readonly Tag[])[]): readonly Tag[] {
  const [only = [], ...others] = lists.filter((each) => each.length > 0)
  if (others.length === 0 && only.length < 2) return only
  const merged = new Map<string, Tag>()
  for (const tag of lists.flat()) {
    const folded = tag.key.toLowerCase()
    // Deleted first, so that the order is that of the last word.
    merged.delete(folded)
    merged.set(folded, tag)
  }
  return [...merged.values()]
}

/** A record of tags as a list. */
export const tagsOf = (record: Readonly<Record<string, string>>): readonly Tag[] =>
  Object.entries(record).map(([key, value]) => ({ key, value }))

/** A list of tags as a record. A key like `__proto__` stays an ordinary key. */
export const tagRecord = (tags: readonly Tag[]): Readonly<Record<string, string>> =>
  Object.fromEntries(tags.map(({ key, value }) => [key, value]))
