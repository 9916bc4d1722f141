import {
  AddUserToGroupCommand,
  AttachGroupPolicyCommand,
  CreateGroupCommand,
  CreateUserCommand,
  DeleteGroupCommand,
  DeleteGroupPolicyCommand,
  DetachGroupPolicyCommand,
  GetGroupCommand,
  GetGroupPolicyCommand,
  ListAttachedGroupPoliciesCommand,
  ListGroupPoliciesCommand,
  ListGroupsCommand,
  ListGroupsForUserCommand,
  paginateGetGroup,
  PutGroupPolicyCommand,
  RemoveUserFromGroupCommand,
  UpdateGroupCommand,
} from '@aws-sdk/client-iam'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

import { fixedClock, home } from '../support/fixtures.ts'
import { allow, bugs, builtIn, refusal, startIam, type IamServer } from './harness.ts'

const clock = fixedClock()
let server: IamServer
let send: IamServer['admin']['send']

beforeAll(async () => {
  server = await startIam(clock, { groups_per_user: 2, policies_per_group: 2, group_policy_size: 200 })
  send = server.admin.send.bind(server.admin)
  for (const UserName of ['ann', 'ben', 'cat']) await send(new CreateUserCommand({ UserName }))
})
afterAll(() => server.close())
afterEach(() => expect(bugs).toEqual([]))

describe('a group', () => {
  it('is created, listed, renamed and moved', async () => {
    const { Group } = await send(new CreateGroupCommand({ GroupName: 'Sales', Path: '/eu/' }))
    expect(Group).toEqual({
      Path: '/eu/',
      GroupName: 'Sales',
      GroupId: expect.stringMatching(/^AGPA[A-Z2-7]{17}$/) as string,
      Arn: `arn:aws:iam::${home}:group/eu/Sales`,
      CreateDate: new Date('2026-11-22T10:00:00Z'),
    })
    expect((await send(new ListGroupsCommand({ PathPrefix: '/eu/' }))).Groups).toEqual([Group])
    await send(new UpdateGroupCommand({ GroupName: 'sales', NewGroupName: 'Sellers', NewPath: '/us/' }))
    const moved = (await send(new GetGroupCommand({ GroupName: 'SELLERS' }))).Group
    expect(moved).toEqual({
      ...Group,
      GroupName: 'Sellers',
      Path: '/us/',
      Arn: `arn:aws:iam::${home}:group/us/Sellers`,
    })
  })

  it('has members, page by page', async () => {
    for (const UserName of ['ann', 'ben', 'cat', 'ann'])
      await send(new AddUserToGroupCommand({ GroupName: 'Sellers', UserName }))
    const names: string[] = []
    for await (const { Users } of paginateGetGroup(
      { client: server.admin, pageSize: 1 },
      { GroupName: 'Sellers' },
    ))
      names.push(...(Users ?? []).map(({ UserName }) => UserName ?? ''))
    expect(names).toEqual(['ann', 'ben', 'cat'])
    await send(new RemoveUserFromGroupCommand({ GroupName: 'Sellers', UserName: 'cat' }))
    const groups = async (UserName: string) =>
      (await send(new ListGroupsForUserCommand({ UserName }))).Groups?.map(({ GroupName }) => GroupName)
    expect([await groups('ann'), await groups('cat')]).toEqual([['Sellers'], []])
  })

  it('carries attached and inline policies, and the document comes back byte for byte', async () => {
    const PolicyArn = builtIn('ReadOnlyAccess')
    await send(new AttachGroupPolicyCommand({ GroupName: 'Sellers', PolicyArn }))
    expect(
      (await send(new ListAttachedGroupPoliciesCommand({ GroupName: 'Sellers' }))).AttachedPolicies,
    ).toEqual([{ PolicyName: 'ReadOnlyAccess', PolicyArn }])
    const PolicyDocument = `${allow('s3:*')}\n \t "é" `.replace(' "é" ', '')
    await send(new PutGroupPolicyCommand({ GroupName: 'Sellers', PolicyName: 'Inline', PolicyDocument }))
    const read = await send(new GetGroupPolicyCommand({ GroupName: 'Sellers', PolicyName: 'inline' }))
    expect(decodeURIComponent(read.PolicyDocument ?? '')).toBe(PolicyDocument)
    expect(read.PolicyDocument).not.toMatch(/[+ ]/)
    expect((await send(new ListGroupPoliciesCommand({ GroupName: 'Sellers' }))).PolicyNames).toEqual([
      'Inline',
    ])
  })

  it('is not deleted before what hangs on it is gone', async () => {
    const gone = () => refusal(send(new DeleteGroupCommand({ GroupName: 'Sellers' })))
    expect(await gone()).toBe('409 DeleteConflict Cannot delete entity, must detach all policies first.')
    await send(new DetachGroupPolicyCommand({ GroupName: 'Sellers', PolicyArn: builtIn('ReadOnlyAccess') }))
    expect(await gone()).toBe('409 DeleteConflict Cannot delete entity, must delete policies first.')
    await send(new DeleteGroupPolicyCommand({ GroupName: 'Sellers', PolicyName: 'Inline' }))
    expect(await gone()).toBe('409 DeleteConflict Cannot delete entity, must remove users from group first.')
    for (const UserName of ['ann', 'ben'])
      await send(new RemoveUserFromGroupCommand({ GroupName: 'Sellers', UserName }))
    expect(await gone()).toBe('accepted')
  })
})

