import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { toRow, type AuditEntry } from '#src/audit/event.ts'
import { fixedClock } from '../support/fixtures.ts'

const clock = fixedClock()
/** Any text that can reach an event: quotation marks, control characters and halves of surrogate pairs among them. */
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('"', '\\', '\u0000', '\n', '","x":"', '\ud800'),
)
const maybe = <Value>(each: fc.Arbitrary<Value>) => fc.option(each, { nil: undefined })
/** But for a single backslash: before a member of that name JSON.parse of Node 26 loses one that begins with an escape. */
const name = text.filter((each) => each !== '\\')
const details = fc.dictionary(name, fc.oneof(text, fc.boolean(), fc.integer()), { noNullPrototype: true })

const entries: fc.Arbitrary<AuditEntry> = fc.record(
  {
    source: text,
    name: text,
    by: fc.record(
      { type: text, principalId: maybe(text), arn: maybe(text), accountId: maybe(text), userName: text },
      { requiredKeys: ['type'] },
    ),
    request: maybe(
      fc.record({ id: text, at: fc.constant(clock()), ip: text, userAgent: text, secure: fc.boolean() }),
    ),
    accountId: maybe(text),
    region: maybe(text),
    error: maybe(fc.record({ code: text, message: text })),
    parameters: maybe(details),
    response: maybe(details),
    additional: maybe(details),
    resources: maybe(fc.array(fc.record({ ARN: text, type: text }, { requiredKeys: ['ARN'] }))),
    readOnly: fc.boolean(),
  },
  { requiredKeys: ['source', 'name', 'by'] },
)

const wellFormed = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value), (_, each: unknown) =>
    typeof each === 'string' ? each.toWellFormed() : each,
  )

it('a record is what CloudTrail’s would be, whatever an event is made of', () => {
  fc.assert(
    fc.property(entries, (entry) => {
      const row = toRow(entry, clock())
      const { by, request, error } = entry
      expect(wellFormed(JSON.parse(row.body))).toEqual(
        wellFormed({
          eventVersion: '1.11',
          userIdentity: by,
          eventTime: row.time,
          eventSource: `${entry.source}.signet`,
          eventName: entry.name,
          awsRegion: entry.region ?? 'us-east-1',
          sourceIPAddress: request?.ip ?? 'localhost',
          userAgent: request?.userAgent ?? 'signet',
          errorCode: error?.code,
          errorMessage: error?.message,
          requestParameters: entry.parameters ?? null,
          responseElements: entry.response ?? null,
          additionalEventData: entry.additional,
          requestID: request?.id,
          eventID: row.id,
          readOnly: entry.readOnly ?? false,
          resources: entry.resources,
          eventType: 'AwsApiCall',
          managementEvent: true,
          recipientAccountId: entry.accountId ?? by.accountId,
          eventCategory: 'Management',
        }),
      )
      // The database's text takes neither.
      expect(row.body.isWellFormed() && !row.body.includes('\0')).toBe(true)
    }),
    { numRuns: 500 },
  )
})
