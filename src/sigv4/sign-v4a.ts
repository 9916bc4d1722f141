import { sign } from 'node:crypto'

import { canonicalRequest, stringToSign } from './canonical.ts'
import { amzDate } from './freshness.ts'
import { payloadHash, type HeaderPairs, type SignableRequest } from './request.ts'
import type { SigningCredentials } from './sign.ts'
import { sigv4aKey, sigv4aPrivateKey } from './sigv4a-key.ts'

/**
 * The request's headers with X-Amz-Date, X-Amz-Region-Set, X-Amz-Security-Token and Authorization added, signed by
 * SigV4A. The request must carry `host` and none of these yet.
 *
 * @param scope `regionSet`: a region, a list with commas, globs, or `*`
 */
export function signHeadersV4a(
  request: SignableRequest,
  credentials: SigningCredentials,
  scope: { readonly at: Temporal.Instant; readonly service: string; readonly regionSet: string },
): HeaderPairs {
  const date = amzDate(scope.at)
  const headers: HeaderPairs = [
    ...request.headers,
    ['x-amz-date', date],
    ['x-amz-region-set', scope.regionSet],
    ...(credentials.sessionToken === undefined
      ? []
      : [['x-amz-security-token', credentials.sessionToken] as const]),
  ]
  const signedHeaders = [...new Set(headers.map(([name]) => name.toLowerCase()))].toSorted()
  const canonical = canonicalRequest(
    { ...request, headers },
    { signedHeaders, service: scope.service, payloadHash: payloadHash(request.body) },
  )
  const path = `${date.slice(0, 8)}/${scope.service}/aws4_request`
  const key = sigv4aPrivateKey(sigv4aKey(credentials.accessKeyId, credentials.secretAccessKey))
  const signature = sign(
    'sha256',
    Buffer.from(stringToSign(date, path, canonical, 'AWS4-ECDSA-P256-SHA256')),
    key,
  ).toString('hex')
  const authorization =
    `AWS4-ECDSA-P256-SHA256 Credential=${credentials.accessKeyId}/${path}, ` +
    `SignedHeaders=${signedHeaders.join(';')}, Signature=${signature}`
  return [...headers, ['authorization', authorization]]
}