describe('refuses', () => {
  it('one group more than a user may be in', async () => {
    for (const GroupName of ['g1', 'g2', 'g3']) await send(new CreateGroupCommand({ GroupName }))
    const join = (GroupName: string) =>
      refusal(send(new AddUserToGroupCommand({ GroupName, UserName: 'ann' })))
    expect([await join('g1'), await join('g2'), await join('g1'), await join('g3')]).toEqual([
      'accepted',
      'accepted',
      'accepted',
      '409 LimitExceeded Cannot exceed quota for GroupsPerUser: 2',
    ])
  })

  it('more policies, or more text in them, than the quotas', async () => {
    const attach = (name: string) =>
      refusal(send(new AttachGroupPolicyCommand({ GroupName: 'g1', PolicyArn: builtIn(name) })))
    expect([
      await attach('ReadOnlyAccess'),
      await attach('SecurityAudit'),
      await attach('PowerUserAccess'),
    ]).toEqual(['accepted', 'accepted', '409 LimitExceeded Cannot exceed quota for PoliciesPerGroup: 2'])
    const put = (PolicyName: string) =>
      refusal(send(new PutGroupPolicyCommand({ GroupName: 'g2', PolicyName, PolicyDocument: allow('s3:*') })))
    expect([await put('a'), await put('b'), await put('c')]).toEqual([
      'accepted',
      'accepted',
      expect.stringMatching(/^409 LimitExceeded/) as string,
    ])
    expect((await send(new ListGroupPoliciesCommand({ GroupName: 'g2' }))).PolicyNames).toEqual(['a', 'b'])
  })

  it('a policy that does not exist, is not attached, or is none', async () => {
    const attach = (PolicyArn: string) =>
      refusal(send(new AttachGroupPolicyCommand({ GroupName: 'g3', PolicyArn })))
    expect(await attach(builtIn('Nothing'))).toMatch(/^404 NoSuchEntity/)
    expect(await attach(`arn:aws:iam::${home}:policy/nothing`)).toMatch(/^404 NoSuchEntity/)
    expect(await attach(`arn:aws:iam::${home}:role/a-role`)).toMatch(/^400 InvalidInput/)
    expect(
      await refusal(
        send(new DetachGroupPolicyCommand({ GroupName: 'g3', PolicyArn: builtIn('ReadOnlyAccess') })),
      ),
    ).toMatch(/^404 NoSuchEntity/)
    expect(
      await refusal(
        send(
          new PutGroupPolicyCommand({ GroupName: 'g3', PolicyName: 'p', PolicyDocument: '{"Version":1}' }),
        ),
      ),
    ).toMatch(/^400 MalformedPolicyDocument/)
  })

  it('a name that is taken, in another case', async () => {
    expect(await refusal(send(new CreateGroupCommand({ GroupName: 'G1' })))).toMatch(
      /^409 EntityAlreadyExists/,
    )
    expect(await refusal(send(new UpdateGroupCommand({ GroupName: 'g2', NewGroupName: 'G1' })))).toMatch(
      /^409 EntityAlreadyExists/,
    )
  })

  it('renaming into what the policy does not allow', async () => {
    const { client } = await server.user('renamer', {
      Effect: 'Allow',
      Action: 'iam:UpdateGroup',
      Resource: `arn:aws:iam::${home}:group/g*`,
    })
    const rename = (NewGroupName: string) =>
      refusal(client.send(new UpdateGroupCommand({ GroupName: 'g3', NewGroupName })))
    expect(await rename('admins')).toMatch(/^403 AccessDenied .*group\/admins/)
    expect(await rename('g4')).toBe('accepted')
  })
})
