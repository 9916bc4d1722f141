import type { IncomingMessage } from 'node:http'
import { type Context, readRaw } from '#http'
import { isFailure, refuse } from '#kernel'
import { encodeRfc3986, type HeaderPairs, queryPairs, signHeaders } from '#sigv4'
import { authenticate, type SignedCaller } from '#sts'
import { createHash } from 'node:crypto'
import { askingOf, type Demand } from './asking.ts'
import { deleteObjects } from './deleting.ts'
import { deleteBytes, malformedXml, readDeletions } from './delete-objects.ts'
import type { Onward } from './forward.ts'
import {
  actionsOfHeaders,
  type CopySource,
  copySourceOf,
  type Headers,
  headersOf,
  ownersExpected,
  passedHeaders,
  withHoisted,
} from './headers.ts'
import type { Arrival, S3Needs } from './needs.ts'
import { isOwnParameter, operationOf } from './operations.ts'
import { hasBody, payloadOf } from './payload.ts'
import { pathOf, placeOf } from './place.ts'

/**
 * One request to a store: who signed it, what it would do, whether they may, and then the same request signed with the
 * store's own key. What the store gets is written anew from what was decided on: path, query, source of a copy, list of
 * deletions.
 *
 * @returns the store's answer, or ours where a list of deletions was refused in part
 * @throws Failure what `s3Wire` puts into words
 */
export async function answerS3(
  needs: S3Needs,
  ctx: Context,
  arrival: Arrival,
): Promise<IncomingMessage | Buffer> {
  const { app, original } = arrival
  const written = headersOf(original.headers)
  const signed = await authenticated(needs, arrival, written)
  if (app.app.requireMfa && signed.caller.mfaAt === undefined)
    refuse('forbidden', 'gateway/mfa', 'This store asks for a second factor.')
  const [rawPath, rawQuery = ''] = splitAt(original.target, '?')
  const query = queryOf(rawQuery)
  const headers = withHoisted(written, query)
  const place = placeOf(rawPath, arrival.bucket)
  const operation = operationOf(original.method, place, query)
  const copy = copySourceOf(headers)
  if (copy !== undefined && operation.name !== 'PutObject' && operation.name !== 'UploadPart')
    refuse('malformed', 'gateway/invalid-argument', 'A copy source belongs to PutObject and UploadPart.')
  const passed = passedHeaders(headers)
  for (const owner of ownersExpected.map((name) => headers.get(name)))
    if (owner !== undefined && owner !== app.app.accountId)
      refuse('forbidden', 'gateway/owner', 'Access Denied')

  const list = operation.name === 'DeleteObjects' ? readDeletions(await readBody(ctx, headers)) : undefined
  const asking = await askingOf(needs, { arrival, signed, operation, query, headers })
  const path = `${pathOf(place)}${queryText(query)}`
  const send = (body: Onward['body'], said: HeaderPairs): Promise<IncomingMessage> => {
    const anew = [...without(passed, said), ...copyHeader(copy), ...said]
    const { method } = original
    return needs.forwarding.send(app.upstream.url, {
      method,
      path,
      headers: resigned(needs, arrival, { method, path, headers: anew }),
      body,
    })
  }
  if (list !== undefined)
    return deleteObjects(
      { ...asking, send: (document) => send(document, documentHeaders(document)) },
      { place, list, besides: (each) => actionsOfHeaders(headers, each) },
    )

  const demands: readonly Demand[] = [
    ...operation.actions.map((action) => ({ action, place })),
    ...actionsOfHeaders(headers, place).map((action) => ({ action, place })),
    ...(copy === undefined
      ? []
      : [
          {
            action: copy.versionId === undefined ? 'GetObject' : 'GetObjectVersion',
            place: copy.place,
            versionId: copy.versionId,
          },
        ]),
  ]
  const refusal = await asking.refusalOf(demands)
  if (refusal !== undefined) throw refusal
  await asking.noteAllowed([place])
  const payload = payloadOf(ctx.req, { headers, chunks: signed.chunks })
  if (!hasBody(ctx.req)) return send(undefined, payload.headers)
  if (headers.has('expect')) ctx.res.writeContinue()
  return send({ from: ctx.req, steps: payload.steps }, payload.headers)
}

const splitAt = (text: string, mark: string): readonly [string, string?] => {
  const at = text.indexOf(mark)
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)]
}

