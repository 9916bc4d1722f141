import { refuse } from '#kernel'
import { encodePath } from '#sigv4'

/** What an S3 request is about: a bucket, an object in it, or neither (the list of buckets). Decoded. */
export type Place = { readonly bucket?: string | undefined; readonly key?: string | undefined }

const keyBytes = 1_024

const invalid = (message: string): never => refuse('malformed', 'gateway/invalid-uri', message)

/**
 * The place that a path names, percent-decoded once, as every store decodes it.
 *
 * What one store could take for another object is refused: dot segments (also when encoded twice), empty segments,
 * backslashes, control characters, what is no UTF-8. A folder marker's last slash stays.
 *
 * @param ofHost the bucket that the host names, where the client addresses it so
 * @throws Failure malformed gateway/invalid-uri, gateway/invalid-bucket, gateway/key-too-long
 */
export function placeOf(rawPath: string, ofHost?: string): Place {
  if (!rawPath.startsWith('/')) invalid('The request target must be a path.')
  const rest = rawPath.slice(1)
  if (ofHost !== undefined) return { bucket: bucketNamed(ofHost), key: rest === '' ? undefined : keyOf(rest) }
  if (rest === '') return {}
  const slash = rest.indexOf('/')
  const bucket = bucketNamed(slash < 0 ? rest : rest.slice(0, slash))
  const key = slash < 0 ? '' : rest.slice(slash + 1)
  return { bucket, key: key === '' ? undefined : keyOf(key) }
}

function bucketNamed(name: string): string {
  return /^[a-z0-9](?:[a-z0-9-]|\.(?!\.)){1,61}[a-z0-9]$/.test(name)
    ? name
    : refuse('malformed', 'gateway/invalid-bucket', 'The specified bucket is not valid.')
}

function keyOf(raw: string): string {
  const key = decoded(raw)
  if (Buffer.byteLength(key) > keyBytes) refuse('malformed', 'gateway/key-too-long', 'Your key is too long.')
  checkKey(key)
  return key
}

function decoded(raw: string): string {
  try {
    return decodeURIComponent(raw)
  } catch {
    return invalid('The path is not percent-encoded UTF-8.')
  }
}

/** @throws Failure malformed gateway/invalid-uri for a key that two stores could read as two objects */
export function checkKey(key: string): void {
  if (/[\\\p{Cc}]/u.test(key) || !key.isWellFormed())
    invalid('This gateway takes no backslash and no control character in a key.')
  const segments = key.split('/')
  for (const [index, segment] of segments.entries()) {
    const isMarker = index === segments.length - 1 && index > 0
    if (segment === '' && !isMarker) invalid('This gateway takes no empty segment in a key.')
    if (isDots(segment)) invalid('This gateway takes no dot segment in a key.')
  }
}

/** `.` or `..`, or what becomes that when somebody decodes it again. */
const isDots = (segment: string): boolean => /^(?:\.|%(?:25)*2e){1,2}$/i.test(segment)

/** The path that the store gets: made from what was decided on, never the one that came. */
export const pathOf = ({ bucket, key }: Place): string =>
  bucket === undefined ? '/' : `/${bucket}${key === undefined ? '' : `/${encodePath(key)}`}`

/** Its ARN, as policies name it. */
export const arnOf = (prefix: string, { bucket, key }: Place): string =>
  bucket === undefined ? '*' : `arn:aws:${prefix}:::${bucket}${key === undefined ? '' : `/${key}`}`
