import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Database, sql } from '#database'
import { createUser, updateUser } from '#directory'
import { openMemory, putInlinePolicy, recalled } from '#iam'
import { testDatabase } from '../support/database.ts'
import { claim, fixedClock, home } from '../support/fixtures.ts'

const clock = fixedClock()
let database: Database
beforeAll(async () => {
  database = await testDatabase()
  await claim(database, clock)
})
afterAll(() => database.close())

const policy = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"a:B","Resource":"*"}]}'
const change = () => database.transaction((tx) => putInlinePolicy(tx, 'AIDAX', 'p', policy))

/** A look-up that counts how often it was really made. */
const counted = () => {
  let count = 0
  return { find: async () => ++count, count: () => count }
}

describe('what decisions rest on', () => {
  it('is read once, and again after a change, whose number is known', async () => {
    const memory = await openMemory({ database })
    const { find, count } = counted()
    expect([await memory.recall('x', find), await memory.recall('x', find)]).toEqual([1, 1])
    const before = memory.generation()
    await change()
    expect(await memory.recall('x', find)).toBe(2)
    expect(BigInt(memory.generation())).toBeGreaterThan(BigInt(before))
    expect(count()).toBe(2)
    await memory.close()
  })

  it('a change that comes while it is read is not missed', async () => {
    const memory = await openMemory({ database })
    let value = 'old'
    const slow = memory.recall('y', async () => {
      const seen = value
      value = 'new'
      await change()
      return seen
    })
    expect(await slow).toBe('old')
    expect(await memory.recall('y', async () => value)).toBe('new')
    await memory.close()
  })

  it('a change that was rolled back, and one that decides nothing, count for nothing', async () => {
    const memory = await openMemory({ database })
    const user = await createUser(database, clock, { accountId: home, name: 'ulla' })
    const { find, count } = counted()
    await memory.recall('z', find)
    await database
      .transaction(async (tx) => {
        await putInlinePolicy(tx, 'AIDAY', 'p', policy)
        throw new Error('no')
      })
      .catch(() => {})
    await memory.recall('z', find)
    expect(count()).toBe(1)
    await database.transaction((tx) => updateUser(tx, user.userId, { tags: { a: 'b' } }))
    await memory.recall('z', find)
    expect(count()).toBe(2)
    await memory.close()
  })

  it('inside a transaction nothing is remembered', async () => {
    const memory = await openMemory({ database })
    const { find } = counted()
    await memory.recall('t', find)
    const inside = await database.transaction((tx) => recalled({ memory, database: tx }, 't', find))
    expect(inside).toBe(2)
    await memory.close()
  })
})

describe('on PostgreSQL, whose notifications may be lost', () => {
  /** A database that answers looks, but whose notifications never come. */
  const deaf = (): Database & { writes(): number } => ({
    ...database,
    kind: 'postgres',
    listen: async () => async () => {},
    writes: () => 0,
  })

  it('a node that has not looked for a while looks before it decides', async () => {
    const still = fixedClock()
    const memory = await openMemory({ database: deaf(), now: () => still().epochMilliseconds })
    const { find } = counted()
    await memory.recall('a', find)
    await change()
    still.advance({ milliseconds: 249 })
    // Within the bound the old answer may still be given …
    still.advance({ milliseconds: 1 })
    // … past it, it may not.
    expect(await memory.recall('a', find)).toBe(2)
    await memory.close()
  })

  /** The memory of a node that hears what the test tells it, and looks when the test says that it wrote. */
  async function told(answer: Database['query'] = database.query) {
    let notify: (change: string) => void = () => {}
    let writes = 0
    const memory = await openMemory({
      database: {
        ...deaf(),
        listen: async (_channel, heard) => {
          notify = heard
          return async () => {}
        },
        writes: () => writes,
        query: answer,
      },
      now: () => 0,
    })
    return { memory, notify: (change: string) => notify(change), wrote: () => void writes++, ...counted() }
  }

  it('a notification of what a look has told already makes it forget nothing', async () => {
    const { memory, notify, wrote, find, count } = await told()
    const changed = async () => {
      await change()
      const { rows } = await database.query<{ xact: string }>(
        sql`select xact::text as xact from policy_change order by policy_change.xact desc limit 1`,
      )
      return rows[0]?.xact ?? ''
    }
    const seen = await changed()
    wrote()
    await memory.recall('n', find)
    notify(seen)
    await memory.recall('n', find)
    expect(count()).toBe(1)
    // One that no look has told of is followed.
    const unseen = await changed()
    notify(unseen)
    expect(memory.generation()).toBe(unseen)
    await memory.recall('n', find)
    expect(count()).toBe(2)
    await memory.close()
  })

  it('a transaction that was open when the look was made is not taken for seen', async () => {
    // Transactions 100 and 103 go on, 101 and 102 are committed.
    const { memory, notify, find, count } = await told(async () => ({
      rows: [{ snapshot: '100:104:100,103', change: '102' }] as never,
      count: 1,
    }))
    for (const [xact, wanted] of [
      ['99', 1],
      ['101', 1],
      ['100', 2],
      ['103', 3],
      ['104', 4],
    ] as const) {
      await memory.recall('o', find)
      notify(xact)
      await memory.recall('o', find)
      expect(count(), xact).toBe(wanted)
    }
    await memory.close()
  })

  it('a node that wrote itself looks at once', async () => {
    let writes = 0
    const memory = await openMemory({ database: { ...deaf(), writes: () => writes }, now: () => 0 })
    const { find } = counted()
    await memory.recall('b', find)
    await change()
    writes++
    expect(await memory.recall('b', find)).toBe(2)
    await memory.close()
  })

  it('a node that cannot look decides nothing', async () => {
    const still = fixedClock()
    let isCut = false
    const memory = await openMemory({
      database: {
        ...deaf(),
        query: (statement) => (isCut ? Promise.reject(new Error('cut off')) : database.query(statement)),
      },
      now: () => still().epochMilliseconds,
    })
    const { find } = counted()
    await memory.recall('c', find)
    isCut = true
    still.advance({ seconds: 1 })
    await expect(memory.recall('c', find)).rejects.toThrow('cut off')
    await memory.close()
  })
})
