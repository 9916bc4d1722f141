import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Database } from '#database'
import { createUser, type User } from '#directory'
import {
  attachGuardRail,
  attachPolicy,
  authorize,
  type AuthorizeNeeds,
  createAccount,
  createGuardRail,
  createRole,
  createUnit,
  decideTrust,
  deleteGuardRail,
  deleteUnit,
  detachGuardRail,
  guardRailsNow,
  moveAccount,
  putInlinePolicy,
  readBuiltInPolicies,
  renameUnit,
  setScpFullAccess,
  updateGuardRail,
  userCaller,
} from '#iam'
import { testDatabase } from '../support/database.ts'
import { claim, fixedClock, home } from '../support/fixtures.ts'

const clock = fixedClock()
const from = { id: 'r', at: clock(), ip: '203.0.113.9', userAgent: 'test', secure: true }
const prod = '222233334444'
const lab = '333344445555'
const fullAccess = 'arn:aws:iam::aws:policy/AdministratorAccess'

let database: Database
let needs: AuthorizeNeeds
let admin: User
let bob: User
let carol: User
let root: string

const scp = (effect: string, action: string | readonly string[], extra: object = {}) =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: effect, Action: action, Resource: '*', ...extra }],
  })
const rcp = (action: string, condition?: object) =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Deny',
        Principal: '*',
        Action: action,
        Resource: '*',
        ...(condition ? { Condition: condition } : {}),
      },
    ],
  })
const ask = (user: User, action: string, arn = `arn:aws:orders::${user.accountId}:order/1`) =>
  authorize(needs, { caller: userCaller(user), action, resource: { arn }, from })
const rail = (type: 'scp' | 'rcp', name: string, document: string) =>
  database.transaction((tx) => createGuardRail(tx, clock, { type, name, document }))
const attach = (policyId: string, target: string) =>
  database.transaction((tx) => attachGuardRail(tx, policyId, target))
const detach = (policyId: string, target: string) =>
  database.transaction((tx) => detachGuardRail(tx, policyId, target))

beforeAll(async () => {
  database = await testDatabase()
  await claim(database, clock)
  needs = {
    database,
    builtInPolicies: readBuiltInPolicies(new URL('../../config/policies', import.meta.url).pathname),
  }
  await createAccount(database, clock, { name: 'prod', accountId: prod })
  await createAccount(database, clock, { name: 'lab', accountId: lab })
  admin = await createUser(database, clock, { accountId: home, name: 'admin' })
  bob = await createUser(database, clock, { accountId: prod, name: 'bob' })
  carol = await createUser(database, clock, { accountId: lab, name: 'carol' })
  for (const user of [admin, bob, carol]) await attachPolicy(database, user.userId, fullAccess)
  const { rows } = await database.query<{ root_id: string }>({
    chunks: ['select root_id from organization'],
    values: [],
  })
  root = rows[0]?.root_id ?? ''
})
afterAll(() => database.close())

