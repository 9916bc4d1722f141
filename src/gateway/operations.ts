import { refuse } from '#kernel'
import type { Place } from './place.ts'

/** An operation of S3, and the actions that it needs on the place it names. */
export type Operation = {
  /** As the API Reference calls it. */
  readonly name: string
  /** Without the service's prefix. */
  readonly actions: readonly string[]
}

type Row = {
  readonly method: string
  readonly at: 'service' | 'bucket' | 'object'
  /** The query parameter that selects it. */
  readonly by?: string
  readonly name: string
  readonly actions: readonly string[]
  /** Instead of `actions` where the query has a `versionId`. */
  readonly ofVersion?: readonly string[]
  /** Further query parameters. All others are refused: a store might take them for another operation. */
  readonly also?: readonly string[]
}

const listing = ['prefix', 'delimiter', 'encoding-type']
const answerHeaders = [
  'response-cache-control',
  'response-content-disposition',
  'response-content-encoding',
  'response-content-language',
  'response-content-type',
  'response-expires',
]

/** Sub-resources of a bucket: reading, writing, deleting (Service Authorization Reference, "Amazon S3"). */
const bucketSettings: readonly (readonly [by: string, get: string, put?: string, remove?: string])[] = [
  ['acl', 'GetBucketAcl', 'PutBucketAcl'],
  ['cors', 'GetBucketCORS', 'PutBucketCORS', 'PutBucketCORS'],
  ['encryption', 'GetEncryptionConfiguration', 'PutEncryptionConfiguration', 'PutEncryptionConfiguration'],
  ['lifecycle', 'GetLifecycleConfiguration', 'PutLifecycleConfiguration', 'PutLifecycleConfiguration'],
  ['location', 'GetBucketLocation'],
  ['logging', 'GetBucketLogging', 'PutBucketLogging'],
  ['notification', 'GetBucketNotification', 'PutBucketNotification'],
  ['object-lock', 'GetBucketObjectLockConfiguration', 'PutBucketObjectLockConfiguration'],
  [
    'ownershipControls',
    'GetBucketOwnershipControls',
    'PutBucketOwnershipControls',
    'PutBucketOwnershipControls',
  ],
  ['policy', 'GetBucketPolicy', 'PutBucketPolicy', 'DeleteBucketPolicy'],
  ['policyStatus', 'GetBucketPolicyStatus'],
  [
    'publicAccessBlock',
    'GetBucketPublicAccessBlock',
    'PutBucketPublicAccessBlock',
    'PutBucketPublicAccessBlock',
  ],
  [
    'replication',
    'GetReplicationConfiguration',
    'PutReplicationConfiguration',
    'PutReplicationConfiguration',
  ],
  ['requestPayment', 'GetBucketRequestPayment', 'PutBucketRequestPayment'],
  ['tagging', 'GetBucketTagging', 'PutBucketTagging', 'PutBucketTagging'],
  ['versioning', 'GetBucketVersioning', 'PutBucketVersioning'],
  ['website', 'GetBucketWebsite', 'PutBucketWebsite', 'DeleteBucketWebsite'],
]

/** Sub-resources of an object. */
const objectSettings: readonly (readonly [
  by: string,
  get: readonly string[],
  put?: string,
  remove?: string,
])[] = [
  ['acl', ['GetObjectAcl', 'GetObjectVersionAcl'], 'PutObjectAcl'],
  ['tagging', ['GetObjectTagging', 'GetObjectVersionTagging'], 'PutObjectTagging', 'DeleteObjectTagging'],
  ['retention', ['GetObjectRetention', 'GetObjectRetention'], 'PutObjectRetention'],
  ['legal-hold', ['GetObjectLegalHold', 'GetObjectLegalHold'], 'PutObjectLegalHold'],
]
const versionOf = (action: string): string =>
  /Acl$|Tagging$/.test(action) ? action.replace('Object', 'ObjectVersion') : action

