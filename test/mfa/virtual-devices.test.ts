import { inflateSync } from 'node:zlib'
import { generate } from 'otplib'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Database } from '#database'
import { createUser, type User } from '#directory'
import type { Secret } from '#kernel'
import {
  createVirtualDevice,
  deleteVirtualDevice,
  enableVirtualDevice,
  factorsOf,
  findVirtualDevice,
  listVirtualDevices,
  releaseVirtualDevice,
  resyncVirtualDevice,
  verifyMfaCode,
  type VirtualDevice,
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

const needs = () => ({ database, vault: testVault, clock })
let number = 0
let user: User
let device: VirtualDevice
let seed: Secret
beforeEach(async () => {
  clock.advance({ hours: 1 })
  user = await createUser(database, clock, { accountId: home, name: `person-${++number}` })
  ;({ device, seed } = await createVirtualDevice(database, needs(), {
    accountId: home,
    name: `Phone-${number}`,
    path: '/x/',
    issuer: 'Acme',
  }))
})

const codeAt = (seconds: number) =>
  generate({ secret: seed.reveal(), epoch: Math.floor(clock().epochMilliseconds / 1000) + seconds })
const pairAt = async (seconds: number) => [await codeAt(seconds - 30), await codeAt(seconds)] as const
const enable = async (seconds = 0) =>
  enableVirtualDevice(database, needs(), {
    deviceId: device.deviceId,
    userId: user.userId,
    codes: await pairAt(seconds),
  })
const verify = (code: string) =>
  verifyMfaCode(needs(), { userId: user.userId, serialNumber: device.serialNumber, code })

describe('a virtual device', () => {
  it('is found by its ARN, and is nobody’s until two codes in a row prove it', async () => {
    expect(device.serialNumber).toBe(`arn:aws:iam::111122223333:mfa/x/Phone-${number}`)
    expect((await findVirtualDevice(database, device.serialNumber))?.enabled).toBeUndefined()
    expect((await factorsOf(database, user.userId)).totp).toEqual([])
    await enable()
    expect((await factorsOf(database, user.userId)).totp.map((each) => each.serialNumber)).toEqual([
      device.serialNumber,
    ])
    const unassigned = await listVirtualDevices(database, { accountId: home, assigned: false })
    expect(unassigned.map(({ deviceId }) => deviceId)).not.toContain(device.deviceId)
  })

  it('lets no code be used twice: neither of those that enabled it, nor a later one', async () => {
    await enable()
    await expect(verify(await codeAt(0))).rejects.toMatchObject({ reason: 'mfa/wrong-code' })
    await expect(verify(await codeAt(-30))).rejects.toMatchObject({ reason: 'mfa/wrong-code' })
    clock.advance({ seconds: 30 })
    const code = await codeAt(0)
    expect((await verify(code)).factor).toBe('totp')
    await expect(verify(code)).rejects.toMatchObject({ reason: 'mfa/wrong-code' })
  })

  it.each([
    ['the same code twice', async () => [await codeAt(0), await codeAt(0)] as const],
    ['codes in the wrong order', async () => [await codeAt(0), await codeAt(-30)] as const],
    ['codes with one left out', async () => [await codeAt(-60), await codeAt(0)] as const],
    ['codes of half an hour ago', () => pairAt(-1_800)],
    ['something that is no code', async () => ['123', 'abcdef'] as const],
  ])('is not enabled by %s', async (_title, codes) => {
    await expect(
      enableVirtualDevice(database, needs(), {
        deviceId: device.deviceId,
        userId: user.userId,
        codes: await codes(),
      }),
    ).rejects.toMatchObject({ reason: 'mfa/wrong-code' })
  })

  it('is taken by one user, of many who try at once', async () => {
    const other = await createUser(database, clock, { accountId: home, name: `other-${number}` })
    const codes = await pairAt(0)
    const tries = await Promise.allSettled(
      [user, other].map(({ userId }) =>
        enableVirtualDevice(database, needs(), { deviceId: device.deviceId, userId, codes }),
      ),
    )
    expect(tries.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
  })

  it('whose clock went astray works again after it was resynchronised', async () => {
    await enable()
    clock.advance({ minutes: 10 })
    await expect(verify(await codeAt(240))).rejects.toMatchObject({ reason: 'mfa/wrong-code' })
    const codes = await pairAt(240)
    const resync = () =>
      resyncVirtualDevice(database, needs(), { deviceId: device.deviceId, userId: user.userId, codes })
    await resync()
    await expect(resync()).rejects.toMatchObject({ reason: 'mfa/wrong-code' })
    clock.advance({ seconds: 30 })
    expect((await verify(await codeAt(240))).factor).toBe('totp')
    clock.advance({ seconds: 60 })
    await expect(verify(await codeAt(0))).rejects.toMatchObject({ reason: 'mfa/wrong-code' })
  })

  it('is deleted when nobody has it any more', async () => {
    await enable()
    await expect(deleteVirtualDevice(database, device.deviceId)).rejects.toMatchObject({
      reason: 'mfa/device-enabled',
    })
    expect(await releaseVirtualDevice(database, { deviceId: device.deviceId, userId: 'AIDAX' })).toBe(false)
    expect(await releaseVirtualDevice(database, { deviceId: device.deviceId, userId: user.userId })).toBe(
      true,
    )
    expect((await factorsOf(database, user.userId)).totp).toEqual([])
    await deleteVirtualDevice(database, device.deviceId)
    expect(await findVirtualDevice(database, device.serialNumber)).toBeUndefined()
  })

  it('has a name that no other has in any case', async () => {
    await expect(
      createVirtualDevice(database, needs(), {
        accountId: home,
        name: device.name.toUpperCase(),
        issuer: 'x',
      }),
    ).rejects.toMatchObject({ reason: 'mfa/device-exists' })
  })
})

describe('the picture of a seed', () => {
  it('is a PNG with a quiet zone, black on white', async () => {
    const { qrPng } = await createVirtualDevice(database, needs(), {
      accountId: home,
      name: 'picture',
      issuer: 'Acme',
    })
    const width = qrPng.readUInt32BE(qrPng.indexOf('IHDR') + 4)
    const data = qrPng.subarray(qrPng.indexOf('IDAT') + 4)
    const lines = inflateSync(data.subarray(0, qrPng.readUInt32BE(qrPng.indexOf('IDAT') - 4)))
    const stride = 1 + Math.ceil(width / 8)
    expect(lines).toHaveLength(stride * width)
    // 24 pixels white, then the corner of a finder pattern: 42 black.
    const row = lines.subarray(stride * 24 + 1, stride * 25)
    expect([row[0], row[2], row[3], row[7]]).toEqual([0xff, 0xff, 0, 0])
  })
})
