import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { createAudit, listEvents, nobody, roleSessionIdentity, systemIdentity } from '#audit'
import { type Database, sql } from '#database'
import { testDatabase } from '../support/database.ts'
import { fixedClock } from '../support/fixtures.ts'
import { patiently } from '../support/patience.ts'

let database: Database
const clock = fixedClock()
beforeAll(async () => {
  database = await testDatabase()
})
afterAll(() => database.close())

it('an event and its change are one: undone together', async () => {
  const audit = createAudit({ database, clock })
  await database
    .transaction(async (tx) => {
      await audit.record(tx, { source: 'iam', name: 'CreateUser', by: systemIdentity('test') })
      throw new Error('undo')
    })
    .catch(() => {})
  expect(await listEvents(database, { name: 'CreateUser' })).toEqual([])
})

it('many at once are all written, in the order of time, in CloudTrail’s words', async () => {
  const audit = createAudit({ database, clock })
  await Promise.all(
    Array.from({ length: 75 }, (_, index) =>
      audit.recordSoon({
        source: 'sts',
        name: 'AssumeRole',
        by: nobody,
        error: { code: 'AccessDenied', message: `${index}` },
      }),
    ),
  )
  const events = await listEvents(database, { name: 'AssumeRole' })
  expect(events).toHaveLength(75)
  const event = JSON.parse(events[0]?.body ?? '') as Record<string, unknown>
  expect(event).toMatchObject({
    eventVersion: '1.11',
    eventSource: 'sts.signet',
    eventName: 'AssumeRole',
    errorCode: 'AccessDenied',
  })
  const page = await listEvents(database, { name: 'AssumeRole', after: events[70]?.id })
  expect(page.map(({ id }) => id)).toEqual(events.slice(71).map(({ id }) => id))
  expect((await database.query(sql`select event_id from audit_event`)).count).toBe(75)
})

it('a control character in what a stranger sent neither splits a record nor loses one', async () => {
  const audit = createAudit({ database, clock })
  const names = ['plain', 'a record separator \u001e in the middle', 'quotes " and \\ and {braces}']
  await Promise.all(
    names.map((parameter) =>
      audit.recordSoon({ source: 'test', name: 'Separated', by: nobody, parameters: { parameter } }),
    ),
  )
  const bodies = (await listEvents(database, { name: 'Separated' })).map(
    ({ body }) => JSON.parse(body) as { requestParameters: { parameter: string } },
  )
  expect(bodies.map(({ requestParameters }) => requestParameters.parameter).toSorted()).toEqual(
    names.toSorted(),
  )
})

it('an event’s id is a UUIDv7 of its time', async () => {
  const audit = createAudit({ database, clock })
  await audit.recordSoon({ source: 'test', name: 'Numbered', by: nobody })
  const { eventID, eventTime } = JSON.parse(
    (await listEvents(database, { name: 'Numbered' }))[0]?.body ?? '',
  ) as {
    eventID: string
    eventTime: string
  }
  expect(eventID).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  expect(parseInt(eventID.replace('-', '').slice(0, 12), 16)).toBe(clock().epochMilliseconds)
  expect(eventTime).toBe(clock().toString({ smallestUnit: 'millisecond' }))
})

it('noted events whose write broke off are in the log once, whether it was done or not', async () => {
  let tries = 0
  const audit = createAudit({
    database: {
      ...database,
      query: async (statement) => {
        const mode = ++tries
        if (mode === 1) throw new Error('nothing was written')
        const rows = await database.query(statement)
        if (mode === 2) throw new Error('all was written, and the answer was lost')
        return rows
      },
    } as Database,
    clock,
    complain: () => {},
  })
  for (let number = 0; number < 3; number++)
    void audit.note({ source: 'test', name: 'BrokenOff', by: nobody, parameters: { number } })
  await vi.waitFor(async () => {
    expect(tries).toBe(3)
    await audit.flush()
  }, patiently)
  expect(await listEvents(database, { name: 'BrokenOff' })).toHaveLength(3)
})

it('a session’s date is in its events to the second', async () => {
  const issuedAt = Temporal.Instant.from('2026-02-03T04:05:06.789Z')
  const role = { roleId: 'AROA', arn: 'arn:aws:iam::1:role/A', name: 'A' }
  const session = { principalId: 'AROA:s', arn: 'arn:s', accountId: '1', role, mfaAuthenticated: false }
  const dateOf = (at: Temporal.Instant) =>
    roleSessionIdentity({ ...session, issuedAt: at }).sessionContext as {
      attributes: { creationDate: string }
    }
  for (const [later, said] of [
    [0, '2026-02-03T04:05:06Z'],
    [0, '2026-02-03T04:05:06Z'],
    [300, '2026-02-03T04:05:07Z'],
  ] as const)
    expect(dateOf(issuedAt.add({ milliseconds: later })).attributes.creationDate).toBe(said)
})

it('names and actors are stored as they are, whatever characters they have', async () => {
  const audit = createAudit({ database, clock })
  const names = ['quote " and backslash \\', '{braces}, commas', 'NULL', '', '\\"', 'line\nend', 'ünï 😀']
  await Promise.all(
    names.map((name) =>
      audit.recordSoon({ source: 'odd', name, by: { type: 'Odd', arn: `arn of ${name}` } }),
    ),
  )
  for (const name of names) {
    const [event, ...more] = await listEvents(database, { name })
    expect(more).toEqual([])
    const { rows } = await database.query(sql`select actor from audit_event where event_name = ${name}`)
    expect(rows).toEqual([{ actor: `arn of ${name}` }])
    expect(JSON.parse(event?.body ?? '')).toMatchObject({
      eventName: name,
      userIdentity: { type: 'Odd', arn: `arn of ${name}` },
    })
  }
})

it('an access key that acts for another identity than before is told by the new one', async () => {
  const audit = createAudit({ database, clock })
  for (const arn of ['arn:before', 'arn:after'])
    await audit.recordSoon({
      source: 'test',
      name: 'Renamed',
      by: { type: 'IAMUser', arn, accessKeyId: 'AKIA1' },
    })
  const events = await listEvents(database, { name: 'Renamed' })
  const told = events.map(
    ({ body }) => (JSON.parse(body) as { userIdentity: { arn: string } }).userIdentity.arn,
  )
  expect(told.toSorted()).toEqual(['arn:after', 'arn:before'])
})
