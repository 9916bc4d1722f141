import { hash } from 'node:crypto'

import type { SigningAlgorithm } from './authorization.ts'
import { decodePercent, encodePath, encodeRfc3986, queryPairs } from './encoding.ts'
import { isNamed, rawPathOf, rawQueryOf, type HeaderPairs, type SignableRequest } from './request.ts'

/** What the canonical form needs to know beyond the request itself. */
type CanonicalRules = {
  /** Lower case, in the order the signer lists them. */
  readonly signedHeaders: readonly string[]
  /** The same with semicolons between, where the caller has it. */
  readonly signedHeaderList?: string
  /** The last line: a hash, or the literal a streaming or unsigned payload has instead. */
  readonly payloadHash: string
  /** The service of the scope: every one but `s3` encodes the path a second time. */
  readonly service: string
}

/**
 * The canonical request (General Reference, "Create a canonical request").
 *
 * The path is not normalised: `/a/../b` and `/b` are different requests to a service, so they are different here.
 *
 * @throws Failure malformed `sigv4/malformed-url`
 */
export function canonicalRequest(request: SignableRequest, rules: CanonicalRules): string {
  const { method, rawUrl, headers } = request
  let text = `${method}\n${canonicalPath(rawPathOf(rawUrl), rules.service)}\n${canonicalQuery(rawQueryOf(rawUrl))}\n`
  for (const name of rules.signedHeaders) text += `${name}:${canonicalValue(headers, name)}\n`
  return `${text}\n${rules.signedHeaderList ?? rules.signedHeaders.join(';')}\n${rules.payloadHash}`
}

function canonicalPath(rawPath: string, service: string): string {
  if (rawPath === '/' || rawPath === '') return '/'
  return encodePath(service === 's3' ? decodePercent(rawPath) : rawPath)
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** Sorted by encoded name, then encoded value; the signature of a presigned request is left out. */
const canonicalQuery = (rawQuery: string): string =>
  rawQuery === ''
    ? ''
    : queryPairs(rawQuery)
        .filter(([name]) => name !== 'X-Amz-Signature')
        .map(([name, value]) => [encodeRfc3986(name), encodeRfc3986(value)] as const)
        .toSorted((a, b) => compare(a[0], b[0]) || compare(a[1], b[1]))
        .map(([name, value]) => `${name}=${value}`)
        .join('&')

function canonicalValue(headers: HeaderPairs, name: string): string {
  let text: string | undefined
  for (const header of headers) {
    if (!isNamed(header, name)) continue
    const value = oneSpaced(header[1])
    text = text === undefined ? value : `${text},${value}`
  }
  return text ?? ''
}

/** Without space around it, and with single spaces inside. */
function oneSpaced(value: string): string {
  const trimmed = value.trim()
  return trimmed.includes('  ') || trimmed.includes('\t') ? trimmed.replaceAll(/[ \t]+/g, ' ') : trimmed
}

/**
 * The string to sign. `scope` is `day/region/service/aws4_request`, of SigV4A without the region; `date` the value of
 * X-Amz-Date.
 */
export const stringToSign = (
  date: string,
  scope: string,
  canonical: string,
  algorithm: SigningAlgorithm = 'AWS4-HMAC-SHA256',
): string => `${algorithm}\n${date}\n${scope}\n${hash('sha256', canonical)}`
