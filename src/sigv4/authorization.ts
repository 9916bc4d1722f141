import { recent, refuse } from '#kernel'

import { queryPairs } from './encoding.ts'
import { hasHeader, headerValues, lowerCase, rawQueryOf, soleValue, type SignableRequest } from './request.ts'

/** SigV4 (HMAC with the secret) or SigV4A (ECDSA with a key derived from it). */
export type SigningAlgorithm = 'AWS4-HMAC-SHA256' | 'AWS4-ECDSA-P256-SHA256'

/** What a signed request says about its own signature. Nothing in it is proven yet. */
export type Authorization = {
  readonly form: 'header' | 'presigned'
  readonly algorithm: SigningAlgorithm
  readonly accessKeyId: string
  /** `yyyymmdd` of the credential scope. */
  readonly day: string
  /** Of the scope; of SigV4A, which has none there, the one region of its set, or `*`. */
  readonly region: string
  readonly service: string
  /** Lower case, in the signer's order. */
  readonly signedHeaders: readonly string[]
  /** The same as sent: with semicolons between. */
  readonly signedHeaderList: string
  /** Lower-case hex: 32 bytes of SigV4, a DER signature of SigV4A. */
  readonly signature: string
  /** X-Amz-Date as sent. */
  readonly date: string
  readonly signedAt: Temporal.Instant
  /** X-Amz-Security-Token, where temporary credentials signed. */
  readonly sessionToken?: string | undefined
  /** X-Amz-Expires of a presigned request. */
  readonly expiresInSeconds?: number
}

const maxPresignedSeconds = 604_800
const incomplete = (message: string): never => refuse('malformed', 'sigv4/incomplete-signature', message)

/**
 * Reads the signature of a request, from its Authorization header or its query, and checks its form: every part
 * there, once, well written, and `host` and every `x-amz-*` header among the signed ones.
 *
 * Undefined where the request carries no SigV4 signature at all.
 *
 * @throws Failure malformed `sigv4/incomplete-signature`, naming the missing piece
 * @throws Failure unauthenticated `sigv4/unsigned-header`
 */
export function parseAuthorization(request: Omit<SignableRequest, 'body'>): Authorization | undefined {
  if (!request.rawUrl.startsWith('/')) incomplete('The request target must be a path.')
  const line = soleValue(request.headers, 'authorization', authorizedTwice)
  const query = signatureQuery(rawQueryOf(request.rawUrl))
  const presigned = query.has('X-Amz-Algorithm') || query.has('X-Amz-Signature')
  if (line !== undefined && presigned)
    incomplete('Give the signature in the header or in the query, not both.')
  const authorization =
    line !== undefined ? fromHeader(line, request) : presigned ? fromQuery(query) : undefined
  if (authorization !== undefined) requireSignedHeaders(authorization, request)
  return authorization
}

const authorizedTwice = (): never => incomplete('The Authorization header is given more than once.')
const givenTwice = (): never => incomplete('X-Amz-Date or X-Amz-Security-Token is given twice.')
const noQuery: ReadonlyMap<string, readonly string[]> = new Map()

/** The parameters of a query that a signature may be made of. */
function signatureQuery(rawQuery: string): ReadonlyMap<string, readonly string[]> {
  if (rawQuery === '') return noQuery
  const query = new Map<string, string[]>()
  for (const [name, value] of queryPairs(rawQuery)) {
    if (/^x-amz-/i.test(name)) query.set(name, [...(query.get(name) ?? []), value])
  }
  return query
}

function fromHeader(line: string, request: Pick<SignableRequest, 'headers'>): Authorization {
  const { named, signature } = knownHeader(line) ?? readHeader(line, request)
  const given = soleValue(request.headers, 'x-amz-date', givenTwice)
  const sessionToken = soleValue(request.headers, 'x-amz-security-token', givenTwice)?.trim()
  const { date, signedAt } = dateOf(
    given ?? incomplete("Authorization header requires existence of an 'X-Amz-Date' header."),
  )
  // Written out, since this is made for every request and copying with `...` costs several times as much.
  const { algorithm, accessKeyId, day, region, service, signedHeaders, signedHeaderList } = named
  return {
    form: 'header',
    algorithm,
    accessKeyId,
    day,
    region,
    service,
    signedHeaders,
    signedHeaderList,
    signature,
    date,
    signedAt,
    sessionToken,
  }
}

/** What the Authorization header alone says, the same for all that a client signs in a day. */
type Named = Pick<Authorization, 'algorithm' | 'accessKeyId' | 'day' | 'region' | 'service'> & SignedHeaders
type ReadHeader = { readonly named: Named; readonly signature: string }

/** Headers that were read, by all of them but the signature. */
const knownHeaders = recent<Named>(1_000)
const longestKnown = 1_024
const signatureCharacters = 64

/** By the code of a character: 0 for a lower-case hex digit, 1 for any other. */
const notHex = Uint8Array.from({ length: 256 }, (_, code) =>
  /[0-9a-f]/.test(String.fromCharCode(code)) ? 0 : 1,
)

