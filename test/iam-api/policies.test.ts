import {
  AttachRolePolicyCommand,
  AttachUserPolicyCommand,
  CreatePolicyCommand,
  CreatePolicyVersionCommand,
  CreateRoleCommand,
  CreateUserCommand,
  DeletePolicyCommand,
  DeletePolicyVersionCommand,
  DeleteUserCommand,
  DeleteUserPolicyCommand,
  DetachRolePolicyCommand,
  DetachUserPolicyCommand,
  GetPolicyCommand,
  GetPolicyVersionCommand,
  GetUserPolicyCommand,
  ListAttachedUserPoliciesCommand,
  ListEntitiesForPolicyCommand,
  ListPoliciesCommand,
  ListPolicyTagsCommand,
  ListPolicyVersionsCommand,
  ListUserPoliciesCommand,
  paginateListPolicies,
  PutUserPermissionsBoundaryCommand,
  PutUserPolicyCommand,
  SetDefaultPolicyVersionCommand,
  TagPolicyCommand,
  UntagPolicyCommand,
} from '@aws-sdk/client-iam'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

import { fixedClock, home } from '../support/fixtures.ts'
import { allow, bugs, builtIn, refusal, startIam, trust, type IamServer } from './harness.ts'

const clock = fixedClock()
let server: IamServer
let send: IamServer['admin']['send']
const PolicyArn = `arn:aws:iam::${home}:policy/apps/Orders`

beforeAll(async () => {
  server = await startIam(clock)
  send = server.admin.send.bind(server.admin)
  await send(new CreateUserCommand({ UserName: 'ann' }))
  await send(new CreateRoleCommand({ RoleName: 'Ops', Path: '/x/', AssumeRolePolicyDocument: trust }))
})
afterAll(() => server.close())
afterEach(() => expect(bugs).toEqual([]))