describe('a service control policy', () => {
  it('limits everybody in the accounts below its target, and grants nothing', async () => {
    expect(await ask(bob, 'orders:Delete')).toMatchObject({ effect: 'Allow' })
    const { policyId } = await rail('scp', 'NoDelete', scp('Deny', 'orders:Delete'))
    await attach(policyId, prod)
    expect(await ask(bob, 'orders:Delete')).toMatchObject({ effect: 'Deny', explicit: true, layer: 'scp' })
    expect(await ask(bob, 'orders:Get')).toMatchObject({ effect: 'Allow' })
    expect(await ask(carol, 'orders:Delete')).toMatchObject({ effect: 'Allow' })
    await detach(policyId, prod)
    expect(await ask(bob, 'orders:Delete')).toMatchObject({ effect: 'Allow' })
  })

  it('binds the root user of its account too', async () => {
    const { policyId } = await rail('scp', 'NoRefund', scp('Deny', 'orders:Refund'))
    await attach(policyId, lab)
    const rootUser = {
      type: 'root',
      accountId: lab,
      arn: `arn:aws:iam::${lab}:root`,
      userId: lab,
      tags: {},
    } as const
    const asRoot = (action: string) =>
      authorize(needs, {
        caller: rootUser,
        action,
        resource: { arn: `arn:aws:orders::${lab}:order/1` },
        from,
      })
    expect(await asRoot('orders:Refund')).toMatchObject({ effect: 'Deny', layer: 'scp' })
    expect(await asRoot('orders:Get')).toMatchObject({ effect: 'Allow' })
    await detach(policyId, lab)
  })

  it('does not limit the home account, which manages the organization', async () => {
    const { policyId } = await rail('scp', 'NoGet', scp('Deny', 'orders:Get'))
    await attach(policyId, root)
    expect(await ask(bob, 'orders:Get')).toMatchObject({ effect: 'Deny', layer: 'scp' })
    expect(await ask(admin, 'orders:Get')).toMatchObject({ effect: 'Allow' })
    await detach(policyId, root)
  })

  it('of the root binds an account that is made later, from its first moment on', async () => {
    const { policyId } = await rail('scp', 'ForNewcomers', scp('Deny', 'orders:Delete'))
    await attach(policyId, root)
    expect(await ask(bob, 'orders:Delete')).toMatchObject({ effect: 'Deny', layer: 'scp' })
    const late = '444455556666'
    await createAccount(database, clock, { name: 'late', accountId: late })
    const erin = await createUser(database, clock, { accountId: late, name: 'erin' })
    await attachPolicy(database, erin.userId, fullAccess)
    expect(await ask(erin, 'orders:Delete')).toMatchObject({ effect: 'Deny', layer: 'scp' })
    await detach(policyId, root)
  })

  it('must allow at every level: root, each unit, account', async () => {
    const unit = await database.transaction((tx) => createUnit(tx, clock, { name: 'Workloads' }))
    const inner = await database.transaction((tx) =>
      createUnit(tx, clock, { name: 'Production', parentId: unit.unitId }),
    )
    await database.transaction((tx) => moveAccount(tx, prod, inner.unitId))
    const { policyId } = await rail('scp', 'OnlyOrders', scp('Allow', 'orders:*'))
    await attach(policyId, unit.unitId)
    expect(await ask(bob, 'mail:Send', `arn:aws:mail::${prod}:x`)).toMatchObject({ effect: 'Allow' })
    await database.transaction((tx) => setScpFullAccess(tx, unit.unitId, false))
    expect(await ask(bob, 'mail:Send', `arn:aws:mail::${prod}:x`)).toMatchObject({
      effect: 'Deny',
      explicit: false,
      layer: 'scp',
    })
    expect(await ask(bob, 'orders:Get')).toMatchObject({ effect: 'Allow' })
    await expect(detach(policyId, unit.unitId)).rejects.toMatchObject({ reason: 'iam/last-scp' })
    expect(await ask(bob, 'orders:Get')).toMatchObject({ effect: 'Allow' })
    await database.transaction((tx) => moveAccount(tx, prod, undefined))
    expect(await ask(bob, 'mail:Send', `arn:aws:mail::${prod}:x`)).toMatchObject({ effect: 'Allow' })
  })

  it('is in force with its new document from the moment of its change', async () => {
    const { policyId } = await rail('scp', 'Changing', scp('Deny', 'orders:Get'))
    await attach(policyId, prod)
    expect(await ask(bob, 'orders:Get')).toMatchObject({ effect: 'Deny', statements: [{ version: 'v1' }] })
    await database.transaction((tx) =>
      updateGuardRail(tx, clock, policyId, { document: scp('Deny', 'orders:List') }),
    )
    expect(await ask(bob, 'orders:Get')).toMatchObject({ effect: 'Allow' })
    expect(await ask(bob, 'orders:List')).toMatchObject({ effect: 'Deny', statements: [{ version: 'v2' }] })
    await detach(policyId, prod)
    await database.transaction((tx) => deleteGuardRail(tx, policyId))
  })

  it('that was undone with its transaction never was in force', async () => {
    await database
      .transaction(async (tx) => {
        const made = await createGuardRail(tx, clock, {
          type: 'scp',
          name: 'Undone',
          document: scp('Deny', '*'),
        })
        await attachGuardRail(tx, made.policyId, prod)
        expect((await guardRailsNow(tx))?.standingOf(prod)?.scpLevels?.at(-1)).toHaveLength(2)
        throw new Error('undo')
      })
      .catch(() => {})
    expect(await ask(bob, 'orders:Get')).toMatchObject({ effect: 'Allow' })
  })
})

describe('a resource control policy', () => {
  it('limits what anybody does to the resources of its accounts', async () => {
    await putInlinePolicy(database, carol.userId, 'x', scp('Allow', '*'))
    const { policyId } = await rail(
      'rcp',
      'OnlyOwnOrganization',
      rcp('sts:AssumeRole', { StringNotEquals: { 'aws:PrincipalAccount': prod } }),
    )
    const role = await createRole(database, clock, {
      accountId: prod,
      name: 'Shared',
      trustDocument: JSON.stringify({
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Principal: { AWS: [prod, lab] }, Action: 'sts:AssumeRole' }],
      }),
    })
    const take = (user: User) =>
      decideTrust(needs, { by: userCaller(user), role, action: 'sts:AssumeRole', from, context: [] })
    expect(await take(carol)).toMatchObject({ effect: 'Allow' })
    await attach(policyId, prod)
    expect(await take(carol)).toMatchObject({ effect: 'Deny', explicit: true, layer: 'rcp' })
    expect(await take(bob)).toMatchObject({ effect: 'Allow' })
    await detach(policyId, prod)
  })

  it('binds federated callers too, who have no account', async () => {
    const { policyId } = await rail('rcp', 'NoFederation', rcp('sts:AssumeRoleWithWebIdentity'))
    const provider = `arn:aws:iam::${prod}:oidc-provider/ci.example.com`
    const role = await createRole(database, clock, {
      accountId: prod,
      name: 'Pipeline',
      trustDocument: JSON.stringify({
        Version: '2012-10-17',
        Statement: [
          { Effect: 'Allow', Principal: { Federated: provider }, Action: 'sts:AssumeRoleWithWebIdentity' },
        ],
      }),
    })
    const take = () =>
      decideTrust(needs, {
        by: { provider },
        role,
        action: 'sts:AssumeRoleWithWebIdentity',
        from,
        context: [],
      })
    expect(await take()).toMatchObject({ effect: 'Allow' })
    await attach(policyId, root)
    expect(await take()).toMatchObject({ effect: 'Deny', layer: 'rcp' })
    await detach(policyId, root)
  })

  it('allows nothing itself', async () => {
    await expect(rail('rcp', 'Allows', scp('Allow', '*', { Principal: '*' }))).rejects.toMatchObject({
      reason: 'iam/malformed-policy',
    })
  })
})

