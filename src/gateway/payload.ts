import type { IncomingMessage } from 'node:http'
import type { Transform } from 'node:stream'
import { refuse } from '#kernel'
import { type ChunkChain, chunkVerifier, type HeaderPairs } from '#sigv4'
import { readChunks, writeChunks } from './aws-chunked.ts'
import type { Headers } from './headers.ts'
import { checkHash, holdBack } from './passing.ts'

/** A body on its way through. */
export type Payload = {
  /** What the bytes pass, in this order. */
  readonly steps: readonly Transform[]
  /** What the store is told about the body, to be signed. */
  readonly headers: HeaderPairs
}

const emptyHash = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
const wrong = (message: string): never => refuse('malformed', 'gateway/invalid-argument', message)

/** Whether a request has a body at all (RFC 9112 §6). */
export const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0

/**
 * How the body of a request that was verified goes on: with the same hash, without one where none was signed, or taken out
 * of its chunks, each of which is verified as it passes.
 *
 * @throws Failure malformed gateway/…
 */
export function payloadOf(
  request: IncomingMessage,
  { headers, chunks }: { readonly headers: Headers; readonly chunks: ChunkChain | undefined },
): Payload {
  const form = headers.get('x-amz-content-sha256') ?? 'UNSIGNED-PAYLOAD'
  if (form.startsWith('STREAMING-')) {
    // INVARIANT: the length that the store is told is of bytes that come. Else it would wait for them, and take the next
    // request on the connection for them.
    if (!hasBody(request))
      refuse('malformed', 'gateway/incomplete-body', 'The body ended before all of it had come.')
    return chunkedPayload(form, headers, chunks)
  }
  const length = request.headers['content-length']
  if (request.headers['transfer-encoding'] !== undefined)
    return refuse('malformed', 'gateway/length-required', 'You must provide the Content-Length HTTP header.')
  const told: HeaderPairs = [
    ['x-amz-content-sha256', form],
    ...(length === undefined ? [] : [['content-length', length] as const]),
  ]
  if (!hasBody(request)) {
    if (form !== 'UNSIGNED-PAYLOAD' && form !== emptyHash)
      refuse('malformed', 'gateway/hash-mismatch', 'There is no body, and one was signed.')
    return { steps: [], headers: told }
  }
  return { steps: form === 'UNSIGNED-PAYLOAD' ? [] : [checkHash(form), holdBack()], headers: told }
}

const forms: Readonly<Record<string, { readonly isSigned: boolean; readonly hasTrailer: boolean }>> = {
  'STREAMING-AWS4-HMAC-SHA256-PAYLOAD': { isSigned: true, hasTrailer: false },
  'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER': { isSigned: true, hasTrailer: true },
  'STREAMING-UNSIGNED-PAYLOAD-TRAILER': { isSigned: false, hasTrailer: true },
}

function chunkedPayload(form: string, headers: Headers, chunks: ChunkChain | undefined): Payload {
  const { isSigned, hasTrailer } =
    forms[form] ??
    refuse('malformed', 'gateway/not-implemented', `This gateway does not know the payload form ${form}.`)
  if (isSigned && chunks === undefined)
    return refuse('malformed', 'gateway/not-implemented', 'Chunks are verified for SigV4 signatures alone.')
  const decoded = headers.get('x-amz-decoded-content-length') ?? ''
  if (!/^\d{1,15}$/.test(decoded)) wrong('X-Amz-Decoded-Content-Length must be the length of the body.')
  const trailers = (headers.get('x-amz-trailer') ?? '')
    .split(',')
    .map((each) => each.trim().toLowerCase())
    .filter((each) => each !== '')
  if (hasTrailer !== trailers.length > 0 || trailers.some((each) => !/^x-amz-checksum-[a-z0-9]+$/.test(each)))
    wrong('X-Amz-Trailer must name the checksums that follow the body.')
  const reader = readChunks({
    verifier: isSigned && chunks !== undefined ? chunkVerifier(chunks) : undefined,
    trailers,
    decodedBytes: Number(decoded),
  })
  if (!hasTrailer)
    return {
      steps: [reader.stream, holdBack()],
      headers: [
        ['x-amz-content-sha256', 'UNSIGNED-PAYLOAD'],
        ['content-length', decoded],
      ],
    }
  const encoding = headers
    .get('content-encoding')
    ?.split(',')
    .map((each) => each.trim())
    .filter((each) => each !== 'aws-chunked')
  return {
    steps: [reader.stream, holdBack(), writeChunks(reader.trailing)],
    headers: [
      ['x-amz-content-sha256', 'STREAMING-UNSIGNED-PAYLOAD-TRAILER'],
      ['x-amz-decoded-content-length', decoded],
      ['x-amz-trailer', trailers.join(',')],
      ['content-encoding', ['aws-chunked', ...(encoding ?? [])].join(',')],
      ['transfer-encoding', 'chunked'],
    ],
  }
}
