import {
  GetContextKeysForCustomPolicyCommand,
  GetContextKeysForPrincipalPolicyCommand,
  SimulateCustomPolicyCommand,
  SimulatePrincipalPolicyCommand,
  type EvaluationResult,
} from '@aws-sdk/client-iam'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

import { addToGroup, createGroup, createUser, updateUser, type User } from '#directory'
import { attachPolicy, createPolicy, createRole, putInlinePolicy } from '#iam'

import { fixedClock, home } from '../support/fixtures.ts'
import { allow, bugs, builtIn, document, refusal, startIam, trust, type IamServer } from './harness.ts'

const clock = fixedClock()
let server: IamServer
let alice: User

beforeAll(async () => {
  server = await startIam(clock)
  const { database } = server
  alice = await createUser(database, clock, { accountId: home, name: 'alice', tags: { team: 'a' } })
  const group = await createGroup(database, clock, { accountId: home, name: 'Readers' })
  await addToGroup(database, group.groupId, alice.userId)
  await putInlinePolicy(
    database,
    alice.userId,
    'own',
    document({
      Effect: 'Allow',
      Action: 'orders:Refund',
      Resource: `arn:aws:orders::${home}:\${aws:username}/*`,
      Condition: { StringEquals: { 'orders:kind': 'small' } },
    }),
  )
  await putInlinePolicy(database, group.groupId, 'read', allow('orders:Get*'))
  const { arn } = await createPolicy(database, clock, {
    accountId: home,
    name: 'NoDelete',
    document: document({ Sid: 'No', Effect: 'Deny', Action: 'orders:Delete*', Resource: '*' }),
  })
  await attachPolicy(database, alice.userId, arn)
})
afterAll(() => server.close())
afterEach(() => expect(bugs).toEqual([]))

const send: IamServer['admin']['send'] = ((command: never) => server.admin.send(command)) as never
const simulate = async (more: object): Promise<readonly EvaluationResult[]> =>
  (await send(new SimulatePrincipalPolicyCommand({ PolicySourceArn: alice.arn, ActionNames: [], ...more })))
    .EvaluationResults ?? []
const kind = { ContextKeyName: 'orders:kind', ContextKeyType: 'string', ContextKeyValues: ['small'] } as const

