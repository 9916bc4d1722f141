import type { ContextValue } from '#policy'
import type { SigningAlgorithm } from '#sigv4'
import type { Headers } from './headers.ts'

/** Condition keys of S3 that stand in the query. */
const inQuery: Readonly<Record<string, string>> = {
  prefix: 'prefix',
  delimiter: 'delimiter',
  'max-keys': 'max-keys',
  versionId: 'VersionId',
}

/** Headers that are condition keys under their own name. */
const inHeaders =
  /^x-amz-(?:acl|grant-(?:read|write|read-acp|write-acp|full-control)|copy-source|metadata-directive|server-side-encryption(?:-aws-kms-key-id|-customer-algorithm)?|storage-class|website-redirect-location|content-sha256|object-ownership)$/

const lock: Readonly<Record<string, string>> = {
  'x-amz-object-lock-mode': 'object-lock-mode',
  'x-amz-object-lock-retain-until-date': 'object-lock-retain-until-date',
  'x-amz-object-lock-legal-hold': 'object-lock-legal-hold',
}

/**
 * The condition keys of a request (Service Authorization Reference, "Condition keys for Amazon S3"). Tags of the object
 * that is there already are not known here: `ExistingObjectTag` is absent.
 */
export function conditionKeys(request: {
  readonly prefix: string
  readonly query: ReadonlyMap<string, string>
  readonly headers: Headers
  readonly form: 'header' | 'presigned'
  readonly algorithm: SigningAlgorithm
  /** Since it was signed. */
  readonly age: Temporal.Duration
  readonly region: string
}): readonly (readonly [string, ContextValue])[] {
  const { prefix, query, headers, form } = request
  const keys: (readonly [string, ContextValue])[] = [
    [`${prefix}:authType`, form === 'header' ? 'REST-HEADER' : 'REST-QUERY-STRING'],
    [`${prefix}:signatureversion`, request.algorithm],
    [`${prefix}:signatureAge`, String(request.age.total('milliseconds'))],
    ['aws:RequestedRegion', request.region],
  ]
  for (const [name, key] of Object.entries(inQuery)) {
    const value = query.get(name)
    if (value !== undefined) keys.push([`${prefix}:${key}`, value])
  }
  for (const [name, value] of headers) {
    if (inHeaders.test(name)) keys.push([`${prefix}:${name}`, value])
    const key = lock[name]
    if (key !== undefined) keys.push([`${prefix}:${key}`, value])
  }
  const tags = [...new URLSearchParams(headers.get('x-amz-tagging') ?? '')]
  for (const [key, value] of tags) keys.push([`${prefix}:RequestObjectTag/${key}`, value])
  if (tags.length > 0) keys.push([`${prefix}:RequestObjectTagKeys`, tags.map(([key]) => key)])
  return keys
}
