import { refuse } from '#kernel'

import { invalidInput } from './limits.ts'

/** Tags as entities hold them. */
export type TagRecord = Readonly<Record<string, string>>

type Tag = { readonly Key: string; readonly Value: string }

const most = 50

/**
 * The tags of a request as a record. Keys differ by more than case.
 *
 * @throws Failure malformed iam-api/invalid-input
 */
export function tagsFrom(tags: readonly Tag[] = []): TagRecord {
  const seen = new Set<string>()
  for (const { Key } of tags) {
    if (/^aws:/i.test(Key)) invalidInput('aws: prefixed tag key names are not allowed for external use.')
    const folded = Key.toLowerCase()
    if (seen.has(folded))
      invalidInput('Duplicate tag keys found. Please note that Tag keys are case insensitive.')
    seen.add(folded)
  }
  return Object.fromEntries(tags.map(({ Key, Value }) => [Key, Value]))
}

/**
 * What an entity's tags become when some are added: a key that is there in any case is replaced.
 *
 * @throws Failure malformed iam-api/invalid-input; conflict iam-api/limit-exceeded past fifty
 */
export function withTags(held: TagRecord, tags: readonly Tag[]): TagRecord {
  const added = tagsFrom(tags)
  const merged = { ...withoutTags(held, Object.keys(added)), ...added }
  if (Object.keys(merged).length > most)
    refuse('conflict', 'iam-api/limit-exceeded', 'The number of tags has reached the maximum limit.')
  return merged
}

/** What is left when keys are taken away, in any case; what is not there is no error. */
export function withoutTags(held: TagRecord, keys: readonly string[]): TagRecord {
  const gone = new Set(keys.map((key) => key.toLowerCase()))
  return Object.fromEntries(Object.entries(held).filter(([key]) => !gone.has(key.toLowerCase())))
}

/** Tags as answers have them. */
export const tagList = (tags: TagRecord): readonly Tag[] =>
  Object.entries(tags).map(([Key, Value]) => ({ Key, Value }))

/** For answers that leave the member out where there is nothing to tell. */
export const tagsOrNone = (tags: TagRecord): readonly Tag[] | undefined =>
  Object.keys(tags).length === 0 ? undefined : tagList(tags)
