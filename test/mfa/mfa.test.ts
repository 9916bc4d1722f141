import { generate } from 'otplib'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createAudit, listEvents } from '#audit'
import { type Database, sql } from '#database'
import { createUser, type User } from '#directory'
import { Secret } from '#kernel'
import {
  dropTotp,
  enrolTotp,
  factorsOf,
  newRecoveryCodes,
  newTotpSeed,
  replaceRecoveryCodes,
  showTotp,
  verifyMfaCode,
} from '#mfa'
import { testDatabase } from '../support/database.ts'
import { claim, fixedClock, home, testVault } from '../support/fixtures.ts'

const clock = fixedClock()
let database: Database
beforeAll(async () => {
  database = await testDatabase()
  await claim(database, clock)
})
afterAll(() => database.close())

const needs = () => ({ database, vault: testVault, clock, audit: createAudit({ database, clock }) })
const codeAt = (seed: Secret, shiftSeconds = 0) =>
  generate({ secret: seed.reveal(), epoch: Math.floor(clock().epochMilliseconds / 1000) + shiftSeconds })

let number = 0
let user: User
let seed: Secret
let codes: readonly string[]
beforeEach(async () => {
  user = await createUser(database, clock, { accountId: home, name: `user-${++number}` })
  seed = newTotpSeed()
  codes = newRecoveryCodes()
  const code = await codeAt(seed)
  await database.transaction(async (tx) => {
    await enrolTotp(tx, needs(), { user, seed, code, request: undefined })
    await replaceRecoveryCodes(tx, needs(), { user, codes, request: undefined })
  })
  clock.advance({ minutes: 1 })
})

const verify = (code: string, more: Partial<Parameters<typeof verifyMfaCode>[1]> = {}) =>
  verifyMfaCode(needs(), { userId: user.userId, code, ...more })

describe('an authenticator app', () => {
  it('shows its secret as a QR code without styles and as text', () => {
    const shown = showTotp(new Secret('JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP'), {
      issuer: 'Acme: Signet',
      label: 'alice',
    })
    expect(shown.qrSvg).toMatch(/^<svg/)
    expect(shown.qrSvg).not.toMatch(/style=|<style/)
    expect(shown.secretInGroups).toBe('JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP')
  })

  it('is let in with the code of now and of the step before', async () => {
    await expect(verify(await codeAt(seed, -30))).resolves.toMatchObject({ factor: 'totp' })
    await expect(verify(await codeAt(seed))).resolves.toMatchObject({
      factor: 'totp',
      serialNumber: `arn:aws:iam::${home}:mfa/${user.name}`,
    })
  })

  it('may have its code typed with a space', async () => {
    const code = await codeAt(seed)
    await expect(verify(`${code.slice(0, 3)} ${code.slice(3)}`)).resolves.toMatchObject({ factor: 'totp' })
  })

  it('is named by its serial number on the AWS wire', async () => {
    const code = await codeAt(seed)
    await expect(
      verify(code, { serialNumber: `arn:aws:iam::${home}:mfa/somebody-else` }),
    ).rejects.toMatchObject({ reason: 'mfa/wrong-code' })
    await expect(
      verify(code, { serialNumber: `arn:aws:iam::${home}:mfa/${user.name}` }),
    ).resolves.toMatchObject({ factor: 'totp' })
  })

  it('stands in the database only sealed', async () => {
    const { rows } = await database.query<{ seed_sealed: Buffer }>(
      sql`select seed_sealed from totp_device where user_id = ${user.userId}`,
    )
    expect(rows[0]?.seed_sealed.includes(Buffer.from(seed.reveal()))).toBe(false)
  })

  it('leaves an event when it is added and when it goes', async () => {
    const { totp } = await factorsOf(database, user.userId)
    await database.transaction((tx) =>
      dropTotp(tx, needs(), { user, deviceId: totp[0]?.deviceId ?? '', request: undefined }),
    )
    const events = await listEvents(database, { actor: user.arn })
    // The clock stands still here, so that the order of the three says nothing.
    const names = events.map(({ body }) => (JSON.parse(body) as { eventName: string }).eventName)
    expect(names.toSorted()).toEqual(['CreateRecoveryCodes', 'DeactivateMFADevice', 'EnableMFADevice'])
    expect(events.some(({ body }) => body.includes(seed.reveal()))).toBe(false)
    expect(await factorsOf(database, user.userId)).toEqual({ totp: [], recoveryCodesLeft: 0 })
  })
})