describe('a simulation of a principal', () => {
  it('says what decides, where it stands, and what is missing', async () => {
    const mine = `arn:aws:orders::${home}:alice/1`
    const results = await simulate({
      ActionNames: ['orders:Refund', 'orders:GetOrder', 'orders:DeleteOrder', 'orders:Create'],
      ResourceArns: [mine],
    })
    expect(results.map(({ EvalActionName, EvalDecision }) => [EvalActionName, EvalDecision])).toEqual([
      ['orders:Refund', 'implicitDeny'],
      ['orders:GetOrder', 'allowed'],
      ['orders:DeleteOrder', 'explicitDeny'],
      ['orders:Create', 'implicitDeny'],
    ])
    expect(results[0]?.MissingContextValues).toEqual(['orders:kind'])
    expect(results[1]?.MatchedStatements).toEqual([
      {
        SourcePolicyId: 'group_Readers_read',
        SourcePolicyType: 'group',
        StartPosition: { Line: 1, Column: 39 },
        EndPosition: { Line: 1, Column: expect.any(Number) as number },
      },
    ])
    expect(results[2]?.MatchedStatements).toMatchObject([
      { SourcePolicyId: 'NoDelete', SourcePolicyType: 'user-managed' },
    ])
    const [refund] = await simulate({
      ActionNames: ['orders:Refund'],
      ResourceArns: [mine],
      ContextEntries: [kind],
    })
    expect(refund).toMatchObject({
      EvalDecision: 'allowed',
      EvalResourceName: mine,
      MissingContextValues: [],
    })
    const [others] = await simulate({
      ActionNames: ['orders:Refund'],
      ResourceArns: [`arn:aws:orders::${home}:bob/1`],
      ContextEntries: [kind],
    })
    expect(others?.EvalDecision).toBe('implicitDeny')
  })

  it('takes further policies, leaves policies out, and asks the boundary', async () => {
    const create = { ActionNames: ['orders:Create'] }
    expect((await simulate({ ...create, PolicyInputList: [allow('orders:*')] }))[0]).toMatchObject({
      EvalDecision: 'allowed',
      MatchedStatements: [{ SourcePolicyId: 'PolicyInputList.1', SourcePolicyType: 'none' }],
    })
    const bounded = { ...create, PolicyInputList: [allow('*')] }
    await updateUser(server.database, alice.userId, { permissionsBoundary: builtIn('IAMReadOnlyAccess') })
    expect((await simulate(bounded))[0]).toMatchObject({
      EvalDecision: 'implicitDeny',
      PermissionsBoundaryDecisionDetail: { AllowedByPermissionsBoundary: false },
    })
    const wider = { ...bounded, PermissionsBoundaryPolicyInputList: [allow('orders:*')] }
    expect((await simulate(wider))[0]).toMatchObject({
      EvalDecision: 'allowed',
      PermissionsBoundaryDecisionDetail: { AllowedByPermissionsBoundary: true },
    })
    await updateUser(server.database, alice.userId, { permissionsBoundary: null })
  })

  it('is of groups and roles too', async () => {
    const of = async (PolicySourceArn: string, action: string) =>
      (await simulate({ PolicySourceArn, ActionNames: [action] }))[0]?.EvalDecision
    expect(await of(`arn:aws:iam::${home}:group/Readers`, 'orders:GetOrder')).toBe('allowed')
    const role = await createRole(server.database, clock, {
      accountId: home,
      name: 'worker',
      trustDocument: trust,
    })
    await putInlinePolicy(server.database, role.roleId, 'work', allow('orders:Work'))
    expect(await of(role.arn, 'orders:Work')).toBe('allowed')
    expect(await of(role.arn, 'orders:GetOrder')).toBe('implicitDeny')
  })

  it('asks the resource’s own policy', async () => {
    const ResourcePolicy = document({
      Effect: 'Allow',
      Principal: { AWS: alice.arn },
      Action: 'orders:Ship',
      Resource: '*',
    })
    const ResourceArns = [`arn:aws:orders::${home}:order/1`]
    const [ship] = await simulate({ ActionNames: ['orders:Ship'], ResourceArns, ResourcePolicy })
    expect(ship).toMatchObject({
      EvalDecision: 'allowed',
      MatchedStatements: [{ SourcePolicyType: 'resource' }],
    })
  })

  it('comes page by page', async () => {
    const ActionNames = ['orders:GetA', 'orders:GetB', 'orders:GetC']
    const request = { PolicySourceArn: alice.arn, ActionNames, MaxItems: 2 }
    const first = await send(new SimulatePrincipalPolicyCommand(request))
    expect([first.IsTruncated, first.EvaluationResults?.length]).toEqual([true, 2])
    const second = await send(new SimulatePrincipalPolicyCommand({ ...request, Marker: first.Marker }))
    expect(second.EvaluationResults?.map((each) => each.EvalActionName)).toEqual(['orders:GetC'])
    expect(second.IsTruncated).toBe(false)
  })

  it.each([
    [
      'a principal that is not there',
      { PolicySourceArn: `arn:aws:iam::${home}:user/nobody` },
      '404 NoSuchEntity',
    ],
    [
      'a principal of another account',
      { PolicySourceArn: 'arn:aws:iam::444455556666:user/alice' },
      '403 AccessDenied',
    ],
    [
      'an ARN of something else',
      { PolicySourceArn: `arn:aws:iam::${home}:policy/NoDelete` },
      '400 InvalidInput',
    ],
    ['a policy that cannot be read', { PolicyInputList: ['{"Version"'] }, '400 InvalidInput'],
    ['two boundaries', { PermissionsBoundaryPolicyInputList: [allow('*'), allow('*')] }, '400 InvalidInput'],
    ['an action without a service', { ActionNames: ['Refund'] }, '400 InvalidInput'],
    ['a caller that is a role', { CallerArn: `arn:aws:iam::${home}:role/worker` }, '400 InvalidInput'],
    ['an owner that is no account', { ResourceOwner: 'me' }, '400 InvalidInput'],
    [
      'a number that is none',
      {
        ContextEntries: [{ ContextKeyName: 'orders:n', ContextKeyType: 'numeric', ContextKeyValues: ['x'] }],
      },
      '400 InvalidInput',
    ],
  ])('refuses %s', async (_title, more, outcome) => {
    expect(await refusal(simulate({ ActionNames: ['orders:GetOrder'], ...more }))).toMatch(outcome)
  })

  it('needs its permission on the principal', async () => {
    const { client } = await server.user('curious', {
      Effect: 'Allow',
      Action: 'iam:SimulatePrincipalPolicy',
      Resource: `arn:aws:iam::${home}:user/curious`,
    })
    const of = (PolicySourceArn: string) =>
      refusal(
        client.send(new SimulatePrincipalPolicyCommand({ PolicySourceArn, ActionNames: ['iam:GetUser'] })),
      )
    expect(await of(`arn:aws:iam::${home}:user/curious`)).toBe('accepted')
    expect(await of(alice.arn)).toMatch(/^403 AccessDenied/)
  })
})