const rows: readonly Row[] = [
  {
    method: 'GET',
    at: 'service',
    name: 'ListBuckets',
    actions: ['ListAllMyBuckets'],
    also: ['max-buckets', 'continuation-token', 'prefix', 'bucket-region'],
  },
  {
    method: 'GET',
    at: 'bucket',
    name: 'ListObjects',
    actions: ['ListBucket'],
    also: [...listing, 'list-type', 'max-keys', 'marker', 'continuation-token', 'start-after', 'fetch-owner'],
  },
  {
    method: 'GET',
    at: 'bucket',
    by: 'versions',
    name: 'ListObjectVersions',
    actions: ['ListBucketVersions'],
    also: [...listing, 'max-keys', 'key-marker', 'version-id-marker'],
  },
  {
    method: 'GET',
    at: 'bucket',
    by: 'uploads',
    name: 'ListMultipartUploads',
    actions: ['ListBucketMultipartUploads'],
    also: [...listing, 'max-uploads', 'key-marker', 'upload-id-marker'],
  },
  { method: 'HEAD', at: 'bucket', name: 'HeadBucket', actions: ['ListBucket'] },
  { method: 'PUT', at: 'bucket', name: 'CreateBucket', actions: ['CreateBucket'] },
  { method: 'DELETE', at: 'bucket', name: 'DeleteBucket', actions: ['DeleteBucket'] },
  // What it deletes stands in its body, and is asked for one by one.
  { method: 'POST', at: 'bucket', by: 'delete', name: 'DeleteObjects', actions: [] },
  ...bucketSettings.flatMap(([by, get, put, remove]): readonly Row[] => [
    { method: 'GET', at: 'bucket', by, name: get, actions: [get] },
    ...(put === undefined ? [] : [{ method: 'PUT', at: 'bucket', by, name: put, actions: [put] } as const]),
    ...(remove === undefined
      ? []
      : [{ method: 'DELETE', at: 'bucket', by, name: `DeleteBucket:${by}`, actions: [remove] } as const]),
  ]),
  ...(['GET', 'HEAD'] as const).map((method): Row => ({
    method,
    at: 'object',
    name: method === 'GET' ? 'GetObject' : 'HeadObject',
    actions: ['GetObject'],
    ofVersion: ['GetObjectVersion'],
    also: ['versionId', 'partNumber', ...answerHeaders],
  })),
  {
    method: 'GET',
    at: 'object',
    by: 'attributes',
    name: 'GetObjectAttributes',
    actions: ['GetObject', 'GetObjectAttributes'],
    ofVersion: ['GetObjectVersion', 'GetObjectVersionAttributes'],
    also: ['versionId', 'max-parts', 'part-number-marker'],
  },
  {
    method: 'GET',
    at: 'object',
    by: 'uploadId',
    name: 'ListParts',
    actions: ['ListMultipartUploadParts'],
    also: ['max-parts', 'part-number-marker'],
  },
  { method: 'PUT', at: 'object', name: 'PutObject', actions: ['PutObject'] },
  {
    method: 'PUT',
    at: 'object',
    by: 'uploadId',
    name: 'UploadPart',
    actions: ['PutObject'],
    also: ['partNumber'],
  },
  { method: 'POST', at: 'object', by: 'uploads', name: 'CreateMultipartUpload', actions: ['PutObject'] },
  { method: 'POST', at: 'object', by: 'uploadId', name: 'CompleteMultipartUpload', actions: ['PutObject'] },
  {
    method: 'POST',
    at: 'object',
    by: 'restore',
    name: 'RestoreObject',
    actions: ['RestoreObject'],
    also: ['versionId'],
  },
  {
    method: 'POST',
    at: 'object',
    by: 'select',
    name: 'SelectObjectContent',
    actions: ['GetObject'],
    also: ['select-type'],
  },
  {
    method: 'DELETE',
    at: 'object',
    name: 'DeleteObject',
    actions: ['DeleteObject'],
    ofVersion: ['DeleteObjectVersion'],
    also: ['versionId'],
  },
  {
    method: 'DELETE',
    at: 'object',
    by: 'uploadId',
    name: 'AbortMultipartUpload',
    actions: ['AbortMultipartUpload'],
  },
  ...objectSettings.flatMap(([by, [get = '', ofVersion = get], put, remove]): readonly Row[] => [
    {
      method: 'GET',
      at: 'object',
      by,
      name: get,
      actions: [get],
      ofVersion: [ofVersion],
      also: ['versionId'],
    },
    ...[
      ['PUT', put],
      ['DELETE', remove],
    ].flatMap(([method = '', action]) =>
      action === undefined
        ? []
        : [
            {
              method,
              at: 'object',
              by,
              name: action,
              actions: [action],
              ofVersion: [versionOf(action)],
              also: ['versionId'],
            } as const,
          ],
    ),
  ]),
]

const selectors = new Set(rows.flatMap(({ by }) => (by === undefined ? [] : [by])))

/** What signs a presigned request, and what SDKs add for their own logs: no parameters of an operation. */
export const isOwnParameter = (name: string): boolean => /^(?:x-amz-|x-id$)/i.test(name)

const notBuilt = (message: string): never => refuse('malformed', 'gateway/not-implemented', message)

/**
 * Which operation a request is.
 *
 * A parameter that is not known with the operation is refused: what is decided about must be what the store does.
 *
 * @throws Failure malformed gateway/not-implemented, gateway/invalid-argument
 */
export function operationOf(method: string, place: Place, query: ReadonlyMap<string, string>): Operation {
  const at = place.bucket === undefined ? 'service' : place.key === undefined ? 'bucket' : 'object'
  const names = [...query.keys()].filter((name) => !isOwnParameter(name))
  const chosen = names.filter((name) => selectors.has(name))
  if (chosen.length > 1)
    refuse(
      'malformed',
      'gateway/invalid-argument',
      `The parameters ${chosen.join(' and ')} do not go together.`,
    )
  const [by] = chosen
  const row = rows.find((each) => each.method === method && each.at === at && each.by === by)
  if (row === undefined)
    return notBuilt(
      `This gateway does not know ${method} ${by === undefined ? '' : `with ${by} `}on this resource.`,
    )
  const odd = names.find((name) => name !== by && row.also?.includes(name) !== true)
  if (odd !== undefined) notBuilt(`This gateway does not know the parameter ${odd} of ${row.name}.`)
  return {
    name: row.name,
    actions: query.has('versionId') ? (row.ofVersion ?? row.actions) : row.actions,
  }
}
