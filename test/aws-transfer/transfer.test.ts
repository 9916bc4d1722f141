import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { createAudit, listEvents } from '#audit'
import { exportDetails, importDetails } from '#aws-transfer'
import type { Database } from '#database'
import { findUserByName, groupsOf } from '#directory'
import {
  attachedPolicies,
  createAccount,
  findInstanceProfile,
  findPolicy,
  findRole,
  inlinePolicies,
  listPolicyVersions,
  readBuiltInPolicies,
} from '#iam'

import { testDatabase } from '../support/database.ts'
import { claim, fixedClock, home } from '../support/fixtures.ts'

const clock = fixedClock()
const builtInPolicies = readBuiltInPolicies(new URL('../../config/policies', import.meta.url).pathname)
const theirs = '999988887777'
let database: Database
beforeAll(async () => {
  database = await testDatabase()
  await claim(database, clock)
  await createAccount(database, clock, { name: 'Second', accountId: '444455556666' })
})
afterAll(() => database.close())

const needs = () => ({ database, clock, audit: createAudit({ database, clock }), builtInPolicies })
const take = (details: object, more: { accountId?: string; dryRun?: boolean } = {}) =>
  importDetails(needs(), { text: JSON.stringify(details), accountId: home, dryRun: false, ...more })
const arn = (rest: string, account = theirs) => `arn:aws:iam::${account}:${rest}`
const allow = (Action: string, Resource = '*') => ({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action, Resource }],
})
const trust = (...AWS: string[]) => ({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { AWS }, Action: 'sts:AssumeRole' }],
})
const managed = (name: string, Document: object, more: object = {}) => ({
  PolicyName: name,
  PolicyId: 'ANPAAAAAAAAAAAAAAAAAA',
  Arn: arn(`policy/${name}`),
  Path: '/',
  DefaultVersionId: 'v2',
  AttachmentCount: 1,
  CreateDate: '2024-01-01T00:00:00+00:00',
  PolicyVersionList: [
    { VersionId: 'v2', IsDefaultVersion: true, Document },
    { VersionId: 'v1', IsDefaultVersion: false, Document: allow('s3:ListBucket') },
  ],
  ...more,
})

const company = {
  UserDetailList: [
    {
      Path: '/eu/',
      UserName: 'alice',
      UserId: 'AIDAAAAAAAAAAAAAAAAAA',
      Arn: arn('user/eu/alice'),
      CreateDate: '2024-01-01T00:00:00+00:00',
      GroupList: ['Developers', 'Gone'],
      UserPolicyList: [
        { PolicyName: 'own', PolicyDocument: allow('s3:*', `arn:aws:s3:::bucket-${theirs}/*`) },
        {
          PolicyName: 'broken',
          PolicyDocument: { Version: '2012-10-17', Statement: [{ Effect: 'Perhaps' }] },
        },
      ],
      AttachedManagedPolicies: [
        { PolicyName: 'Work', PolicyArn: arn('policy/Work') },
        { PolicyName: 'AmazonBraketFullAccess', PolicyArn: 'arn:aws:iam::aws:policy/AmazonBraketFullAccess' },
        { PolicyName: 'ReadOnlyAccess', PolicyArn: 'arn:aws:iam::aws:policy/ReadOnlyAccess' },
      ],
      Tags: [{ Key: 'team', Value: 'a' }],
    },
    {
      Path: '/',
      UserName: 'bounded',
      Arn: arn('user/bounded'),
      PermissionsBoundary: {
        PermissionsBoundaryType: 'Policy',
        PermissionsBoundaryArn: arn('policy/Nowhere'),
      },
    },
  ],
  GroupDetailList: [
    {
      Path: '/',
      GroupName: 'Developers',
      Arn: arn('group/Developers'),
      // As the API itself sends it.
      GroupPolicyList: [
        { PolicyName: 'dev', PolicyDocument: encodeURIComponent(JSON.stringify(allow('logs:*'))) },
      ],
      AttachedManagedPolicies: [],
    },
  ],
  RoleDetailList: [
    {
      Path: '/',
      RoleName: 'first',
      Arn: arn('role/first'),
      AssumeRolePolicyDocument: trust(arn('role/second'), arn('user/eu/alice')),
      RolePolicyList: [],
      AttachedManagedPolicies: [{ PolicyName: 'Work', PolicyArn: arn('policy/Work') }],
      PermissionsBoundary: { PermissionsBoundaryType: 'Policy', PermissionsBoundaryArn: arn('policy/Work') },
      InstanceProfileList: [
        { Path: '/', InstanceProfileName: 'web', Arn: arn('instance-profile/web'), Roles: [] },
      ],
      Tags: [],
    },
    {
      Path: '/',
      RoleName: 'second',
      Arn: arn('role/second'),
      AssumeRolePolicyDocument: trust(arn('root')),
    },
    {
      Path: '/',
      RoleName: 'foreign',
      Arn: arn('role/foreign'),
      AssumeRolePolicyDocument: trust('arn:aws:iam::222233334444:user/nobody-here'),
    },
    {
      Path: '/aws-service-role/support.amazonaws.com/',
      RoleName: 'AWSServiceRoleForSupport',
      Arn: arn('role/aws-service-role/support.amazonaws.com/AWSServiceRoleForSupport'),
      AssumeRolePolicyDocument: trust(arn('root')),
    },
  ],
  Policies: [
    managed('Work', allow('orders:*', `arn:aws:orders::${theirs}:*`)),
    managed('Wrong', { Version: '2012-10-17', Statement: 'no' }),
    {
      ...managed('AmazonBraketFullAccess', allow('s3:*')),
      Arn: 'arn:aws:iam::aws:policy/AmazonBraketFullAccess',
    },
  ],
}

