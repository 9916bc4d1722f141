import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { coalesce, type Database, join, sql, violatedUnique } from '#database'
import { endOfTurn, Secret } from '#kernel'
import { testDatabase } from '../support/database.ts'

let database: Database
beforeAll(async () => {
  database = await testDatabase()
  await database.query(
    sql`create table thing (name text primary key, size bigint, at timestamptz, body bytea)`,
  )
})
afterAll(() => database.close())

describe('a value', () => {
  it('comes back as it went in, whatever the driver', async () => {
    const at = Temporal.Instant.from('2026-11-22T10:20:30.123456Z')
    await database.query(
      sql`insert into thing (name, size, at, body) values (${'a'}, ${7_000_000_000}, ${at}, ${Buffer.from([0, 255])})`,
    )
    const { rows } = await database.query<{ size: number; at: Temporal.Instant; body: Buffer }>(
      sql`select size, at, body from thing where name = any(${['a', 'b']})`,
    )
    expect(rows).toHaveLength(1)
    expect(rows[0]?.size).toBe(7_000_000_000)
    expect(rows[0]?.at.equals(at)).toBe(true)
    expect(Buffer.isBuffer(rows[0]?.body)).toBe(true)
    expect(rows[0]?.body).toEqual(Buffer.from([0, 255]))
  })

  it('is never taken as text of the statement', async () => {
    const hostile = `'; drop table thing; --`
    const { rows } = await database.query<{ echo: string }>(sql`select ${hostile}::text as echo`)
    expect(rows[0]?.echo).toBe(hostile)
  })

  it('that is a secret is refused', async () => {
    await expect(async () => database.query(sql`select ${new Secret('x')}::text`)).rejects.toThrow(/secret/)
  })

  it('nests as a fragment with the placeholders counted on', async () => {
    const names = ['p', 'q'].map((name) => sql`(${name}, ${1})`)
    const { count } = await database.query(sql`insert into thing (name, size) values ${join(names)}`)
    expect(count).toBe(2)
    const { count: changed } = await database.query(sql`update thing set size = ${2} where name = ${'p'}`)
    expect(changed).toBe(1)
    const { count: none } = await database.query(sql`update thing set size = ${2} where name = ${'nobody'}`)
    expect(none).toBe(0)
  })
})

describe('a transaction', () => {
  it('is undone as a whole when the work throws', async () => {
    await expect(
      database.transaction(async (tx) => {
        await tx.query(sql`insert into thing (name) values (${'ghost'})`)
        throw new Error('stop')
      }),
    ).rejects.toThrow('stop')
    expect((await database.query(sql`select name from thing where name = ${'ghost'}`)).count).toBe(0)
  })

  it('refuses a query that goes past its handle, instead of waiting for itself forever', async () => {
    await expect(database.transaction(() => database.query(sql`select 1`))).rejects.toThrow(
      /inside a transaction/,
    )
  })

  it('lets one of many win a conditional update', async () => {
    await database.query(sql`insert into thing (name, size) values (${'once'}, ${0})`)
    const tries = await Promise.all(
      Array.from({ length: 32 }, () =>
        database.query(sql`update thing set size = 1 where name = ${'once'} and size = 0 returning name`),
      ),
    )
    expect(tries.filter(({ rows }) => rows.length === 1)).toHaveLength(1)
  })
})

it('a duplicate names the constraint it would break', async () => {
  const twice = Promise.all(
    [1, 2].map(() => database.query(sql`insert into thing (name) values (${'twin'})`)),
  )
  const thrown: unknown = await twice.then(
    () => undefined,
    (error: unknown) => error,
  )
  expect(violatedUnique(thrown)).toBe('thing_pkey')
})

it('a committed notification is heard, a rolled back one is not', async () => {
  const heard: string[] = []
  const stop = await database.listen('news', (payload) => heard.push(payload))
  await database
    .transaction(async (tx) => {
      await tx.query(sql`select pg_notify('news', 'undone')`)
      throw new Error('undo')
    })
    .catch(() => {})
  await database.query(sql`select pg_notify('news', 'done')`)
  await expect.poll(() => heard).toEqual(['done'])
  await stop()
})

it('what is notified through this handle is heard before the answer, where that was asked for', async () => {
  const heard: string[] = []
  // Connections that were there before listen as well as those that come later.
  await Promise.all(Array.from({ length: 4 }, () => database.transaction((tx) => tx.query(sql`select 1`))))
  const stop = await database.listen('own', (payload) => heard.push(payload), { ownAtOnce: true })
  const tell = (payload: string) => sql`select pg_notify('own', ${payload})`
  for (let turn = 0; turn < 20; turn++) {
    await Promise.all(
      [0, 1, 2].map(async (each) => {
        await database.transaction((tx) => tx.query(tell(`in ${turn} ${each}`)))
        expect(heard).toContain(`in ${turn} ${each}`)
      }),
    )
    await database.query(tell(`single ${turn}`))
    expect(heard).toContain(`single ${turn}`)
  }
  await database
    .transaction(async (tx) => {
      await tx.query(tell('undone'))
      throw new Error('undo')
    })
    .catch(() => {})
  expect(heard).not.toContain('undone')
  await stop()
  await database.query(tell('late'))
  expect(heard).not.toContain('late')
})

it('writes that come together share statements, and each waits for its own commit', async () => {
  const batches: number[] = []
  const write = coalesce<string>(async (items) => {
    batches.push(items.length)
    await database.query(sql`insert into thing (name) values ${join(items.map((name) => sql`(${name})`))}`)
  })
  await Promise.all(Array.from({ length: 60 }, (_, index) => write(`many-${index}`)))
  const { rows } = await database.query<{ n: number }>(
    sql`select count(*) as n from thing where name like 'many-%'`,
  )
  expect(Number(rows[0]?.n)).toBe(60)
  expect(batches.length).toBeLessThan(10)
})

it('what others who waited for the turn write a few steps later is in the same write', async () => {
  const batches: string[][] = []
  const write = coalesce<string>(async (items) => {
    batches.push([...items])
    await Promise.resolve()
  })
  const later = async (): Promise<void> => {
    await endOfTurn()
    for (let steps = 0; steps < 5; steps++) await Promise.resolve()
    await write('later')
  }
  await Promise.all([later(), write('at once')])
  expect(batches).toEqual([['at once', 'later']])
})