/**
 * Whether a text is 64 lower-case hex digits. Asked for every request: an expression takes several times as long, and so
 * does asking of each character whether it is a digit or a letter, which no processor can foresee.
 */
function isHexSignature(text: string): boolean {
  if (text.length !== signatureCharacters) return false
  let wrong = 0
  for (let index = 0; index < signatureCharacters; index++) wrong |= notHex[text.charCodeAt(index)] ?? 1
  return wrong === 0
}

function knownHeader(line: string): ReadHeader | undefined {
  const named = knownHeaders.get(line.slice(0, -signatureCharacters))
  const signature = line.slice(-signatureCharacters)
  return named !== undefined && isHexSignature(signature) ? { named, signature } : undefined
}

/** SigV4 as every client writes it: the three parts in this order, the signature last. */
const usualHeader =
  /^AWS4-HMAC-SHA256 Credential=([^/, ]+\/[^/, ]+\/[^/, ]+\/[^/, ]+\/[^/, ]+),[ ]?SignedHeaders=([^, =]+),[ ]?Signature=([0-9a-f]{64})$/

function readHeader(line: string, request: Pick<SignableRequest, 'headers'>): ReadHeader {
  const [, credential, list, signature] = usualHeader.exec(line) ?? []
  if (credential === undefined || list === undefined || signature === undefined)
    return readUnusualHeader(line, request)
  const algorithm = 'AWS4-HMAC-SHA256'
  const scope = scopeOf(credential, algorithm, '')
  const named = { algorithm, ...scope, ...signedHeadersOf(list) } as const
  if (line.length <= longestKnown) knownHeaders.set(line.slice(0, -signatureCharacters), named)
  return { named, signature }
}

const headerParts: ReadonlySet<string> = new Set(['Credential', 'SignedHeaders', 'Signature'])

/** Any other spelling that the syntax allows, and SigV4A, whose region is in a header of its own. */
function readUnusualHeader(line: string, request: Pick<SignableRequest, 'headers'>): ReadHeader {
  const [given, rest = ''] = splitOnce(line.trim(), ' ')
  const algorithm = algorithmOf(given)
  const parts = new Map<string, string>()
  for (const part of rest.split(',')) {
    const trimmed = part.trim()
    if (trimmed === '') continue
    const [name, value] = splitOnce(trimmed, '=')
    if (value === undefined || parts.has(name)) incomplete('Authorization header has a malformed part.')
    if (!headerParts.has(name))
      incomplete('Authorization header has a part that Signature Version 4 does not know.')
    parts.set(name, value ?? '')
  }
  const piece = (name: string): string =>
    parts.get(name) || incomplete(`Authorization header requires '${name}' parameter.`)
  const regions = headerValues(request.headers, 'x-amz-region-set')
  return {
    named: {
      algorithm,
      ...scopeOf(piece('Credential'), algorithm, regions.join(',')),
      ...signedHeadersOf(piece('SignedHeaders')),
    },
    signature: signatureOf(piece('Signature'), algorithm),
  }
}

function fromQuery(query: ReadonlyMap<string, readonly string[]>): Authorization {
  const optional = (name: string): string | undefined => {
    const [value, ...more] = query.get(name) ?? []
    if (more.length > 0) incomplete(`The query gives '${name}' more than once.`)
    return value
  }
  const piece = (name: string): string =>
    optional(name) || incomplete(`AWS query-string parameters must include '${name}'.`)
  const algorithm = algorithmOf(piece('X-Amz-Algorithm'))
  const expires = optional('X-Amz-Expires')
  const seconds = expires === undefined ? undefined : Number(expires)
  if (expires !== undefined && !(/^\d{1,6}$/.test(expires) && Number(expires) <= maxPresignedSeconds)) {
    incomplete(`X-Amz-Expires must be a number of seconds up to ${maxPresignedSeconds}.`)
  }
  const token = optional('X-Amz-Security-Token')
  return {
    form: 'presigned',
    algorithm,
    ...scopeOf(piece('X-Amz-Credential'), algorithm, optional('X-Amz-Region-Set') ?? ''),
    ...signedHeadersOf(piece('X-Amz-SignedHeaders')),
    signature: signatureOf(piece('X-Amz-Signature'), algorithm),
    ...dateOf(piece('X-Amz-Date')),
    ...(token === undefined ? {} : { sessionToken: token }),
    ...(seconds === undefined ? {} : { expiresInSeconds: seconds }),
  }
}

function splitOnce(text: string, mark: string): readonly [string, string?] {
  const at = text.indexOf(mark)
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + 1)]
}

function algorithmOf(named: string): SigningAlgorithm {
  return named === 'AWS4-HMAC-SHA256' || named === 'AWS4-ECDSA-P256-SHA256'
    ? named
    : incomplete("The signing algorithm must be 'AWS4-HMAC-SHA256'.")
}