describe('a simulation of policies', () => {
  it('decides by them alone', async () => {
    const { EvaluationResults } = await send(
      new SimulateCustomPolicyCommand({
        PolicyInputList: [allow('s3:GetObject', 'arn:aws:s3:::bucket/*')],
        ActionNames: ['s3:GetObject', 's3:PutObject'],
        ResourceArns: ['arn:aws:s3:::bucket/a', 'arn:aws:s3:::other/a'],
      }),
    )
    expect(
      EvaluationResults?.map((each) => [each.EvalActionName, each.EvalResourceName, each.EvalDecision]),
    ).toEqual([
      ['s3:GetObject', 'arn:aws:s3:::bucket/a', 'allowed'],
      ['s3:GetObject', 'arn:aws:s3:::other/a', 'implicitDeny'],
      ['s3:PutObject', 'arn:aws:s3:::bucket/a', 'implicitDeny'],
      ['s3:PutObject', 'arn:aws:s3:::other/a', 'implicitDeny'],
    ])
  })

  it('asks service control policies in their order', async () => {
    const with_ = async (...levels: readonly string[]) =>
      (
        await send(
          new SimulateCustomPolicyCommand({
            PolicyInputList: [allow('*')],
            OrderedOrganizationPolicyInputList: levels.map((text) => ({
              ServiceControlPolicyInputList: [text],
            })),
            ActionNames: ['s3:GetObject'],
          }),
        )
      ).EvaluationResults?.[0]
    expect(await with_(allow('*'), allow('s3:*'))).toMatchObject({
      EvalDecision: 'allowed',
      OrganizationsDecisionDetail: { AllowedByOrganizations: true },
    })
    expect(await with_(allow('*'), allow('ec2:*'))).toMatchObject({
      EvalDecision: 'implicitDeny',
      OrganizationsDecisionDetail: { AllowedByOrganizations: false },
    })
  })
})

describe('context keys', () => {
  it('are those that policies ask for', async () => {
    const custom = await send(
      new GetContextKeysForCustomPolicyCommand({
        PolicyInputList: [
          document({
            Effect: 'Allow',
            Action: '*',
            Resource: 'arn:aws:s3:::${aws:username}/*',
            Condition: { Bool: { 'aws:MultiFactorAuthPresent': 'true' } },
          }),
        ],
      }),
    )
    expect(custom.ContextKeyNames).toEqual(['aws:username', 'aws:MultiFactorAuthPresent'])
    const ofAlice = await send(new GetContextKeysForPrincipalPolicyCommand({ PolicySourceArn: alice.arn }))
    expect(ofAlice.ContextKeyNames?.toSorted()).toEqual(['aws:username', 'orders:kind'])
    expect(await refusal(send(new GetContextKeysForCustomPolicyCommand({ PolicyInputList: ['x'] })))).toMatch(
      /^400 InvalidInput/,
    )
  })
})
