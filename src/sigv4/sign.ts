import { canonicalRequest, stringToSign } from './canonical.ts'
import { encodeRfc3986 } from './encoding.ts'
import { amzDate } from './freshness.ts'
import { payloadHash, type HeaderPairs, type SignableRequest } from './request.ts'
import { signingMac } from './signing-key.ts'

/** Whose signature it is. */
export type SigningCredentials = {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string | undefined
}

/** When and for what a signature is made. */
export type SigningScope = {
  readonly at: Temporal.Instant
  readonly region: string
  readonly service: string
}

/**
 * The request's headers with X-Amz-Date, X-Amz-Security-Token and Authorization added; every header given is signed.
 * The request must carry `host` and none of these three yet.
 */
export function signHeaders(
  request: SignableRequest,
  credentials: SigningCredentials,
  scope: SigningScope,
): HeaderPairs {
  const date = amzDate(scope.at)
  const headers: HeaderPairs = [
    ...request.headers,
    ['x-amz-date', date],
    ...(credentials.sessionToken === undefined
      ? []
      : [['x-amz-security-token', credentials.sessionToken] as const]),
  ]
  const signedHeaders = [...new Set(headers.map(([name]) => name.toLowerCase()))].toSorted()
  const said = headers.find(([name]) => name.toLowerCase() === 'x-amz-content-sha256')?.[1]
  const canonical = canonicalRequest(
    { ...request, headers },
    { signedHeaders, service: scope.service, payloadHash: said ?? payloadHash(request.body) },
  )
  const authorization =
    `AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/${scopePath(scope)}, ` +
    `SignedHeaders=${signedHeaders.join(';')}, Signature=${signatureOf(canonical, credentials, scope)}`
  return [...headers, ['authorization', authorization]]
}

/** Path and query of the request with its signature in the query (a presigned URL). Every header given is signed. */
export function presign(
  request: SignableRequest,
  credentials: SigningCredentials,
  scope: SigningScope & { readonly expiresInSeconds: number },
): string {
  const signedHeaders = [...new Set(request.headers.map(([name]) => name.toLowerCase()))].toSorted()
  const parameters = [
    ['X-Amz-Algorithm', 'AWS4-HMAC-SHA256'],
    ['X-Amz-Credential', `${credentials.accessKeyId}/${scopePath(scope)}`],
    ['X-Amz-Date', amzDate(scope.at)],
    ['X-Amz-Expires', String(scope.expiresInSeconds)],
    ['X-Amz-SignedHeaders', signedHeaders.join(';')],
    ...(credentials.sessionToken === undefined ? [] : [['X-Amz-Security-Token', credentials.sessionToken]]),
  ]
  const query = parameters.map(([name = '', value = '']) => `${name}=${encodeRfc3986(value)}`).join('&')
  const rawUrl = request.rawUrl + (request.rawUrl.includes('?') ? '&' : '?') + query
  const canonical = canonicalRequest(
    { ...request, rawUrl },
    { signedHeaders, service: scope.service, payloadHash: payloadHash(request.body) },
  )
  return `${rawUrl}&X-Amz-Signature=${signatureOf(canonical, credentials, scope)}`
}

const scopePath = ({ at, region, service }: SigningScope): string =>
  `${amzDate(at).slice(0, 8)}/${region}/${service}/aws4_request`

function signatureOf(canonical: string, credentials: SigningCredentials, scope: SigningScope): string {
  const date = amzDate(scope.at)
  const mac = signingMac(credentials.secretAccessKey, date.slice(0, 8), scope.region, scope.service)
  return Buffer.from(mac(stringToSign(date, scopePath(scope), canonical)), 'latin1').toString('hex')
}