describe('an import', () => {
  it('that is only tried tells the same and changes nothing', async () => {
    const tried = await take(company, { dryRun: true })
    expect(tried.things.filter(({ outcome }) => outcome === 'created')).toHaveLength(6)
    expect(await findUserByName(database, home, 'alice')).toBeUndefined()
    expect(await listEvents(database, { name: 'CreateUser' })).toEqual([])
  })

  it('takes over what it can, and tells what it cannot', async () => {
    const { things } = await take(company)
    expect(things.map(({ kind, name, outcome }) => `${outcome} ${kind} ${name}`)).toEqual([
      'created policy Work',
      'left out policy Wrong',
      'created group Developers',
      'created user alice',
      'left out user bounded',
      'left out role AWSServiceRoleForSupport',
      'created role second',
      'left out role foreign',
      'created role first',
      'created instance profile web',
    ])
    const notes = Object.fromEntries(things.map(({ name, notes: told }) => [name, told]))
    expect(notes['Work']).toEqual([])
    expect(notes['alice']).toEqual([
      'not in the group Gone: it is not here',
      expect.stringMatching(/^without the inline policy broken: /) as string,
      'without the policy arn:aws:iam::aws:policy/AmazonBraketFullAccess: it is not here',
    ])
    expect(notes['bounded']?.[0]).toContain('permissions boundary')
    expect(notes['foreign']?.[0]).toContain('Invalid principal')
  })

  it('makes the account’s id ours, in ARNs and in documents', async () => {
    const alice = await findUserByName(database, home, 'alice')
    expect([alice?.arn, alice?.tags]).toEqual([arn('user/eu/alice', home), { team: 'a' }])
    expect(await inlinePolicies(database, alice?.userId ?? '')).toEqual([
      { name: 'own', document: JSON.stringify(allow('s3:*', `arn:aws:s3:::bucket-${home}/*`)) },
    ])
    expect((await groupsOf(database, alice?.userId ?? '')).map(({ name }) => name)).toEqual(['Developers'])
    expect(await attachedPolicies(database, alice?.userId ?? '')).toEqual([
      arn('policy/Work', home),
      'arn:aws:iam::aws:policy/ReadOnlyAccess',
    ])
    expect((await findPolicy(database, arn('policy/Work', home)))?.document).toContain(`orders::${home}:*`)
    const first = await findRole(database, home, 'first')
    expect(first?.permissionsBoundary).toBe(arn('policy/Work', home))
    expect(first?.trustDocument).toContain(arn('role/second', home))
    expect((await findInstanceProfile(database, home, 'web'))?.roleId).toBe(first?.roleId)
    const events = await listEvents(database, { name: 'CreateUser' })
    expect(events).toHaveLength(1)
    expect(JSON.parse(events[0]?.body ?? '{}')).toMatchObject({
      userIdentity: { invokedBy: 'import aws' },
      requestParameters: { userName: 'alice' },
    })
  })

  it('again brings up to date what is there', async () => {
    const changed = structuredClone(company)
    const [work] = changed.Policies
    if (work !== undefined) Object.assign(work.PolicyVersionList[0] ?? {}, { Document: allow('orders:Get*') })
    const { things } = await take(changed)
    expect(things.filter(({ outcome }) => outcome === 'created')).toEqual([])
    expect((await findPolicy(database, arn('policy/Work', home)))?.document).toBe(
      JSON.stringify(allow('orders:Get*')),
    )
  })

  it('takes roles over that trust each other in a circle, or themselves, and tells of those that cannot be', async () => {
    const role = (RoleName: string, ...trusts: string[]) => ({
      Path: '/ring/',
      RoleName,
      Arn: arn(`role/ring/${RoleName}`),
      AssumeRolePolicyDocument: trust(...trusts.map((each) => arn(`role/ring/${each}`))),
    })
    const ring = {
      RoleDetailList: [
        role('one', 'two', 'first'),
        role('two', 'three'),
        role('three', 'one', 'three'),
        role('selfish', 'selfish'),
        role('waits', 'one', 'lost'),
        role('lost', 'lost', 'nobody'),
        role('after', 'two'),
      ],
    }
    Object.assign(ring.RoleDetailList[0] ?? {}, {
      AssumeRolePolicyDocument: trust(arn('role/ring/two'), arn('role/first')),
    })
    const { things } = await take(ring)
    expect(things.map(({ name, outcome }) => `${outcome} ${name}`).toSorted()).toEqual([
      'created after',
      'created one',
      'created selfish',
      'created three',
      'created two',
      'left out lost',
      'left out waits',
    ])
    for (const { notes } of things.filter(({ outcome }) => outcome === 'left out'))
      expect(notes).toEqual([expect.stringContaining('Invalid principal')])
    const [one, three] = await Promise.all(['one', 'three'].map((name) => findRole(database, home, name)))
    expect(JSON.parse(three?.trustDocument ?? '')).toEqual(
      trust(arn('role/ring/one', home), arn('role/ring/three', home)),
    )
    // Bound to the roles that are here now, not to what they were before.
    expect(JSON.stringify(three?.trust)).toContain(one?.roleId)
    expect(await findRole(database, home, 'lost')).toBeUndefined()
    expect(await findRole(database, home, 'waits')).toBeUndefined()
    const events = await listEvents(database, { name: 'CreateRole' })
    expect(events.filter(({ body }) => /"roleName":"(?:one|two|lost)"/.test(body))).toHaveLength(2)

    const again = await take(ring)
    expect(again.things.filter(({ outcome }) => outcome === 'updated')).toHaveLength(5)
  })

  it('takes the versions of a policy over in their order, with the one that decides', async () => {
    const version = (VersionId: string, Document: object, IsDefaultVersion = false) => ({
      VersionId,
      IsDefaultVersion,
      Document,
    })
    const list = {
      PolicyVersionList: [
        version('v7', allow('orders:*')),
        version('v4', { Version: '2012-10-17', Statement: 'no' }),
        version('v3', allow('orders:Get*'), true),
        version('v1', allow('orders:List*')),
      ],
    }
    const [told] = (await take({ Policies: [managed('Many', {}, list)] })).things
    expect(told).toMatchObject({ outcome: 'created', name: 'Many' })
    expect(told?.notes).toEqual([
      expect.stringMatching(/^without the version v4: /) as string,
      'with other version ids: v3 is v2, v7 is v3',
    ])
    const many = await findPolicy(database, arn('policy/Many', home))
    expect(many?.document).toBe(JSON.stringify(allow('orders:Get*')))
    expect(
      (await listPolicyVersions(database, many?.policyId ?? '')).map((each) => [
        each.version,
        each.isDefault,
        (JSON.parse(each.document) as ReturnType<typeof allow>).Statement[0]?.Action,
      ]),
    ).toEqual([
      [3, false, 'orders:*'],
      [2, true, 'orders:Get*'],
      [1, false, 'orders:List*'],
    ])
    const [again] = (await take({ Policies: [managed('Many', {}, list)] })).things
    expect(again).toMatchObject({ outcome: 'updated', notes: ['without 1 version that is not the default'] })
  })

  it.each([
    ['no JSON', '{'],
    ['another document', '{"UserDetailList":[{"UserName":1}]}'],
    [
      'a document that cannot be decoded',
      '{"GroupDetailList":[{"GroupName":"g","Arn":"a","GroupPolicyList":[{"PolicyName":"p","PolicyDocument":"%zz"}]}]}',
    ],
  ])('refuses %s', async (_title, text) => {
    await expect(importDetails(needs(), { text, accountId: home, dryRun: false })).rejects.toMatchObject({
      reason: 'aws-transfer/unreadable',
    })
  })
})

describe('an export', () => {
  it('comes back the same when another account takes it over', async () => {
    const first = await exportDetails({ database, builtInPolicies }, home)
    const { things } = await take(first, { accountId: '444455556666' })
    expect(things.filter(({ outcome }) => outcome === 'left out')).toEqual([])
    const second = await exportDetails({ database, builtInPolicies }, '444455556666')
    const same = (details: object) =>
      JSON.stringify(details)
        .replaceAll(/"(UserId|GroupId|RoleId|PolicyId|InstanceProfileId)":"[A-Z0-9]+"/g, '"$1":""')
        .replaceAll('444455556666', home)
    expect(same(second)).toBe(same(first))
  })
})
