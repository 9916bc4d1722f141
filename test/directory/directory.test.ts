import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createPasswordHasher } from '#crypto'
import { type Database, sql } from '#database'
import {
  addToGroup,
  checkPassword,
  createAccessKey,
  createGroup,
  createUser,
  findAccessKey,
  findUserByName,
  findUserForSignIn,
  groupsOf,
  setAccessKeyStatus,
  setGroupsFrom,
  setPasswordHash,
  updateUser,
} from '#directory'
import { openEpochs } from '#sessions'
import { testDatabase } from '../support/database.ts'
import { claim, fixedClock, home, testVault } from '../support/fixtures.ts'

let database: Database
const clock = fixedClock()
beforeAll(async () => {
  database = await testDatabase()
  await claim(database, clock)
})
afterAll(() => database.close())

const person = (name: string, mail?: string) =>
  createUser(database, clock, { accountId: home, name, mail, mailVerified: mail !== undefined })

describe('a user', () => {
  it('keeps the case of its name and is found in any other', async () => {
    const made = await person('Alice', 'Alice@Acme.test')
    expect(made.userId).toMatch(/^AIDA[A-Z2-7]{17}$/)
    expect(made.arn).toBe('arn:aws:iam::111122223333:user/Alice')
    expect((await findUserByName(database, home, 'aLICE'))?.name).toBe('Alice')
    expect((await findUserForSignIn(database, home, ' alice@acme.TEST '))?.userId).toBe(made.userId)
  })

  it('does not take a name or a verified mail that another has', async () => {
    await expect(person('ALICE')).rejects.toMatchObject({ reason: 'directory/user-exists' })
    await expect(person('alice2', 'ALICE@acme.test')).rejects.toMatchObject({
      reason: 'directory/mail-taken',
    })
  })

  it('is not found by a mail that nobody verified', async () => {
    await createUser(database, clock, { accountId: home, name: 'mallory', mail: 'ceo@acme.test' })
    expect(await findUserForSignIn(database, home, 'ceo@acme.test')).toBeUndefined()
  })

  it('that is disabled, by any statement at all, has its epoch raised on every node', async () => {
    const epochs = await openEpochs({ database })
    const user = await person('leaver')
    await database.query(sql`update users set status = 'disabled' where user_id = ${user.userId}`)
    await expect.poll(() => epochs.of('user', user.userId)).toBe(1)
    await updateUser(database, user.userId, { status: 'active' })
    await database.query(sql`delete from users where user_id = ${user.userId}`)
    await expect.poll(() => epochs.of('user', user.userId)).toBe(2)
    await epochs.close()
  })
})

describe('a password', async () => {
  const hasher = await createPasswordHasher(
    { clock },
    { memoryKib: 8_192, passes: 1, slots: 2, queue: 50, waitMilliseconds: 2_000 },
  )
  const needs = () => ({ database, hasher, clock })
  const check = (identifier: string, password: string) =>
    checkPassword(needs(), { accountId: home, identifier, password })

  it('is the one that was set, in whatever way its letters are composed', async () => {
    const user = await person('pia')
    await setPasswordHash(database, clock, {
      userId: user.userId,
      phc: await hasher.hash('crème brûlée for two'),
    })
    expect((await check('pia', 'crème brûlée for two'.normalize('NFD')))?.userId).toBe(user.userId)
    expect(await check('pia', 'creme brulee for two')).toBeUndefined()
    expect(await check('nobody', 'crème brûlée for two')).toBeUndefined()
    await updateUser(database, user.userId, { status: 'disabled' })
    expect(await check('pia', 'crème brûlée for two')).toBeUndefined()
  })

  it('that changes ends what was issued before, and keeps the old hash as history', async () => {
    const user = await person('paul')
    await setPasswordHash(database, clock, { userId: user.userId, phc: 'first' })
    await setPasswordHash(database, clock, { userId: user.userId, phc: 'second' })
    const { rows } = await database.query<{ history: string; epoch: number }>(
      sql`select history, (select epoch from revocation_epoch where kind = 'user' and id = user_id) as epoch
          from user_password where user_id = ${user.userId}`,
    )
    expect(rows[0]).toEqual({ history: '["first"]', epoch: 1 })
  })
})

describe('an access key', () => {
  it('opens again with its secret, sealed for its row alone', async () => {
    const user = await person('keyed')
    const made = await database.transaction((tx) =>
      createAccessKey(tx, { vault: testVault, clock }, { accountId: home, userId: user.userId }),
    )
    expect(made.accessKeyId).toMatch(/^AKIA[A-Z2-7]{16}$/)
    expect(made.secret.reveal()).toHaveLength(40)
    const found = await findAccessKey(database, testVault, made.accessKeyId)
    expect(found?.secret?.reveal()).toBe(made.secret.reveal())
    await database.query(
      sql`update access_key set access_key_id = 'AKIAAAAAAAAAAAAAAAAA' where access_key_id = ${made.accessKeyId}`,
    )
    await expect(findAccessKey(database, testVault, 'AKIAAAAAAAAAAAAAAAAA')).rejects.toMatchObject({
      reason: 'crypto/unsealable',
    })
  })

  it('is one of two at most, even when many are asked for at once', async () => {
    const user = await person('greedy')
    const tries = await Promise.allSettled(
      Array.from({ length: 6 }, () =>
        database.transaction((tx) =>
          createAccessKey(tx, { vault: testVault, clock }, { accountId: home, userId: user.userId }),
        ),
      ),
    )
    expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(2)
  })

  it('that is switched off has its epoch raised', async () => {
    const user = await person('offkey')
    const { accessKeyId } = await database.transaction((tx) =>
      createAccessKey(tx, { vault: testVault, clock }, { accountId: home, userId: user.userId }),
    )
    await setAccessKeyStatus(database, accessKeyId, 'Inactive')
    const { rows } = await database.query<{ epoch: number }>(
      sql`select epoch from revocation_epoch where kind = 'key' and id = ${accessKeyId}`,
    )
    expect(rows[0]?.epoch).toBe(1)
  })
})

it('groups that a connection gave follow its claims; those given here stay', async () => {
  const user = await person('grouped')
  const [local, first, second] = await Promise.all(
    ['local', 'first', 'second'].map((name) => createGroup(database, clock, { accountId: home, name })),
  )
  if (!local || !first || !second) throw new Error('three groups were made')
  await addToGroup(database, local.groupId, user.userId)
  await setGroupsFrom(database, 'google', user.userId, [first.groupId, second.groupId])
  await setGroupsFrom(database, 'google', user.userId, [second.groupId])
  expect((await groupsOf(database, user.userId)).map(({ name }) => name)).toEqual(['local', 'second'])
})
