import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Database } from '#database'
import { addToGroup, createGroup, createUser, deleteUser, type User } from '#directory'
import {
  attachPolicy,
  authorize,
  type AuthorizeNeeds,
  createPolicy,
  createRole,
  decideTrust,
  demand,
  findRole,
  putInlinePolicy,
  readBuiltInPolicies,
  setPolicyDocument,
  userCaller,
} from '#iam'
import { testDatabase } from '../support/database.ts'
import { claim, fixedClock, home } from '../support/fixtures.ts'

let database: Database
let needs: AuthorizeNeeds
let alice: User
const clock = fixedClock()
const from = { id: 'r', at: clock(), ip: '203.0.113.9', userAgent: 'test', secure: true }
const admin = 'arn:aws:iam::aws:policy/AdministratorAccess'

beforeAll(async () => {
  database = await testDatabase()
  await claim(database, clock)
  needs = {
    database,
    builtInPolicies: readBuiltInPolicies(new URL('../../config/policies', import.meta.url).pathname),
  }
  alice = await createUser(database, clock, { accountId: home, name: 'alice', tags: { team: 'orders' } })
})
afterAll(() => database.close())

const allow = (action: string, resource = '*', condition?: object) =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Action: action, Resource: resource, ...(condition ? { Condition: condition } : {}) },
    ],
  })
const trust = (arn: string, condition?: object) =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { AWS: arn },
        Action: 'sts:AssumeRole',
        ...(condition ? { Condition: condition } : {}),
      },
    ],
  })
const ask = (user: User, action: string, arn: string) =>
  authorize(needs, { caller: userCaller(user), action, resource: { arn }, from })

describe('a user may do', () => {
  it('nothing before a policy says so', async () => {
    expect(await ask(alice, 'orders:Get', 'arn:aws:orders::111122223333:order/1')).toMatchObject({
      effect: 'Deny',
      explicit: false,
    })
    await expect(
      demand(needs, {
        caller: userCaller(alice),
        action: 'orders:Get',
        resource: { arn: 'arn:aws:orders::111122223333:order/1' },
        from,
      }),
    ).rejects.toMatchObject({
      kind: 'forbidden',
      message:
        'User: arn:aws:iam::111122223333:user/alice is not authorized to perform: orders:Get on resource: arn:aws:orders::111122223333:order/1 because no identity-based policy allows the orders:Get action',
    })
  })

  it('what a group’s managed policy allows, by its default version as it is now', async () => {
    const group = await createGroup(database, clock, { accountId: home, name: 'clerks' })
    await addToGroup(database, group.groupId, alice.userId)
    const { arn } = await createPolicy(database, clock, {
      accountId: home,
      name: 'Orders',
      document: allow('orders:Get', 'arn:aws:orders::111122223333:order/${aws:PrincipalTag/team}/*'),
    })
    await attachPolicy(database, group.groupId, arn)
    expect(await ask(alice, 'orders:Get', 'arn:aws:orders::111122223333:order/orders/1')).toMatchObject({
      effect: 'Allow',
      statements: [{ policy: arn, version: 'v1', index: 0 }],
    })
    expect((await ask(alice, 'orders:Get', 'arn:aws:orders::111122223333:order/other/1')).effect).toBe('Deny')
    expect(await setPolicyDocument(database, clock, arn, allow('orders:Refund'))).toBe(true)
    expect((await ask(alice, 'orders:Get', 'arn:aws:orders::111122223333:order/orders/1')).effect).toBe(
      'Deny',
    )
    expect(await ask(alice, 'orders:Refund', 'arn:aws:orders::111122223333:order/orders/1')).toMatchObject({
      effect: 'Allow',
      statements: [{ version: 'v2' }],
    })
  })

  it('what its inline policy allows within its boundary, and everything that a missing boundary would have limited is denied', async () => {
    const bounded = await createUser(database, clock, {
      accountId: home,
      name: 'bounded',
      permissionsBoundary: 'arn:aws:iam::111122223333:policy/Gone',
    })
    await putInlinePolicy(database, bounded.userId, 'all', allow('*'))
    expect((await ask(bounded, 'orders:Get', 'arn:aws:orders::111122223333:order/1')).effect).toBe('Deny')
  })

  it('everything with the built-in administrator policy', async () => {
    const root = await createUser(database, clock, { accountId: home, name: 'adm' })
    await attachPolicy(database, root.userId, admin)
    expect(await ask(root, 'iam:CreateUser', '*')).toMatchObject({
      effect: 'Allow',
      statements: [{ policy: admin }],
    })
  })
})

describe('a role', () => {
  it('is trusted to the user that its policy names, and not to another made later under the same name', async () => {
    const first = await createUser(database, clock, { accountId: home, name: 'temp' })
    const role = await createRole(database, clock, {
      accountId: home,
      name: 'ReadOnly',
      trustDocument: trust(first.arn),
    })
    const decide = (user: User) =>
      decideTrust(needs, { by: userCaller(user), role, action: 'sts:AssumeRole', from, context: [] })
    expect((await decide(first)).effect).toBe('Allow')
    expect((await decide(alice)).effect).toBe('Deny')
    await deleteUser(database, first.userId)
    const second = await createUser(database, clock, { accountId: home, name: 'temp' })
    expect(second.arn).toBe(first.arn)
    expect((await decide(second)).effect).toBe('Deny')
  })

  it('whose trust asks for a second factor says that this is what is missing', async () => {
    const role = await createRole(database, clock, {
      accountId: home,
      name: 'Admin',
      trustDocument: trust(alice.arn, { Bool: { 'aws:MultiFactorAuthPresent': 'true' } }),
    })
    const decide = (mfaAt?: Temporal.Instant) =>
      decideTrust(needs, {
        by: userCaller(alice, { issuedAt: clock(), mfaAt }),
        role,
        action: 'sts:AssumeRole',
        from,
        context: [],
      })
    expect(await decide()).toMatchObject({ effect: 'Deny', missing: { kind: 'mfa' } })
    expect((await decide(clock())).effect).toBe('Allow')
  })

  it('cannot be saved with a trust policy that names nobody, or that cannot be read', async () => {
    const make = (trustDocument: string) =>
      createRole(database, clock, { accountId: home, name: 'Bad', trustDocument })
    await expect(make(trust('arn:aws:iam::111122223333:user/nobody'))).rejects.toMatchObject({
      reason: 'iam/invalid-principal',
    })
    await expect(make('{"Version":"2012-10-17"')).rejects.toMatchObject({ reason: 'iam/malformed-policy' })
    expect(await findRole(database, home, 'Bad')).toBeUndefined()
  })
})
