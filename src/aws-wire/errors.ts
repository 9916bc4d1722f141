import type { Failure, FailureKind } from '#kernel'

import type { ServiceModel } from './model.ts'
import { text } from './xml.ts'

/** An error as the Query wire knows it. */
export type AwsError = {
  /** `NoSuchEntity`, `AccessDenied`, … */
  readonly code: string
  readonly status: number
  readonly fault: 'Sender' | 'Receiver'
  readonly message: string
}

/** Errors that stand in front of every operation and in no model. */
const frontDoor = {
  MissingAuthenticationToken: 403,
  IncompleteSignature: 400,
  InvalidClientTokenId: 403,
  SignatureDoesNotMatch: 403,
  ExpiredToken: 403,
  AccessDenied: 403,
  InvalidAction: 400,
  ValidationError: 400,
  InvalidParameterValue: 400,
  RequestEntityTooLarge: 413,
  MalformedQueryString: 400,
  Throttling: 400,
  NoSuchEntity: 404,
  EntityAlreadyExists: 409,
  ServiceUnavailable: 503,
  InternalFailure: 500,
} as const satisfies Readonly<Record<string, number>>

type FrontDoorCode = keyof typeof frontDoor

const codeOfKind: Readonly<Record<FailureKind, FrontDoorCode>> = {
  malformed: 'ValidationError',
  unauthenticated: 'InvalidClientTokenId',
  forbidden: 'AccessDenied',
  'not-found': 'NoSuchEntity',
  conflict: 'EntityAlreadyExists',
  expired: 'ExpiredToken',
  throttled: 'Throttling',
  unavailable: 'ServiceUnavailable',
}

const codeOfReason: Readonly<Record<string, FrontDoorCode>> = {
  'sigv4/incomplete-signature': 'IncompleteSignature',
  'sigv4/malformed-url': 'MalformedQueryString',
  'sigv4/unsigned-header': 'SignatureDoesNotMatch',
  'sigv4/wrong-terminator': 'SignatureDoesNotMatch',
  'sigv4/wrong-service': 'SignatureDoesNotMatch',
  'sigv4/wrong-day': 'SignatureDoesNotMatch',
  'sigv4/expired': 'SignatureDoesNotMatch',
  'sigv4/not-yet-current': 'SignatureDoesNotMatch',
  'sigv4/payload-mismatch': 'SignatureDoesNotMatch',
  'sigv4/unsigned-payload': 'SignatureDoesNotMatch',
  'sigv4/mismatch': 'SignatureDoesNotMatch',
  'sigv4/sigv4a-only': 'SignatureDoesNotMatch',
  'aws-wire/malformed-query': 'MalformedQueryString',
  'aws-wire/validation': 'ValidationError',
  'aws-wire/unknown-action': 'InvalidAction',
}

/**
 * A refusal in the words of the Query wire. `codes` is the calling slice's own table of reason → wire code; what it
 * does not name falls back to the front door's reasons, then to the kind. The status is the model's where it has one.
 */
export function awsErrorOf(
  model: ServiceModel,
  failure: Failure,
  codes: Readonly<Record<string, string>> = {},
): AwsError {
  const code = own(codes, failure.reason) ?? own(codeOfReason, failure.reason) ?? codeOfKind[failure.kind]
  const declared = own(model.errors, code)
  const status = declared?.status ?? own<number>(frontDoor, code)
  if (status === undefined) throw new TypeError(`${code} is no error of ${model.service}`, { cause: failure })
  return {
    code,
    status,
    fault: declared?.fault ?? (status >= 500 ? 'Receiver' : 'Sender'),
    message: failure.message,
  }
}

const own = <Value>(table: Readonly<Record<string, Value>>, name: string): Value | undefined =>
  Object.hasOwn(table, name) ? table[name] : undefined

/** What a bug of ours looks like on this wire; the log has the rest under the request id. */
export const internalFailure: AwsError = {
  code: 'InternalFailure',
  status: 500,
  fault: 'Receiver',
  message: 'The request could not be processed because of an internal error.',
}

/** The error document as XML. */
export const writeErrorXml = (model: ServiceModel, error: AwsError, requestId: string): string =>
  `<ErrorResponse xmlns="${text(model.namespace)}"><Error><Type>${error.fault}</Type><Code>${text(error.code)}</Code>` +
  `<Message>${text(error.message)}</Message></Error><RequestId>${text(requestId)}</RequestId></ErrorResponse>`

/** The error document as JSON, for callers that send `Accept: application/json`. */
export const writeErrorJson = (error: AwsError, requestId: string): string =>
  JSON.stringify({
    Error: { Type: error.fault, Code: error.code, Message: error.message },
    RequestId: requestId,
  })
