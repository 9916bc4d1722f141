import { AssumeRoleCommand, GetCallerIdentityCommand } from '@aws-sdk/client-sts'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'

import { deleteAccessKey, deleteUser, setAccessKeyStatus, updateUser, type User } from '#directory'
import { deleteRole, putInlinePolicy, removeInlinePolicy, userCaller, type Role } from '#iam'
import { assumeRole, authenticate } from '#sts'
import { signHeaders } from '#sigv4'

import { fixedClock, home } from '../support/fixtures.ts'
import { bugs, refusal, startSts, type Credentials, type StsServer } from './harness.ts'

const clock = fixedClock()
const from = { id: 'r', at: clock(), ip: '203.0.113.9', userAgent: 'test', secure: true }
let server: StsServer
let alice: { user: User; credentials: Credentials }
let first: Role
let second: Role
let count = 0

beforeAll(async () => {
  server = await startSts(clock)
})
afterAll(() => server.close())
afterEach(() => expect(bugs).toEqual([]))

beforeEach(async () => {
  count++
  alice = await server.user(`alice${count}`, { Effect: 'Allow', Action: 'sts:*', Resource: '*' })
  const trust = { Effect: 'Allow', Principal: { AWS: home }, Action: 'sts:AssumeRole' }
  first = await server.role(`First${count}`, trust)
  second = await server.role(`Second${count}`, trust)
  await putInlinePolicy(
    server.database,
    first.roleId,
    'chain',
    JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', Resource: '*' }],
    }),
  )
})

const take = async (by: Credentials, role: Role): Promise<Credentials> => {
  const { Credentials: given } = await server
    .client(by)
    .send(new AssumeRoleCommand({ RoleArn: role.arn, RoleSessionName: 'chain' }))
  return {
    accessKeyId: given?.AccessKeyId ?? '',
    secretAccessKey: given?.SecretAccessKey ?? '',
    sessionToken: given?.SessionToken ?? '',
  }
}
const whoIs = (by: Credentials) => refusal(server.client(by).send(new GetCallerIdentityCommand({})))
const chain = (by: Credentials) => refusal(take(by, second))
/** A service that asks us whose signature it got. */
const verify = (by: Credentials) => {
  const request = {
    method: 'GET',
    rawUrl: '/order/1',
    headers: [['host', 'orders.example.com'] as const],
    body: new Uint8Array(),
  }
  const headers = signHeaders(request, by, { at: clock(), region: 'us-east-1', service: 'orders' })
  return authenticate(server.sts, { ...request, headers }, { services: ['orders'] }).then(
    () => 'accepted',
    (thrown: Error & { reason: string }) => thrown.reason,
  )
}

/** Everything that can end a session, and what it rests on. */
const ways: readonly (readonly [string, (parts: { session: Credentials }) => Promise<unknown>])[] = [
  ['its account is revoked', () => raise('account', home)],
  ['its user is revoked', () => raise('user', alice.user.userId)],
  ['its role is revoked', () => raise('role', first.roleId)],
  [
    'its role is deleted',
    () =>
      server.database.transaction(async (tx) => {
        await removeInlinePolicy(tx, first.roleId, 'chain')
        await deleteRole(tx, first.roleId)
      }),
  ],
  ['its long-term key is revoked', () => raise('key', alice.credentials.accessKeyId)],
  [
    'its long-term key is switched off',
    () => setAccessKeyStatus(server.database, alice.credentials.accessKeyId, 'Inactive'),
  ],
  ['its long-term key is deleted', () => deleteAccessKey(server.database, alice.credentials.accessKeyId)],
  ['its user is disabled', () => updateUser(server.database, alice.user.userId, { status: 'disabled' })],
  ['it is revoked itself', ({ session }) => raise('key', session.accessKeyId)],
]
const raise = (kind: 'account' | 'user' | 'role' | 'key' | 'session', id: string) =>
  server.epochs.raise(server.database, kind, id)

describe('a role session works on every path, and on none after', () => {
  it.each(ways)('%s', async (_name, end) => {
    const session = await take(alice.credentials, first)
    const chained = await take(session, second)
    expect(await whoIs(session)).toBe('accepted')
    expect(await chain(session)).toBe('accepted')
    expect(await verify(session)).toBe('accepted')
    expect(await whoIs(chained)).toBe('accepted')
    expect(await verify(chained)).toBe('accepted')

    await end({ session })
    await server.epochs.catchUp()

    for (const call of [whoIs(session), chain(session), whoIs(chained)]) {
      expect(await call).toMatch(/^403 (?:ExpiredToken|InvalidClientTokenId) /)
    }
    expect([await verify(session), await verify(chained)]).toEqual([
      'sts/session-expired',
      'sts/session-expired',
    ])
  })

  it('the browser session it was taken from is revoked', async () => {
    const issued = await assumeRole(server.sts, {
      by: userCaller(alice.user),
      family: 'the-family-of-a-browser-session',
      from,
      roleArn: first.arn,
      sessionName: 'portal',
    })
    const session = {
      accessKeyId: issued.credentials.accessKeyId,
      secretAccessKey: issued.credentials.secretAccessKey.reveal(),
      sessionToken: issued.credentials.sessionToken,
    }
    const chained = await take(session, second)
    await raise('session', 'the-family-of-a-browser-session')
    await server.epochs.catchUp()
    expect([await verify(session), await verify(chained)]).toEqual([
      'sts/session-expired',
      'sts/session-expired',
    ])
  })

  it('ends with its user, also when the user is deleted', async () => {
    const session = await take(alice.credentials, first)
    await deleteAccessKey(server.database, alice.credentials.accessKeyId)
    await server.database.transaction((tx) => deleteUser(tx, alice.user.userId))
    await server.epochs.catchUp()
    expect(await verify(session)).toBe('sts/session-expired')
  })

  it('and a sibling that rests on other things goes on', async () => {
    const [one, other] = [await take(alice.credentials, first), await take(alice.credentials, first)]
    await raise('key', one.accessKeyId)
    await server.epochs.catchUp()
    expect([await verify(one), await verify(other)]).toEqual(['sts/session-expired', 'accepted'])
  })
})