/** Who signed the request; refused in S3's own words where the key is none. */
async function authenticated(
  needs: S3Needs,
  { original }: Arrival,
  headers: Headers,
): Promise<SignedCaller & { readonly form: 'header' | 'presigned' }> {
  const said = headers.get('x-amz-content-sha256')
  const form = headers.has('authorization') ? 'header' : 'presigned'
  const isOld =
    headers.get('authorization')?.startsWith('AWS ') === true || /[?&]AWSAccessKeyId=/.test(original.target)
  if (isOld)
    refuse(
      'malformed',
      'gateway/signature-version',
      'The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.',
    )
  if (form === 'header' && said === undefined)
    refuse(
      'malformed',
      'gateway/invalid-argument',
      'Missing required header for this request: x-amz-content-sha256',
    )
  if (said !== undefined && !/^(?:[0-9a-f]{64}|UNSIGNED-PAYLOAD|STREAMING-[A-Z0-9-]{1,80})$/.test(said))
    refuse(
      'malformed',
      'gateway/invalid-argument',
      'x-amz-content-sha256 must be UNSIGNED-PAYLOAD, a form of STREAMING-…, or a valid sha256 value.',
    )
  try {
    const signed = await authenticate(
      needs,
      {
        method: original.method,
        rawUrl: original.target,
        headers: original.headers,
        // What is said of the body is signed, and held against the body as it passes.
        body: { sha256: said ?? '' },
      },
      { services: ['s3'], unsignedPayload: true, presigned: 'as-signed', chunks: true },
    )
    return { ...signed, form }
  } catch (thrown) {
    if (!isFailure(thrown) || thrown.reason !== 'sts/invalid-token') throw thrown
    const isToken = headers.has('x-amz-security-token') || /[?&]X-Amz-Security-Token=/i.test(original.target)
    return isToken
      ? refuse('unauthenticated', 'gateway/token', 'The provided token is malformed or otherwise invalid.')
      : refuse(
          'unauthenticated',
          'gateway/access-key',
          'The AWS Access Key Id you provided does not exist in our records.',
        )
  }
}

/** The parameters that mean something, once each. */
function queryOf(rawQuery: string): ReadonlyMap<string, string> {
  const query = new Map<string, string>()
  for (const [name, value] of queryPairs(rawQuery)) {
    if (query.has(name))
      refuse('malformed', 'gateway/invalid-argument', `The parameter ${name} is given twice.`)
    query.set(name, value)
  }
  return query
}

function queryText(query: ReadonlyMap<string, string>): string {
  const text = [...query]
    .filter(([name]) => !isOwnParameter(name))
    .map(([name, value]) => `${encodeRfc3986(name)}=${encodeRfc3986(value)}`)
    .join('&')
  return text === '' ? '' : `?${text}`
}

/** A list that must be known before anything is decided: read whole, and held against its hash. */
async function readBody(ctx: Context, headers: Headers): Promise<Buffer> {
  const said = headers.get('x-amz-content-sha256') ?? ''
  if (said.startsWith('STREAMING-'))
    refuse('malformed', 'gateway/not-implemented', 'This operation takes no body in chunks.')
  if (headers.has('expect')) ctx.res.writeContinue()
  const body = await readRaw(ctx, deleteBytes).catch((thrown: unknown) => {
    if (isFailure(thrown) && thrown.reason === 'http/too-large') return malformedXml()
    throw thrown
  })
  if (/^[0-9a-f]{64}$/.test(said) && createHash('sha256').update(body).digest('hex') !== said)
    refuse(
      'malformed',
      'gateway/hash-mismatch',
      "The provided 'x-amz-content-sha256' header does not match what was computed.",
    )
  return body
}

/** About a body of ours: what the client said about its own does not count any more. */
const documentHeaders = (bytes: Buffer): HeaderPairs => [
  ['x-amz-content-sha256', createHash('sha256').update(bytes).digest('hex')],
  ['content-md5', createHash('md5').update(bytes).digest('base64')],
  ['content-type', 'application/xml'],
  ['content-length', String(bytes.length)],
]

const copyHeader = (copy: CopySource | undefined): HeaderPairs =>
  copy === undefined ? [] : [['x-amz-copy-source', copy.header]]

/** Headers that are not said anew; with a body of ours no checksum of the old one either. */
function without(passed: HeaderPairs, anew: HeaderPairs): HeaderPairs {
  const names = new Set(anew.map(([name]) => name))
  const isOurs = names.has('content-md5')
  return passed.filter(
    ([name]) => !names.has(name) && !(isOurs && /^x-amz-(?:checksum-|sdk-checksum)/.test(name)),
  )
}

const unsigned = new Set(['content-length', 'transfer-encoding'])

/** The request's headers with a signature by the store's own key. */
function resigned(
  { clock }: Pick<S3Needs, 'clock'>,
  { app: { upstream } }: Arrival,
  request: Pick<Onward, 'method' | 'path' | 'headers'>,
): HeaderPairs {
  const { accessKeyId, secret, region, url } = upstream
  if (accessKeyId === undefined || secret === undefined)
    return refuse('unavailable', 'gateway/no-key', 'This gateway has no key of the store.')
  const signed = signHeaders(
    {
      method: request.method,
      rawUrl: request.path,
      headers: [['host', url.host], ...request.headers.filter(([name]) => !unsigned.has(name))],
      body: { sha256: '' },
    },
    { accessKeyId, secretAccessKey: secret.reveal() },
    { at: clock(), region, service: 's3' },
  )
  return [...signed, ...request.headers.filter(([name]) => unsigned.has(name))]
}