describe('a managed policy', () => {
  it('is created as version 1 and read back', async () => {
    const { Policy } = await send(
      new CreatePolicyCommand({
        PolicyName: 'Orders',
        Path: '/apps/',
        PolicyDocument: allow('s3:GetObject'),
        Description: 'Read orders',
        Tags: [{ Key: 'app', Value: 'orders' }],
      }),
    )
    expect(Policy).toEqual({
      PolicyName: 'Orders',
      PolicyId: expect.stringMatching(/^ANPA[A-Z2-7]{17}$/) as string,
      Arn: PolicyArn,
      Path: '/apps/',
      DefaultVersionId: 'v1',
      AttachmentCount: 0,
      PermissionsBoundaryUsageCount: 0,
      IsAttachable: true,
      Description: 'Read orders',
      CreateDate: new Date('2026-11-22T10:00:00Z'),
      UpdateDate: new Date('2026-11-22T10:00:00Z'),
      Tags: [{ Key: 'app', Value: 'orders' }],
    })
    expect((await send(new GetPolicyCommand({ PolicyArn }))).Policy).toEqual(Policy)
  })

  it('has up to five versions, one of which decides', async () => {
    for (const SetAsDefault of [false, true, false, false])
      await send(
        new CreatePolicyVersionCommand({ PolicyArn, PolicyDocument: allow('s3:Put*'), SetAsDefault }),
      )
    const versions = (await send(new ListPolicyVersionsCommand({ PolicyArn }))).Versions ?? []
    expect(versions.map(({ VersionId, IsDefaultVersion }) => [VersionId, IsDefaultVersion])).toEqual([
      ['v5', false],
      ['v4', false],
      ['v3', true],
      ['v2', false],
      ['v1', false],
    ])
    expect(
      await refusal(send(new CreatePolicyVersionCommand({ PolicyArn, PolicyDocument: allow('s3:Put*') }))),
    ).toMatch(/^409 LimitExceeded/)
    await send(new SetDefaultPolicyVersionCommand({ PolicyArn, VersionId: 'v1' }))
    const { PolicyVersion } = await send(new GetPolicyVersionCommand({ PolicyArn, VersionId: 'v1' }))
    expect(PolicyVersion).toMatchObject({ VersionId: 'v1', IsDefaultVersion: true })
    expect(decodeURIComponent(PolicyVersion?.Document ?? '')).toBe(allow('s3:GetObject'))
    const remove = (VersionId: string) =>
      refusal(send(new DeletePolicyVersionCommand({ PolicyArn, VersionId })))
    expect(await remove('v1')).toBe('409 DeleteConflict Cannot delete the default version of a policy.')
    expect(await remove('v2')).toBe('accepted')
    expect(await remove('v2')).toMatch(/^404 NoSuchEntity/)
    expect(await remove('v99999999999999')).toMatch(/^404 NoSuchEntity/)
    for (const VersionId of ['v2', 'v1.x']) {
      expect(await refusal(send(new GetPolicyVersionCommand({ PolicyArn, VersionId })))).toMatch(
        /^404 NoSuchEntity/,
      )
      expect(await refusal(send(new SetDefaultPolicyVersionCommand({ PolicyArn, VersionId })))).toMatch(
        /^404 NoSuchEntity/,
      )
    }
  })

  it('tells who holds it, and as what', async () => {
    await send(new AttachUserPolicyCommand({ UserName: 'ann', PolicyArn }))
    await send(new AttachRolePolicyCommand({ RoleName: 'Ops', PolicyArn }))
    await send(new PutUserPermissionsBoundaryCommand({ UserName: 'ann', PermissionsBoundary: PolicyArn }))
    expect((await send(new GetPolicyCommand({ PolicyArn }))).Policy).toMatchObject({
      AttachmentCount: 2,
      PermissionsBoundaryUsageCount: 1,
    })
    const holders = async (more: object) => {
      const found = await send(new ListEntitiesForPolicyCommand({ PolicyArn, ...more }))
      return [
        ...(found.PolicyUsers ?? []).map(({ UserName }) => UserName),
        ...(found.PolicyGroups ?? []).map(({ GroupName }) => GroupName),
        ...(found.PolicyRoles ?? []).map(({ RoleName }) => RoleName),
        ...(found.IsTruncated ? ['…'] : []),
      ]
    }
    expect(await holders({})).toEqual(['ann', 'Ops'])
    expect(await holders({ EntityFilter: 'Role' })).toEqual(['Ops'])
    expect(await holders({ EntityFilter: 'AWSManagedPolicy' })).toEqual([])
    expect(await holders({ PolicyUsageFilter: 'PermissionsBoundary' })).toEqual(['ann'])
    expect(await holders({ PathPrefix: '/x/' })).toEqual(['Ops'])
    const { Marker } = await send(new ListEntitiesForPolicyCommand({ PolicyArn, MaxItems: 1 }))
    expect(await holders({ MaxItems: 1, Marker })).toEqual(['ann'])
    expect(
      (await send(new ListAttachedUserPoliciesCommand({ UserName: 'ann', PathPrefix: '/apps/' })))
        .AttachedPolicies,
    ).toEqual([{ PolicyName: 'Orders', PolicyArn }])
  })

  it('is tagged', async () => {
    await send(new TagPolicyCommand({ PolicyArn, Tags: [{ Key: 'APP', Value: 'x' }] }))
    await send(new TagPolicyCommand({ PolicyArn, Tags: [{ Key: 'b', Value: 'y' }] }))
    await send(new UntagPolicyCommand({ PolicyArn, TagKeys: ['app'] }))
    expect((await send(new ListPolicyTagsCommand({ PolicyArn }))).Tags).toEqual([{ Key: 'b', Value: 'y' }])
  })

  it('is not deleted while it is used or has versions', async () => {
    const gone = () => refusal(send(new DeletePolicyCommand({ PolicyArn })))
    expect(await gone()).toBe('409 DeleteConflict Cannot delete a policy attached to entities.')
    await send(new DetachUserPolicyCommand({ UserName: 'ann', PolicyArn }))
    await send(new DetachRolePolicyCommand({ RoleName: 'Ops', PolicyArn }))
    expect(await gone()).toMatch(/attached to entities/)
    await send(
      new PutUserPermissionsBoundaryCommand({
        UserName: 'ann',
        PermissionsBoundary: builtIn('PowerUserAccess'),
      }),
    )
    expect(await gone()).toMatch(/^409 DeleteConflict This policy has more than one version/)
    for (const VersionId of ['v3', 'v4', 'v5'])
      await send(new DeletePolicyVersionCommand({ PolicyArn, VersionId }))
    expect(await gone()).toBe('accepted')
    expect(await refusal(send(new GetPolicyCommand({ PolicyArn })))).toMatch(/^404 NoSuchEntity/)
  })

  it('that comes with Signet is listed, read, attached and changed by nobody, root included', async () => {
    const arn = builtIn('ReadOnlyAccess')
    const { Policy } = await send(new GetPolicyCommand({ PolicyArn: arn }))
    expect(Policy).toMatchObject({ PolicyName: 'ReadOnlyAccess', DefaultVersionId: 'v1' })
    const { Versions } = await send(new ListPolicyVersionsCommand({ PolicyArn: arn }))
    expect(Versions).toHaveLength(1)
    expect(
      (await send(new GetPolicyVersionCommand({ PolicyArn: arn, VersionId: 'v1' }))).PolicyVersion?.Document,
    ).toContain('Statement')
    for (const client of [server.admin, server.root]) {
      expect(
        await refusal(client.send(new TagPolicyCommand({ PolicyArn: arn, Tags: [{ Key: 'a', Value: '' }] }))),
      ).toMatch(/^403 AccessDenied/)
      expect(await refusal(client.send(new DeletePolicyCommand({ PolicyArn: arn })))).toMatch(
        /^403 AccessDenied/,
      )
    }
  })

  it('that AWS has for a service is attached by the ARN that tools know', async () => {
    const PolicyArn = builtIn('service-role/AWSLambdaBasicExecutionRole')
    await send(new CreateUserCommand({ UserName: 'worker' }))
    await send(new AttachUserPolicyCommand({ UserName: 'worker', PolicyArn }))
    const { AttachedPolicies } = await send(
      new ListAttachedUserPoliciesCommand({ UserName: 'worker', PathPrefix: '/service-role/' }),
    )
    expect(AttachedPolicies).toEqual([{ PolicyName: 'AWSLambdaBasicExecutionRole', PolicyArn }])
    expect((await send(new GetPolicyCommand({ PolicyArn }))).Policy).toMatchObject({
      Path: '/service-role/',
      AttachmentCount: 1,
    })
    await send(new DetachUserPolicyCommand({ UserName: 'worker', PolicyArn }))
  })

  it('is listed by scope, path and use', async () => {
    for (const name of ['L1', 'L2', 'L3'])
      await send(new CreatePolicyCommand({ PolicyName: name, Path: '/l/', PolicyDocument: allow('s3:*') }))
    const list = async (input: object) => {
      const names: string[] = []
      for await (const { Policies } of paginateListPolicies({ client: server.admin, pageSize: 2 }, input))
        names.push(...(Policies ?? []).map(({ PolicyName }) => PolicyName ?? ''))
      return names
    }
    expect(await list({ Scope: 'Local', PathPrefix: '/l/' })).toEqual(['L1', 'L2', 'L3'])
    const all = await list({})
    expect(all).toContain('AdministratorAccess')
    expect(all).toContain('L3')
    expect(new Set(all).size).toBe(all.length)
    expect(await list({ OnlyAttached: true })).toEqual(['AdministratorAccess', 'PowerUserAccess'])
    expect(await list({ PolicyUsageFilter: 'PermissionsBoundary' })).toEqual(['PowerUserAccess'])
    expect((await send(new ListPoliciesCommand({ Scope: 'AWS' }))).Policies).toHaveLength(47)
  })
})