function scopeOf(
  credential: string,
  algorithm: SigningAlgorithm,
  regionSet: string,
): Pick<Authorization, 'accessKeyId' | 'day' | 'region' | 'service'> {
  const pieces = credential.split('/')
  const isRegional = algorithm === 'AWS4-HMAC-SHA256'
  // SigV4A has the region outside the scope, in a header that is signed.
  if (!isRegional) pieces.splice(2, 0, regionOf(regionSet))
  const [accessKeyId = '', day = '', region = '', service = '', terminator, ...more] = pieces
  if (terminator === undefined || more.length > 0) {
    incomplete(
      `Credential must have the form access-key-id/yyyymmdd/${isRegional ? 'region/' : ''}service/aws4_request.`,
    )
  }
  if (!/^\w{16,128}$/.test(accessKeyId)) incomplete('Credential has no access key id.')
  if (!/^\d{8}$/.test(day)) incomplete('Credential has no date in the form yyyymmdd.')
  if (isRegional && !/^[a-z0-9-]{1,64}$/i.test(region)) incomplete('Credential has no region.')
  if (!/^[a-z0-9-]{1,64}$/i.test(service)) incomplete('Credential has no service.')
  if (terminator !== 'aws4_request') {
    refuse(
      'unauthenticated',
      'sigv4/wrong-terminator',
      `Credential should be scoped with a valid terminator: 'aws4_request'.`,
    )
  }
  return { accessKeyId, day, region, service }
}

type SignedHeaders = Pick<Authorization, 'signedHeaders' | 'signedHeaderList'>

/** Lists of signed headers that were read: a kind of client signs the same ones for everybody who uses it. */
const knownLists = recent<SignedHeaders>(1_000)

function signedHeadersOf(list: string): SignedHeaders {
  const known = knownLists.get(list)
  if (known !== undefined) return known
  const signedHeaders = list.split(';')
  if (signedHeaders.some((name) => !/^[a-z0-9!#$%&'*+.^_`|~-]{1,256}$/.test(name))) {
    incomplete('SignedHeaders must be lower-case header names with semicolons between them.')
  }
  if (new Set(signedHeaders).size !== signedHeaders.length) incomplete('SignedHeaders names a header twice.')
  const read = { signedHeaders, signedHeaderList: list }
  if (list.length <= longestKnown) knownLists.set(list, read)
  return read
}

/** A set of one region is that region; of several, or with globs, any. */
function regionOf(regionSet: string): string {
  const regions = regionSet.split(',').map((each) => each.trim())
  if (regions.some((each) => !/^[a-z0-9*-]{1,64}$/i.test(each)) || regions.length > 64) {
    incomplete("SigV4A requires the signed header 'X-Amz-Region-Set' with regions.")
  }
  const [only = '*', ...others] = regions
  return others.length > 0 || only.includes('*') ? '*' : only
}

function signatureOf(signature: string, algorithm: SigningAlgorithm): string {
  if (algorithm === 'AWS4-HMAC-SHA256') {
    return isHexSignature(signature) ? signature : incomplete('Signature must be 64 lower-case hex digits.')
  }
  return /^(?:[0-9a-f]{2}){8,72}$/.test(signature)
    ? signature
    : incomplete('Signature must be an ECDSA signature in lower-case hex.')
}

type SignedDate = Pick<Authorization, 'date' | 'signedAt'>

/** The date that was read last: many requests are signed in the same second. */
let lastDate: SignedDate | undefined

function dateOf(date: string): SignedDate {
  if (lastDate?.date === date) return lastDate
  const match = /^(\d{4})(\d\d)(\d\d)T([01]\d|2[0-3])([0-5]\d)([0-5]\d)Z$/.exec(date)
  const iso = match?.slice(1)
  if (iso === undefined) return incomplete("X-Amz-Date must have the form yyyymmdd'T'hhmmss'Z'.")
  const [year, month, day, hour, minute, second] = iso
  try {
    const signedAt = Temporal.Instant.from(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
    lastDate = { date, signedAt }
    return lastDate
  } catch {
    return incomplete('X-Amz-Date is not a date of the calendar.')
  }
}

/** A header that is not signed is anybody's to change; one that is named but absent was removed on the way. */
function requireSignedHeaders(
  { signedHeaders }: Authorization,
  { headers }: Pick<SignableRequest, 'headers'>,
): void {
  let hosts = 0
  let unsigned = signedHeaders.includes('host') ? undefined : 'host'
  for (const [given] of headers) {
    const name = lowerCase(given)
    if (name === 'host') hosts++
    else if (name.startsWith('x-amz-') && !signedHeaders.includes(name)) unsigned ??= name
  }
  if (unsigned !== undefined) {
    refuse('unauthenticated', 'sigv4/unsigned-header', `'${unsigned}' must be a 'SignedHeader'.`)
  }
  const missing = signedHeaders.find((name) => !hasHeader(headers, name))
  if (missing !== undefined) incomplete(`The signed header '${missing}' is not in the request.`)
  if (hosts > 1) incomplete('The Host header is given more than once.')
}
