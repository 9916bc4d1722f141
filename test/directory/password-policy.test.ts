import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createPasswordHasher } from '#crypto'
import { type Database } from '#database'
import {
  createUser,
  findPasswordPolicy,
  hasExpired,
  passwordOf,
  type PasswordPolicy,
  policyFaultOf,
  putPasswordPolicy,
  removePassword,
  removePasswordPolicy,
  setPasswordHash,
  wasUsedBefore,
} from '#directory'
import { openEpochs } from '#sessions'
import { testDatabase } from '../support/database.ts'
import { claim, fixedClock, home } from '../support/fixtures.ts'

const clock = fixedClock()
let database: Database
beforeAll(async () => {
  database = await testDatabase()
  await claim(database, clock)
})
afterAll(() => database.close())

const loose: PasswordPolicy = {
  minimumLength: 6,
  requireSymbols: false,
  requireNumbers: false,
  requireUppercase: false,
  requireLowercase: false,
  allowUsersToChange: true,
  maxAgeDays: undefined,
  reusePrevention: undefined,
  hardExpiry: false,
}

describe('an account’s password policy', () => {
  it('is there as it was put, as a whole, until it is removed', async () => {
    expect(await findPasswordPolicy(database, home)).toBeUndefined()
    await putPasswordPolicy(database, home, { ...loose, maxAgeDays: 90, reusePrevention: 24 })
    await putPasswordPolicy(database, home, { ...loose, minimumLength: 10, hardExpiry: true })
    expect(await findPasswordPolicy(database, home)).toEqual({
      ...loose,
      minimumLength: 10,
      hardExpiry: true,
    })
    expect(await removePasswordPolicy(database, home)).toBe(true)
    expect(await removePasswordPolicy(database, home)).toBe(false)
  })

  it.each([
    ['six characters, not bytes', { minimumLength: 6 }, 'äöüäö', { why: 'too-short', minimum: 6 }],
    ['six characters, not bytes', { minimumLength: 6 }, 'äöüäöü', undefined],
    ['a capital', { requireUppercase: true }, 'abcdef', { why: 'lacks', what: 'uppercase' }],
    ['a small letter', { requireLowercase: true }, 'ABCDEF', { why: 'lacks', what: 'lowercase' }],
    ['a digit', { requireNumbers: true }, 'abcdef', { why: 'lacks', what: 'number' }],
    ['a symbol of AWS’s list', { requireSymbols: true }, 'abc;def', { why: 'lacks', what: 'symbol' }],
    ['a symbol of AWS’s list', { requireSymbols: true }, "abc'def", undefined],
    [
      'all of them',
      { requireSymbols: true, requireNumbers: true, requireUppercase: true, requireLowercase: true },
      'aB3]ef',
      undefined,
    ],
  ])('asks for %s', (_title, more, password, fault) => {
    expect(policyFaultOf({ ...loose, ...more }, password)).toEqual(fault)
  })

  it('makes a password old after its days', () => {
    const setAt = clock()
    const policy = { ...loose, maxAgeDays: 90 }
    expect(hasExpired(policy, setAt, setAt.add({ hours: 24 * 90 - 1 }))).toBe(false)
    expect(hasExpired(policy, setAt, setAt.add({ hours: 24 * 90 }))).toBe(true)
    expect(hasExpired(loose, setAt, setAt.add({ hours: 24 * 9_000 }))).toBe(false)
  })
})

describe('a login profile', async () => {
  const hasher = await createPasswordHasher(
    { clock },
    { memoryKib: 8_192, passes: 1, slots: 2, queue: 50, waitMilliseconds: 2_000 },
  )

  it('remembers as many former passwords as are asked about', async () => {
    const { userId } = await createUser(database, clock, { accountId: home, name: 'remembering' })
    const first = clock()
    for (const password of ['one', 'two', 'three']) {
      await setPasswordHash(database, clock, { userId, phc: await hasher.hash(password) })
      clock.advance({ hours: 1 })
    }
    const used = (password: string, former: number) =>
      wasUsedBefore({ database, hasher }, { userId, password, former })
    expect(await used('three', 0)).toBe(true)
    expect(await used('two', 0)).toBe(false)
    expect(await used('two', 1)).toBe(true)
    expect(await used('one', 1)).toBe(false)
    expect(await used('one', 2)).toBe(true)
    expect(await passwordOf(database, userId)).toEqual({
      createdAt: first,
      setAt: first.add({ hours: 2 }),
      mustChange: false,
    })
  })

  it('that is taken away ends what was signed in', async () => {
    const epochs = await openEpochs({ database })
    const { userId } = await createUser(database, clock, { accountId: home, name: 'removed' })
    await setPasswordHash(database, clock, { userId, phc: 'x' })
    expect(await removePassword(database, userId)).toBe(true)
    expect(await removePassword(database, userId)).toBe(false)
    await expect.poll(() => epochs.of('user', userId)).toBe(1)
    await epochs.close()
  })
})
