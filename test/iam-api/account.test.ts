import {
  AddUserToGroupCommand,
  AttachUserPolicyCommand,
  CreateGroupCommand,
  CreatePolicyCommand,
  CreateRoleCommand,
  CreateUserCommand,
  GetAccountAuthorizationDetailsCommand,
  GetAccountSummaryCommand,
  paginateGetAccountAuthorizationDetails,
  PutRolePolicyCommand,
} from '@aws-sdk/client-iam'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

import { fixedClock, home } from '../support/fixtures.ts'
import { allow, bugs, builtIn, startIam, trust, type IamServer } from './harness.ts'

const clock = fixedClock()
let server: IamServer
let send: IamServer['admin']['send']

beforeAll(async () => {
  server = await startIam(clock)
  send = server.admin.send.bind(server.admin)
  for (const UserName of ['ann', 'ben']) await send(new CreateUserCommand({ UserName }))
  for (const GroupName of ['g', 'h']) await send(new CreateGroupCommand({ GroupName }))
  await send(new AddUserToGroupCommand({ GroupName: 'g', UserName: 'ann' }))
  await send(new AttachUserPolicyCommand({ UserName: 'ann', PolicyArn: builtIn('ReadOnlyAccess') }))
  await send(
    new CreateRoleCommand({
      RoleName: 'Ops',
      AssumeRolePolicyDocument: trust,
      Tags: [{ Key: 'a', Value: 'b' }],
    }),
  )
  await send(new PutRolePolicyCommand({ RoleName: 'Ops', PolicyName: 'p', PolicyDocument: allow('s3:*') }))
  await send(new CreatePolicyCommand({ PolicyName: 'Own', PolicyDocument: allow('s3:*') }))
})
afterAll(() => server.close())
afterEach(() => expect(bugs).toEqual([]))

describe('the account', () => {
  it('is summed up, with its quotas', async () => {
    const { SummaryMap } = await send(new GetAccountSummaryCommand({}))
    expect(SummaryMap).toMatchObject({
      Users: 3,
      UsersQuota: 5000,
      Groups: 2,
      Roles: 1,
      Policies: 1,
      PolicyVersionsInUse: 1,
      AccountAccessKeysPresent: 1,
      AccessKeysPerUserQuota: 2,
      Providers: 0,
      MFADevices: 0,
      GlobalEndpointTokenVersion: 1,
    })
    expect(Object.keys(SummaryMap ?? {})).toHaveLength(34)
  })

  it('is told in detail, over four lists, page by page', async () => {
    const whole = await send(new GetAccountAuthorizationDetailsCommand({}))
    expect(whole.UserDetailList?.find(({ UserName }) => UserName === 'ann')).toMatchObject({
      GroupList: ['g'],
      UserPolicyList: [],
      AttachedManagedPolicies: [{ PolicyName: 'ReadOnlyAccess', PolicyArn: builtIn('ReadOnlyAccess') }],
    })
    expect(whole.RoleDetailList).toMatchObject([
      {
        Arn: `arn:aws:iam::${home}:role/Ops`,
        RolePolicyList: [{ PolicyName: 'p' }],
        InstanceProfileList: [],
        Tags: [{ Key: 'a', Value: 'b' }],
      },
    ])
    expect(decodeURIComponent(whole.RoleDetailList?.[0]?.RolePolicyList?.[0]?.PolicyDocument ?? '')).toBe(
      allow('s3:*'),
    )
    const own = whole.Policies?.find(({ PolicyName }) => PolicyName === 'Own')
    expect(own?.PolicyVersionList).toMatchObject([{ VersionId: 'v1', IsDefaultVersion: true }])

    const paged: Record<string, unknown[]> = {}
    let pages = 0
    for await (const page of paginateGetAccountAuthorizationDetails(
      { client: server.admin, pageSize: 2 },
      {},
    )) {
      pages++
      for (const list of ['UserDetailList', 'GroupDetailList', 'RoleDetailList', 'Policies'] as const)
        paged[list] = [...(paged[list] ?? []), ...(page[list] ?? [])]
    }
    expect(pages).toBe(Math.ceil(Object.values(paged).flat().length / 2))
    expect(paged).toEqual({
      UserDetailList: whole.UserDetailList,
      GroupDetailList: whole.GroupDetailList,
      RoleDetailList: whole.RoleDetailList,
      Policies: whole.Policies,
    })
  })

  it('is told in detail for the kinds that are asked for', async () => {
    const some = await send(
      new GetAccountAuthorizationDetailsCommand({ Filter: ['Group', 'LocalManagedPolicy'] }),
    )
    expect([
      some.UserDetailList,
      some.GroupDetailList?.map(({ GroupName }) => GroupName),
      some.RoleDetailList,
      some.Policies?.map(({ PolicyName }) => PolicyName),
    ]).toEqual([[], ['g', 'h'], [], ['Own']])
    const every = await send(new GetAccountAuthorizationDetailsCommand({ Filter: [], MaxItems: 1_000 }))
    expect(every.GroupDetailList).toHaveLength(2)
    expect(every.Policies?.length).toBeGreaterThan(40)
  })
})
