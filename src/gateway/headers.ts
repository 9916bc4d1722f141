import { refuse } from '#kernel'
import { encodeRfc3986, type HeaderPairs } from '#sigv4'
import { pathOf, type Place, placeOf } from './place.ts'

/** Headers of a request by name in lower case. */
export type Headers = ReadonlyMap<string, string>

/** @throws Failure malformed gateway/invalid-argument for a header that means something and comes twice */
export function headersOf(pairs: HeaderPairs): Headers {
  const headers = new Map<string, string>()
  for (const [name, value] of pairs) {
    const known = headers.get(name)
    if (known !== undefined && (passed(name) || name === 'host'))
      refuse('malformed', 'gateway/invalid-argument', `The header ${name} is given twice.`)
    headers.set(name, value.trim())
  }
  return headers
}

/**
 * With the headers that a link carries in its query: SDKs move those that begin with `x-amz-` there, and S3 reads them as
 * headers.
 *
 * @throws Failure malformed gateway/invalid-argument for one that is given in both places
 */
export function withHoisted(headers: Headers, query: ReadonlyMap<string, string>): Headers {
  const all = new Map(headers)
  for (const [written, value] of query) {
    const name = written.toLowerCase()
    if (!known.test(name) && !alsoHoisted.has(name)) continue
    if (all.has(name)) refuse('malformed', 'gateway/invalid-argument', `${name} is given twice.`)
    all.set(name, value.trim())
  }
  return all
}

const plain = new Set([
  'cache-control',
  'content-disposition',
  'content-language',
  'content-md5',
  'content-type',
  'expires',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-unmodified-since',
  'range',
])

/** Headers of S3 that go on as they are; what they need beyond the operation is in `actionsOfHeaders`. */
const known =
  /^x-amz-(?:acl|grant-[a-z-]+|meta-.+|tagging(?:-directive)?|metadata-directive|storage-class|checksum-[a-z0-9-]+|sdk-checksum-algorithm|server-side-encryption[a-z0-9-]*|copy-source-[a-z0-9-]+|object-lock-[a-z-]+|bypass-governance-retention|website-redirect-location|request-payer|object-attributes|max-parts|part-number-marker|optional-object-attributes|mp-object-size|if-match-[a-z-]+|bucket-object-lock-enabled|object-ownership)$/

/** Whose buckets the client takes them to be: this account's, those that are written to and those that are copied from. */
export const ownersExpected = ['x-amz-expected-bucket-owner', 'x-amz-source-expected-bucket-owner'] as const

/** Made anew, or only about the way to us. */
const own = new Set<string>([
  ...ownersExpected,
  'x-amz-content-sha256',
  'x-amz-copy-source',
  'x-amz-date',
  'x-amz-decoded-content-length',
  'x-amz-security-token',
  'x-amz-trailer',
  'x-amz-user-agent',
])

/** Besides those that are known. */
const alsoHoisted = new Set<string>([...ownersExpected, 'x-amz-copy-source'])

const passed = (name: string): boolean => plain.has(name) || known.test(name)

/**
 * The headers that the store gets as they came. Of `x-amz-` only what is known: a store might understand more than was
 * decided about.
 *
 * @throws Failure malformed gateway/not-implemented
 */
export function passedHeaders(headers: Headers): HeaderPairs {
  const odd = [...headers.keys()].find(
    (name) => name.startsWith('x-amz-') && !own.has(name) && !known.test(name),
  )
  if (odd !== undefined)
    refuse('malformed', 'gateway/not-implemented', `This gateway does not know the header ${odd}.`)
  const encodings = (headers.get('content-encoding') ?? '')
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '' && each !== 'aws-chunked')
  return [
    ...[...headers].filter(([name]) => passed(name)),
    ...(encodings.length === 0 ? [] : [['content-encoding', encodings.join(',')] as const]),
  ]
}

/** What headers ask for beyond the operation itself (Amazon S3 User Guide, "Required permissions for API operations"). */
export function actionsOfHeaders(headers: Headers, { key }: Place): readonly string[] {
  const has = (pattern: RegExp): boolean => [...headers.keys()].some((name) => pattern.test(name))
  return [
    ...(has(/^x-amz-(?:acl|grant-.+)$/) ? [key === undefined ? 'PutBucketAcl' : 'PutObjectAcl'] : []),
    ...(has(/^x-amz-tagging$/) ? ['PutObjectTagging'] : []),
    ...(has(/^x-amz-object-lock-(?:mode|retain-until-date)$/) ? ['PutObjectRetention'] : []),
    ...(has(/^x-amz-object-lock-legal-hold$/) ? ['PutObjectLegalHold'] : []),
    ...(has(/^x-amz-bypass-governance-retention$/) ? ['BypassGovernanceRetention'] : []),
    ...(has(/^x-amz-bucket-object-lock-enabled$/) ? ['PutBucketObjectLockConfiguration'] : []),
    ...(has(/^x-amz-object-ownership$/) ? ['PutBucketOwnershipControls'] : []),
  ]
}

/** What an object is copied from. */
export type CopySource = {
  readonly place: Place
  readonly versionId: string | undefined
  readonly header: string
}

/**
 * The source of a copy, and the header that names it to the store, written anew.
 *
 * @throws Failure malformed gateway/invalid-argument, gateway/invalid-uri
 */
export function copySourceOf(headers: Headers): CopySource | undefined {
  const written = headers.get('x-amz-copy-source')
  if (written === undefined) return undefined
  const [path = '', version, ...more] = written.split('?versionId=')
  const place = path.includes('?') ? {} : placeOf(path.startsWith('/') ? path : `/${path}`)
  if (place.key === undefined || more.length > 0 || version === '' || /[^\w.~-]/.test(version ?? ''))
    return refuse(
      'malformed',
      'gateway/invalid-argument',
      'Copy Source must mention the source bucket and key: sourcebucket/sourcekey.',
    )
  return {
    place,
    versionId: version,
    header: `${pathOf(place)}${version === undefined ? '' : `?versionId=${encodeRfc3986(version)}`}`,
  }
}
