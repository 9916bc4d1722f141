import { generateKeyPairSync } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Database } from '#database'
import { createUser, type User } from '#directory'
import {
  addRoleToInstanceProfile,
  addSigningCertificate,
  addSshPublicKey,
  createAccount,
  createInstanceProfile,
  createRole,
  createServerCertificate,
  deleteInstanceProfile,
  deleteRole,
  findAccount,
  findInstanceProfile,
  getSshPublicKey,
  listInstanceProfiles,
  removeAccountAlias,
  removeRoleFromInstanceProfile,
  serverCertificateText,
  setAccountAlias,
  sshKeyAs,
  updateServerCertificate,
} from '#iam'
import { testCertificatePem } from '../support/certificate.ts'
import { testDatabase } from '../support/database.ts'
import { claim, fixedClock, home } from '../support/fixtures.ts'

const clock = fixedClock()
let database: Database
let user: User
beforeAll(async () => {
  database = await testDatabase()
  await claim(database, clock)
  user = await createUser(database, clock, { accountId: home, name: 'alice' })
})
afterAll(() => database.close())

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const pemOf = (key: typeof rsa.privateKey) => key.export({ type: 'pkcs8', format: 'pem' })

describe('an instance profile', () => {
  it('holds one role, which cannot be deleted meanwhile', async () => {
    const profile = await createInstanceProfile(database, clock, {
      accountId: home,
      name: 'Web',
      path: '/x/',
    })
    expect(profile.arn).toBe('arn:aws:iam::111122223333:instance-profile/x/Web')
    expect(profile.instanceProfileId).toMatch(/^AIPA[A-Z2-7]{17}$/)
    const role = async (name: string) =>
      createRole(database, clock, {
        accountId: home,
        name,
        trustDocument: JSON.stringify({
          Version: '2012-10-17',
          Statement: [
            { Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' },
          ],
        }),
      })
    const [first, second] = [await role('first'), await role('second')]
    await addRoleToInstanceProfile(database, profile.instanceProfileId, first.roleId)
    await expect(
      addRoleToInstanceProfile(database, profile.instanceProfileId, second.roleId),
    ).rejects.toMatchObject({ reason: 'iam/instance-profile-full' })
    await expect(deleteRole(database, first.roleId)).rejects.toMatchObject({ reason: 'iam/role-in-use' })
    await expect(deleteInstanceProfile(database, profile.instanceProfileId)).rejects.toMatchObject({
      reason: 'iam/instance-profile-in-use',
    })
    expect((await findInstanceProfile(database, home, 'wEB'))?.roleId).toBe(first.roleId)
    expect(await removeRoleFromInstanceProfile(database, profile.instanceProfileId, second.roleId)).toBe(
      false,
    )
    expect(await removeRoleFromInstanceProfile(database, profile.instanceProfileId, first.roleId)).toBe(true)
    await deleteRole(database, first.roleId)
    await deleteInstanceProfile(database, profile.instanceProfileId)
    expect(await findInstanceProfile(database, home, 'Web')).toBeUndefined()
  })

  it('has a name that no other has in any case, and is listed by name and path', async () => {
    for (const [name, path] of [
      ['b', '/'],
      ['A', '/eu/'],
      ['c', '/eu/de/'],
    ] as const)
      await createInstanceProfile(database, clock, { accountId: home, name, path })
    await expect(
      createInstanceProfile(database, clock, { accountId: home, name: 'a' }),
    ).rejects.toMatchObject({ reason: 'iam/instance-profile-exists' })
    const names = async (request: object) =>
      (await listInstanceProfiles(database, { accountId: home, ...request })).map(({ name }) => name)
    expect(await names({})).toEqual(['A', 'b', 'c'])
    expect(await names({ pathPrefix: '/eu/' })).toEqual(['A', 'c'])
    expect(await names({ after: 'A', limit: 1 })).toEqual(['b'])
  })
})

describe('a server certificate', () => {
  const body = testCertificatePem(rsa.privateKey, 'www.acme.test')
  const create = (more: Partial<Parameters<typeof createServerCertificate>[2]> = {}) =>
    createServerCertificate(database, clock, {
      accountId: home,
      name: 'www',
      body,
      privateKey: pemOf(rsa.privateKey),
      ...more,
    })

  it('comes back byte for byte, with its expiry read from it', async () => {
    const made = await create({ chain: `${body}\n${body}` })
    expect(made.expiresAt.toString()).toBe('2049-01-01T00:00:00Z')
    expect(await serverCertificateText(database, made.serverCertificateId)).toEqual({
      body,
      chain: `${body}\n${body}`,
    })
    await expect(create()).rejects.toMatchObject({ reason: 'iam/server-certificate-exists' })
    const other = await create({ name: 'other' })
    await expect(updateServerCertificate(database, other, { name: 'www' })).rejects.toMatchObject({
      reason: 'iam/server-certificate-exists',
    })
  })

  const another = generateKeyPairSync('rsa', { modulusLength: 2048 })
  it.each([
    ['a key of another certificate', { privateKey: pemOf(another.privateKey) }, 'iam/key-pair-mismatch'],
    ['something that is no key', { privateKey: 'secret' }, 'iam/malformed-certificate'],
    ['something that is no certificate', { body: 'hello' }, 'iam/malformed-certificate'],
    ['two certificates as the one', { body: body + body }, 'iam/malformed-certificate'],
    ['a certificate cut short', { body: body.replace(/\n.{64}\n/, '\n') }, 'iam/malformed-certificate'],
    ['a chain with other things in it', { chain: `${body}\nhello` }, 'iam/malformed-certificate'],
    [
      'an expired certificate',
      { body: testCertificatePem(rsa.privateKey, 'old', ['200101000000Z', '260101000000Z']) },
      'iam/malformed-certificate',
    ],
    [
      'a certificate of the future',
      { body: testCertificatePem(rsa.privateKey, 'new', ['270101000000Z', '280101000000Z']) },
      'iam/malformed-certificate',
    ],
  ])('refuses %s', async (_title, more, reason) => {
    await expect(create({ name: 'bad', ...more })).rejects.toMatchObject({ kind: 'malformed', reason })
  })
})

describe('a signing certificate', () => {
  it('belongs to one owner of the account, once', async () => {
    const body = testCertificatePem(rsa.privateKey, 'signer')
    const made = await addSigningCertificate(database, clock, { accountId: home, userId: user.userId, body })
    expect(made.certificateId).toMatch(/^[A-Z2-7]{32}$/)
    await expect(
      addSigningCertificate(database, clock, { accountId: home, userId: undefined, body }),
    ).rejects.toMatchObject({ reason: 'iam/duplicate-certificate' })
  })
})

describe('an SSH public key', () => {
  it('is the same key in both forms, and a user’s once', async () => {
    const pem = rsa.publicKey.export({ type: 'spki', format: 'pem' })
    const key = await addSshPublicKey(database, clock, { accountId: home, userId: user.userId, body: pem })
    expect(key.sshPublicKeyId).toMatch(/^APKA[A-Z2-7]{17}$/)
    expect(sshKeyAs(key, 'PEM')).toBe(pem)
    const line = `${sshKeyAs(key, 'SSH')} alice@home\n`
    await expect(
      addSshPublicKey(database, clock, { accountId: home, userId: user.userId, body: line }),
    ).rejects.toMatchObject({ reason: 'iam/duplicate-ssh-key' })
    await expect(getSshPublicKey(database, 'AIDAOTHER', key.sshPublicKeyId)).rejects.toMatchObject({
      reason: 'iam/no-ssh-key',
    })
  })

  const small = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey
  const curve = generateKeyPairSync('ed25519').publicKey
  it.each([
    ['a short key', small.export({ type: 'spki', format: 'pem' })],
    ['another kind of key', curve.export({ type: 'spki', format: 'pem' })],
    ['a private key', pemOf(rsa.privateKey)],
    ['a certificate', testCertificatePem(rsa.privateKey)],
    ['no key at all', 'ssh-rsa AAAA'],
    ['a length that lies', `ssh-rsa ${Buffer.from('ffffffff00', 'hex').toString('base64')}`],
    [
      'a modulus of nothing but zeros',
      `ssh-rsa ${Buffer.from('000000077373682d727361000000010300000003000000', 'hex').toString('base64')}`,
    ],
  ])('refuses %s', async (_title, body) => {
    await expect(
      addSshPublicKey(database, clock, { accountId: home, userId: user.userId, body }),
    ).rejects.toMatchObject({ kind: 'malformed', reason: 'iam/invalid-public-key' })
  })
})

describe('an account alias', () => {
  it('is of one account at a time', async () => {
    await createAccount(database, clock, { name: 'Other', accountId: '444455556666', alias: 'taken' })
    await expect(setAccountAlias(database, home, 'taken')).rejects.toMatchObject({
      reason: 'iam/alias-taken',
    })
    await setAccountAlias(database, home, 'acme')
    await setAccountAlias(database, home, 'acme-corp')
    expect((await findAccount(database, home))?.alias).toBe('acme-corp')
    expect(await removeAccountAlias(database, home, 'acme')).toBe(false)
    expect(await removeAccountAlias(database, home, 'acme-corp')).toBe(true)
  })
})
