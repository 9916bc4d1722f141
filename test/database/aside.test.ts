import { afterAll, beforeAll, expect, it } from 'vitest'
import { createAudit, nobody } from '#audit'
import { aside, type Database, sql } from '#database'
import { testDatabase } from '../support/database.ts'
import { fixedClock } from '../support/fixtures.ts'

let database: Database
beforeAll(async () => {
  database = await testDatabase()
  await database.query(sql`create table line (text text not null)`)
})
afterAll(() => database.close())

const write = sql`insert into line (text) values (${'a'})`
const lines = async () =>
  (await database.query<{ count: number }>(sql`select count(*) as count from line`)).rows

it('a write that is set aside is a write, and makes nobody look again', async () => {
  const before = database.writes()
  await database.query(aside(write))
  expect(await lines()).toEqual([{ count: 1 }])
  expect(database.writes()).toBe(before)
})

it('any other write makes whoever remembers something look again', async () => {
  const before = database.writes()
  await database.query(write)
  expect(database.writes()).toBe(database.kind === 'postgres' ? before + 1 : 0)
})

it('the audit log is written aside', async () => {
  const audit = createAudit({ database, clock: fixedClock() })
  const before = database.writes()
  await audit.recordSoon({ source: 'sts', name: 'AssumeRole', by: nobody })
  await audit.note({ source: 'sts', name: 'GetCallerIdentity', by: nobody })
  await audit.flush()
  expect(database.writes()).toBe(before)
})