describe('an inline policy of a user', () => {
  it('is put, read, listed, deleted, and keeps the user from being deleted', async () => {
    const name = { UserName: 'ann', PolicyName: 'Own' }
    await send(new PutUserPolicyCommand({ ...name, PolicyDocument: allow('s3:*') }))
    expect((await send(new ListUserPoliciesCommand({ UserName: 'ann' }))).PolicyNames).toEqual(['Own'])
    expect((await send(new GetUserPolicyCommand(name))).UserName).toBe('ann')
    expect(await refusal(send(new DeleteUserCommand({ UserName: 'ann' })))).toBe(
      '409 DeleteConflict Cannot delete entity, must delete policies first.',
    )
    await send(new DeleteUserPolicyCommand(name))
    expect(await refusal(send(new GetUserPolicyCommand(name)))).toBe(
      '404 NoSuchEntity The user policy with name Own cannot be found.',
    )
    expect(await refusal(send(new DeleteUserPolicyCommand(name)))).toMatch(/^404 NoSuchEntity/)
  })
})

describe('refuses', () => {
  it('a document that is no policy, or too long, and changes nothing', async () => {
    const create = (PolicyDocument: string) =>
      refusal(send(new CreatePolicyCommand({ PolicyName: 'Bad', PolicyDocument })))
    expect(await create('{')).toMatch(/^400 MalformedPolicyDocument/)
    expect(await create(allow('*', `arn:aws:s3:::${'a'.repeat(6_200)}`))).toMatch(/^409 LimitExceeded/)
    expect(
      await refusal(send(new GetPolicyCommand({ PolicyArn: `arn:aws:iam::${home}:policy/Bad` }))),
    ).toMatch(/^404/)
  })

  it('the ARN of something else, and policies of another account', async () => {
    const get = (arn: string) => refusal(send(new GetPolicyCommand({ PolicyArn: arn })))
    expect(await get('arn:aws:s3:::bucket/policy/x')).toMatch(/^400 InvalidInput ARN .* is not valid/)
    expect(await get('arn:aws:iam::999988887777:policy/Other')).toMatch(/^403 AccessDenied/)
    expect(
      await refusal(
        send(
          new AttachUserPolicyCommand({
            UserName: 'ann',
            PolicyArn: 'arn:aws:iam::999988887777:policy/Other',
          }),
        ),
      ),
    ).toMatch(/^404 NoSuchEntity/)
  })

  it('attaching what the condition on iam:PolicyARN does not name', async () => {
    const { client } = await server.user('delegate', {
      Effect: 'Allow',
      Action: 'iam:AttachUserPolicy',
      Resource: '*',
      Condition: { ArnEquals: { 'iam:PolicyARN': builtIn('ReadOnlyAccess') } },
    })
    const attach = (name: string) =>
      refusal(client.send(new AttachUserPolicyCommand({ UserName: 'ann', PolicyArn: builtIn(name) })))
    expect(await attach('AdministratorAccess')).toMatch(/^403 AccessDenied/)
    expect(await attach('ReadOnlyAccess')).toBe('accepted')
  })
})
