import type { RequestInfo } from '#http'
import { recent, timeOrderedId } from '#kernel'
import type { UserIdentity } from './identity.ts'

/** What a slice says about what happened; the rest of the record is filled in. Never a secret, a token or an assertion. */
export type AuditEntry = {
  /** The service in the event's source: `sts` becomes `sts.signet`. */
  readonly source: string
  /** CloudTrail's `eventName`: `AssumeRole`, `ConsoleLogin`, `CreateUser` … */
  readonly name: string
  readonly by: UserIdentity
  /** Absent for what the command line on this machine does. */
  readonly request?: RequestInfo | undefined
  readonly accountId?: string | undefined
  readonly region?: string | undefined
  readonly error?: { readonly code: string; readonly message: string } | undefined
  readonly parameters?: object | undefined
  readonly response?: object | undefined
  readonly additional?: object | undefined
  readonly resources?: readonly { readonly ARN: string; readonly type?: string }[] | undefined
  readonly readOnly?: boolean
}

/** One row of `audit_event`; `time` is RFC 3339, to the millisecond, as the record says it. */
export type EventRow = { id: string; time: string; name: string; actor: string; body: string }

let second = { epochSeconds: NaN, text: '' }

/** RFC 3339 to the millisecond. The text of a second is made once: many events fall into the same one. */
function toMillisecond(now: Temporal.Instant): string {
  const milliseconds = now.epochMilliseconds
  const epochSeconds = Math.floor(milliseconds / 1_000)
  if (epochSeconds !== second.epochSeconds)
    second = { epochSeconds, text: now.toString({ smallestUnit: 'second' }).slice(0, -1) }
  return `${second.text}.${String(milliseconds - epochSeconds * 1_000).padStart(3, '0')}Z`
}

const identities = recent<{ readonly by: UserIdentity; readonly text: string }>(1_000)

/** Half of a record is who acted. Whoever is given as the same object again is the same (`callerIdentity`). */
function identityText(by: UserIdentity): string {
  if (by.accessKeyId === undefined) return JSON.stringify(by)
  const known = identities.get(by.accessKeyId)
  if (known?.by === by) return known.text
  const text = JSON.stringify(by)
  identities.set(by.accessKeyId, { by, text })
  return text
}

/** A text of JSON. What came with a request may hold anything. */
const quoted = (text: string): string => JSON.stringify(text)

/** A member with the comma before it; nothing where there is none. */
const member = (name: string, value: object | undefined): string =>
  value === undefined ? '' : `,"${name}":${JSON.stringify(value)}`

const valueOf = (value: object | undefined): string => (value === undefined ? 'null' : JSON.stringify(value))

/**
 * The record as it is stored and exported: CloudTrail's field names, version 1.11. Written out, since most of it needs no
 * escape: making an object of it first, for `JSON.stringify`, takes three times as long, and every call has its record.
 */
export function toRow(entry: AuditEntry, now: Temporal.Instant): EventRow {
  const id = timeOrderedId(now)
  const time = toMillisecond(now)
  const { by, request, error } = entry
  const accountId = entry.accountId ?? by.accountId
  const body =
    `{"eventVersion":"1.11","userIdentity":${identityText(by)},"eventTime":"${time}"` +
    `,"eventSource":${quoted(`${entry.source}.signet`)},"eventName":${quoted(entry.name)}` +
    `,"awsRegion":${quoted(entry.region ?? 'us-east-1')},"sourceIPAddress":${quoted(request?.ip ?? 'localhost')}` +
    `,"userAgent":${quoted(request?.userAgent ?? 'signet')}` +
    (error === undefined
      ? ''
      : `,"errorCode":${quoted(error.code)},"errorMessage":${quoted(error.message)}`) +
    `,"requestParameters":${valueOf(entry.parameters)},"responseElements":${valueOf(entry.response)}` +
    member('additionalEventData', entry.additional) +
    (request === undefined ? '' : `,"requestID":${quoted(request.id)}`) +
    `,"eventID":"${id}","readOnly":${entry.readOnly ?? false}${member('resources', entry.resources)}` +
    ',"eventType":"AwsApiCall","managementEvent":true' +
    (accountId === undefined ? '' : `,"recipientAccountId":${quoted(accountId)}`) +
    ',"eventCategory":"Management"}'
  return {
    id,
    time,
    name: entry.name,
    actor: by.arn ?? by.principalId ?? by.type,
    // PostgreSQL's text holds no NUL; JSON writes one as an escape, which is fine, and a lone surrogate never is.
    body: body.toWellFormed(),
  }
}