describe('conditions see where an account stands', () => {
  it('aws:PrincipalOrgID, aws:PrincipalOrgPaths and their twins of the resource', async () => {
    const unit = await database.transaction((tx) => createUnit(tx, clock, { name: 'Research' }))
    await database.transaction((tx) => moveAccount(tx, lab, unit.unitId))
    const organizationId = (await guardRailsNow(database))?.organizationId ?? ''
    const path = `${organizationId}/${root}/${unit.unitId}/`
    const dave = await createUser(database, clock, { accountId: lab, name: 'dave' })
    const under = async (condition: object) => {
      await putInlinePolicy(database, dave.userId, 'only', scp('Allow', '*', { Condition: condition }))
      return (await ask(dave, 'orders:Get')).effect
    }
    expect(await under({ StringEquals: { 'aws:PrincipalOrgID': organizationId } })).toBe('Allow')
    expect(await under({ StringEquals: { 'aws:PrincipalOrgID': 'o-other12345' } })).toBe('Deny')
    expect(await under({ 'ForAnyValue:StringEquals': { 'aws:PrincipalOrgPaths': path } })).toBe('Allow')
    expect(
      await under({ 'ForAnyValue:StringLike': { 'aws:PrincipalOrgPaths': `${organizationId}/${root}/*` } }),
    ).toBe('Allow')
    expect(await under({ 'ForAnyValue:StringEquals': { 'aws:ResourceOrgPaths': path } })).toBe('Allow')
    expect(await under({ StringEquals: { 'aws:ResourceAccount': lab } })).toBe('Allow')
    expect(await under({ StringEquals: { 'aws:ResourceAccount': prod } })).toBe('Deny')
  })
})

describe('the tree keeps its shape', () => {
  it('sibling units differ in their names, whatever their case', async () => {
    await database.transaction((tx) => createUnit(tx, clock, { name: 'Twin' }))
    await expect(database.transaction((tx) => createUnit(tx, clock, { name: 'twin' }))).rejects.toMatchObject(
      { reason: 'iam/unit-exists' },
    )
    const other = await database.transaction((tx) => createUnit(tx, clock, { name: 'Other' }))
    await expect(database.transaction((tx) => renameUnit(tx, other.unitId, 'TWIN'))).rejects.toMatchObject({
      reason: 'iam/unit-exists',
    })
  })

  it('a unit with an account or a unit in it stays', async () => {
    const outer = await database.transaction((tx) => createUnit(tx, clock, { name: 'Outer' }))
    const inner = await database.transaction((tx) =>
      createUnit(tx, clock, { name: 'Inner', parentId: outer.unitId }),
    )
    await expect(database.transaction((tx) => deleteUnit(tx, outer.unitId))).rejects.toMatchObject({
      reason: 'iam/unit-not-empty',
    })
    await database.transaction((tx) => moveAccount(tx, lab, inner.unitId))
    await expect(database.transaction((tx) => deleteUnit(tx, inner.unitId))).rejects.toMatchObject({
      reason: 'iam/unit-not-empty',
    })
    await database.transaction((tx) => moveAccount(tx, lab, undefined))
    await database.transaction((tx) => deleteUnit(tx, inner.unitId))
    await database.transaction((tx) => deleteUnit(tx, outer.unitId))
  })

  it('five levels of units and five policies of a kind at a target are the most', async () => {
    let parentId: string | undefined
    for (const name of ['1', '2', '3', '4', '5'])
      parentId = (await database.transaction((tx) => createUnit(tx, clock, { name, parentId }))).unitId
    await expect(
      database.transaction((tx) => createUnit(tx, clock, { name: '6', parentId })),
    ).rejects.toMatchObject({ reason: 'iam/unit-depth' })
    const made: { readonly policyId: string }[] = []
    for (const name of ['a', 'b', 'c', 'd', 'e'])
      made.push(await rail('scp', `Limit${name}`, scp('Deny', 'none:None')))
    for (const { policyId } of made.slice(0, 4)) await attach(policyId, lab)
    await expect(attach(made[4]?.policyId ?? '', lab)).rejects.toMatchObject({
      reason: 'iam/guard-rail-limit',
    })
    await expect(
      database.transaction((tx) => deleteGuardRail(tx, made[0]?.policyId ?? '')),
    ).rejects.toMatchObject({ reason: 'iam/guard-rail-in-use' })
    await expect(attach(made[0]?.policyId ?? '', '999999999999')).rejects.toMatchObject({
      reason: 'iam/no-target',
    })
  })
})
