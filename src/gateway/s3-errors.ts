import type { Context, Wire } from '#http'
import { requestInfo } from '#http'
import type { Failure, FailureKind } from '#kernel'
import { xmlText } from './delete-objects.ts'

/** Status and code of S3's own errors (S3 API Reference, "Error responses"), by our reasons. */
const byReason: Readonly<Record<string, readonly [number, string]>> = {
  'sigv4/mismatch': [403, 'SignatureDoesNotMatch'],
  'sigv4/expired': [403, 'RequestTimeTooSkewed'],
  'sigv4/not-yet-current': [403, 'RequestTimeTooSkewed'],
  'sigv4/incomplete-signature': [400, 'AuthorizationHeaderMalformed'],
  'sigv4/wrong-service': [400, 'AuthorizationHeaderMalformed'],
  'sigv4/wrong-terminator': [400, 'AuthorizationHeaderMalformed'],
  'sigv4/wrong-day': [400, 'AuthorizationHeaderMalformed'],
  'sigv4/malformed-url': [400, 'InvalidURI'],
  'sigv4/payload-mismatch': [400, 'XAmzContentSHA256Mismatch'],
  'sts/session-expired': [400, 'ExpiredToken'],
  'gateway/access-key': [403, 'InvalidAccessKeyId'],
  'gateway/token': [400, 'InvalidToken'],
  'gateway/hash-mismatch': [400, 'XAmzContentSHA256Mismatch'],
  'gateway/incomplete-body': [400, 'IncompleteBody'],
  'gateway/invalid-argument': [400, 'InvalidArgument'],
  'gateway/invalid-bucket': [400, 'InvalidBucketName'],
  'gateway/invalid-uri': [400, 'InvalidURI'],
  'gateway/key-too-long': [400, 'KeyTooLongError'],
  'gateway/length-required': [411, 'MissingContentLength'],
  'gateway/malformed-xml': [400, 'MalformedXML'],
  // S3 says 501 here; clients would try again for minutes what will never work.
  'gateway/not-implemented': [400, 'NotImplemented'],
  'gateway/too-large': [400, 'EntityTooLarge'],
  'http/too-large': [400, 'MaxMessageLengthExceeded'],
}

const byKind: Readonly<Record<FailureKind, readonly [number, string]>> = {
  malformed: [400, 'InvalidRequest'],
  unauthenticated: [403, 'AccessDenied'],
  forbidden: [403, 'AccessDenied'],
  'not-found': [404, 'NoSuchKey'],
  conflict: [409, 'OperationAborted'],
  expired: [400, 'ExpiredToken'],
  throttled: [503, 'SlowDown'],
  unavailable: [503, 'ServiceUnavailable'],
}

/** Refusals in S3's XML. */
export const s3Wire: Wire = {
  refuse(ctx, failure) {
    const [status, code] = s3ErrorOf(failure)
    write(ctx, status, code, failure.message)
  },
  crash(ctx) {
    write(ctx, 500, 'InternalError', 'We encountered an internal error. Please try again.')
  },
}

/** Status and code of a refusal. */
export const s3ErrorOf = ({ reason, kind }: Failure): readonly [status: number, code: string] =>
  byReason[reason] ?? byKind[kind]

function write(ctx: Context, status: number, code: string, message: string): void {
  const { id } = requestInfo(ctx)
  closeUnlessRead(ctx)
  writeXml(
    ctx,
    status,
    Buffer.from(
      `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${xmlText(message)}</Message><Resource>${xmlText(ctx.path)}</Resource><RequestId>${id}</RequestId></Error>`,
    ),
  )
}

/** Answers with a document of ours. */
export function writeXml(ctx: Context, status: number, document: Buffer): void {
  ctx.status = status
  ctx.set('Content-Type', 'application/xml')
  ctx.set('x-amz-request-id', requestInfo(ctx).id)
  ctx.body = document
}

/** So much of a body that was refused is read and thrown away, so that the client hears the answer. */
const thrownAwayBytes = 16_777_216

/** Does not wait for a large body that nobody wants. */
export function closeUnlessRead(ctx: Context): void {
  const { complete, headers } = ctx.req
  const isShort = Number(headers['content-length'] ?? Infinity) <= thrownAwayBytes
  const hasNone = headers['content-length'] === undefined && headers['transfer-encoding'] === undefined
  if (!complete && !isShort && !hasNone) ctx.set('Connection', 'close')
}