describe('refuses', () => {
  const wrong = { reason: 'mfa/wrong-code', kind: 'forbidden' }

  it('a code that was used, also by many at once', async () => {
    const code = await codeAt(seed)
    const answers = await Promise.allSettled(Array.from({ length: 5 }, () => verify(code)))
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })

  it('an older code after a newer one', async () => {
    await verify(await codeAt(seed))
    await expect(verify(await codeAt(seed, -30))).rejects.toMatchObject(wrong)
  })

  it('a code of the future and one that is two steps old', async () => {
    await expect(verify(await codeAt(seed, 30))).rejects.toMatchObject(wrong)
    await expect(verify(await codeAt(seed, -60))).rejects.toMatchObject(wrong)
  })

  it.each(['', '12345', '1234567', 'abcdef', '١٢٣٤٥٦', '12345\u0000', '-12345', '1e5000'])(
    'what is no code: %j',
    async (code) => {
      await expect(verify(code)).rejects.toMatchObject(wrong)
    },
  )

  it('another user’s code', async () => {
    const other = await createUser(database, clock, { accountId: home, name: `other-${number}` })
    await expect(
      verifyMfaCode(needs(), { userId: other.userId, code: await codeAt(seed) }),
    ).rejects.toMatchObject(wrong)
    await expect(
      verifyMfaCode(needs(), { userId: other.userId, code: codes[0] ?? '' }),
    ).rejects.toMatchObject(wrong)
  })

  it('enrolment without the code of the new secret', async () => {
    await expect(
      database.transaction((tx) =>
        enrolTotp(tx, needs(), { user, seed: newTotpSeed(), code: '000000', request: undefined }),
      ),
    ).rejects.toMatchObject(wrong)
  })

  it('the sixth try within 15 minutes even when it is right, whichever factor the others were', async () => {
    for (const code of ['000000', 'A'.repeat(24), '111111', 'B'.repeat(24), '222222'])
      await expect(verify(code)).rejects.toMatchObject(wrong)
    const tooMany = { reason: 'mfa/too-many-tries', kind: 'throttled' }
    await expect(verify(await codeAt(seed))).rejects.toMatchObject(tooMany)
    await expect(verify(codes[0] ?? '')).rejects.toMatchObject(tooMany)
    clock.advance({ minutes: 15 })
    await expect(verify(await codeAt(seed))).resolves.toMatchObject({ factor: 'totp' })
  })

  it('a burst of wrong guesses beyond the budget', async () => {
    const answers = await Promise.allSettled(
      Array.from({ length: 20 }, (_, index) => verify(String(100_000 + index))),
    )
    const reasons = answers.map((answer) =>
      answer.status === 'rejected' ? (answer.reason as { reason: string }).reason : 'let in',
    )
    expect(reasons.filter((reason) => reason === 'mfa/too-many-tries')).toHaveLength(15)
  })
})

describe('a recovery code', () => {
  it('works once, with or without its dashes and in small letters', async () => {
    expect(codes).toHaveLength(10)
    const [first = '', second = ''] = codes
    await expect(verify(first)).resolves.toMatchObject({ factor: 'recovery-code' })
    await expect(verify(first)).rejects.toMatchObject({ reason: 'mfa/wrong-code' })
    await expect(verify(second.toLowerCase().replaceAll('-', ' '))).resolves.toMatchObject({
      factor: 'recovery-code',
    })
    expect((await factorsOf(database, user.userId)).recoveryCodesLeft).toBe(8)
  })

  it('lets exactly one of many at once in', async () => {
    const answers = await Promise.allSettled(Array.from({ length: 5 }, () => verify(codes[0] ?? '')))
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })

  it('is void once there is a new set', async () => {
    await database.transaction((tx) =>
      replaceRecoveryCodes(tx, needs(), { user, codes: newRecoveryCodes(), request: undefined }),
    )
    await expect(verify(codes[0] ?? '')).rejects.toMatchObject({ reason: 'mfa/wrong-code' })
  })

  it('is of one set, when several are made at once', async () => {
    const sets = Array.from({ length: 4 }, newRecoveryCodes)
    await Promise.all(
      sets.map((each) =>
        database.transaction((tx) =>
          replaceRecoveryCodes(tx, needs(), { user, codes: each, request: undefined }),
        ),
      ),
    )
    expect((await factorsOf(database, user.userId)).recoveryCodesLeft).toBe(10)
  })

  it('is nothing that the AWS wire takes', async () => {
    await expect(verify(codes[0] ?? '', { accept: 'totp' })).rejects.toMatchObject({
      reason: 'mfa/wrong-code',
    })
  })

  it('stands in the database only as its hash', async () => {
    const { rows } = await database.query<{ code_hash: Buffer }>(
      sql`select code_hash from recovery_code where user_id = ${user.userId}`,
    )
    expect(rows).toHaveLength(10)
    expect(rows.every(({ code_hash }) => code_hash.length === 32)).toBe(true)
  })
})
