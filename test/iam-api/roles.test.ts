import {
  AttachRolePolicyCommand,
  CreateRoleCommand,
  DeleteRoleCommand,
  DeleteRolePermissionsBoundaryCommand,
  DeleteRolePolicyCommand,
  DetachRolePolicyCommand,
  GetRoleCommand,
  GetRolePolicyCommand,
  ListAttachedRolePoliciesCommand,
  ListInstanceProfilesForRoleCommand,
  ListRolePoliciesCommand,
  ListRolesCommand,
  ListRoleTagsCommand,
  PutRolePermissionsBoundaryCommand,
  PutRolePolicyCommand,
  TagRoleCommand,
  UntagRoleCommand,
  UpdateAssumeRolePolicyCommand,
  UpdateRoleCommand,
  UpdateRoleDescriptionCommand,
} from '@aws-sdk/client-iam'
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

import { fixedClock, home } from '../support/fixtures.ts'
import { allow, bugs, builtIn, document, refusal, startIam, trust, type IamServer } from './harness.ts'

const clock = fixedClock()
let server: IamServer
let send: IamServer['admin']['send']

beforeAll(async () => {
  server = await startIam(clock, { roles_per_account: 6 })
  send = server.admin.send.bind(server.admin)
})
afterAll(() => server.close())
afterEach(() => expect(bugs).toEqual([]))

describe('a role', () => {
  it('is created whole and read back, the trust policy byte for byte', async () => {
    const AssumeRolePolicyDocument = JSON.stringify(JSON.parse(trust), undefined, 2)
    const { Role } = await send(
      new CreateRoleCommand({
        RoleName: 'Deploy',
        Path: '/ci/',
        AssumeRolePolicyDocument,
        Description: 'Grüße & <more>',
        MaxSessionDuration: 7200,
        PermissionsBoundary: builtIn('PowerUserAccess'),
        Tags: [{ Key: 'env', Value: 'prod' }],
      }),
    )
    expect(Role).toMatchObject({
      Arn: `arn:aws:iam::${home}:role/ci/Deploy`,
      Description: 'Grüße & <more>',
      MaxSessionDuration: 7200,
      Tags: [{ Key: 'env', Value: 'prod' }],
    })
    const read = (await send(new GetRoleCommand({ RoleName: 'deploy' }))).Role
    expect(read).toMatchObject({ RoleId: Role?.RoleId, RoleLastUsed: {} })
    expect(decodeURIComponent(read?.AssumeRolePolicyDocument ?? '')).toBe(AssumeRolePolicyDocument)
    expect((await send(new ListRolesCommand({ PathPrefix: '/ci/' }))).Roles).toHaveLength(1)
  })

  it('changes its description, length of sessions and trust', async () => {
    await send(new UpdateRoleCommand({ RoleName: 'Deploy', MaxSessionDuration: 3600, Description: 'new' }))
    const { Role } = await send(
      new UpdateRoleDescriptionCommand({ RoleName: 'Deploy', Description: 'newer' }),
    )
    expect(Role).toMatchObject({ Description: 'newer', MaxSessionDuration: 3600 })
    await send(new UpdateAssumeRolePolicyCommand({ RoleName: 'Deploy', PolicyDocument: trust }))
    const read = (await send(new GetRoleCommand({ RoleName: 'Deploy' }))).Role
    expect(decodeURIComponent(read?.AssumeRolePolicyDocument ?? '')).toBe(trust)
  })

  it('has boundary, tags, attached and inline policies', async () => {
    const RoleName = 'Deploy'
    await send(new DeleteRolePermissionsBoundaryCommand({ RoleName }))
    expect((await send(new GetRoleCommand({ RoleName }))).Role?.PermissionsBoundary).toBeUndefined()
    await send(
      new PutRolePermissionsBoundaryCommand({ RoleName, PermissionsBoundary: builtIn('ReadOnlyAccess') }),
    )
    await send(new TagRoleCommand({ RoleName, Tags: [{ Key: 'b', Value: '' }] }))
    await send(new UntagRoleCommand({ RoleName, TagKeys: ['ENV'] }))
    expect((await send(new ListRoleTagsCommand({ RoleName }))).Tags).toEqual([{ Key: 'b', Value: '' }])
    await send(new AttachRolePolicyCommand({ RoleName, PolicyArn: builtIn('SecurityAudit') }))
    expect((await send(new ListAttachedRolePoliciesCommand({ RoleName }))).AttachedPolicies).toHaveLength(1)
    expect(
      (await send(new ListAttachedRolePoliciesCommand({ RoleName, PathPrefix: '/x/' }))).AttachedPolicies,
    ).toEqual([])
    await send(new PutRolePolicyCommand({ RoleName, PolicyName: 'one', PolicyDocument: allow('s3:*') }))
    expect((await send(new ListRolePoliciesCommand({ RoleName }))).PolicyNames).toEqual(['one'])
    expect((await send(new GetRolePolicyCommand({ RoleName, PolicyName: 'one' }))).PolicyDocument).toBe(
      encodeURIComponent(allow('s3:*')).replaceAll('*', '%2A'),
    )
    expect((await send(new ListInstanceProfilesForRoleCommand({ RoleName }))).InstanceProfiles).toEqual([])
  })

  it('tells when its sessions were last used, and they end when it is deleted', async () => {
    const RoleName = 'Deploy'
    const client = (credentials: ConstructorParameters<typeof STSClient>[0]) =>
      new STSClient({
        region: 'eu-central-1',
        endpoint: server.url,
        maxAttempts: 1,
        systemClockOffset: clock().epochMilliseconds - Date.now(),
        ...credentials,
      })
    const { Credentials } = await client({ credentials: server.adminCredentials }).send(
      new AssumeRoleCommand({ RoleArn: `arn:aws:iam::${home}:role/ci/Deploy`, RoleSessionName: 'one' }),
    )
    const session = client({
      credentials: {
        accessKeyId: Credentials?.AccessKeyId ?? '',
        secretAccessKey: Credentials?.SecretAccessKey ?? '',
        sessionToken: Credentials?.SessionToken ?? '',
      },
    })
    await session.send(new GetCallerIdentityCommand({}))
    expect((await send(new GetRoleCommand({ RoleName }))).Role?.RoleLastUsed).toEqual({
      LastUsedDate: new Date('2026-11-22T10:00:00Z'),
      Region: 'eu-central-1',
    })
    const gone = () => refusal(send(new DeleteRoleCommand({ RoleName })))
    expect(await gone()).toBe('409 DeleteConflict Cannot delete entity, must detach all policies first.')
    await send(new DetachRolePolicyCommand({ RoleName, PolicyArn: builtIn('SecurityAudit') }))
    expect(await gone()).toBe('409 DeleteConflict Cannot delete entity, must delete policies first.')
    await send(new DeleteRolePolicyCommand({ RoleName, PolicyName: 'one' }))
    expect(await gone()).toBe('accepted')
    expect(await refusal(session.send(new GetCallerIdentityCommand({})))).toMatch(/^403 ExpiredToken/)
  })
})

describe('refuses', () => {
  const create = (RoleName: string, AssumeRolePolicyDocument: string, more = {}) =>
    refusal(send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument, ...more })))

  it('a trust policy that is none, names nobody, or is too long', async () => {
    expect(await create('r', allow('sts:AssumeRole'))).toMatch(/^400 MalformedPolicyDocument/)
    expect(
      await create(
        'r',
        document({
          Effect: 'Allow',
          Principal: { AWS: `arn:aws:iam::${home}:user/nobody` },
          Action: 'sts:AssumeRole',
        }),
      ),
    ).toMatch(/^400 MalformedPolicyDocument Invalid principal/)
    expect(
      await create(
        'r',
        document({
          Sid: 'A'.repeat(3000),
          Effect: 'Allow',
          Principal: { AWS: home },
          Action: 'sts:AssumeRole',
        }),
      ),
    ).toMatch(/^409 LimitExceeded/)
  })

  it('a boundary that does not exist, or is none', async () => {
    const missing = `404 NoSuchEntity Scope ARN: ${builtIn('Nothing')} does not exist or is not attachable.`
    expect(await create('r', trust, { PermissionsBoundary: builtIn('Nothing') })).toBe(missing)
    await create('bounded', trust)
    const put = (PermissionsBoundary: string) =>
      refusal(send(new PutRolePermissionsBoundaryCommand({ RoleName: 'bounded', PermissionsBoundary })))
    expect(await put(builtIn('Nothing'))).toBe(missing)
    expect(await put(`arn:aws:iam::${home}:user/somebody`)).toMatch(/^400 InvalidInput/)
  })

  it('tags whose keys differ by case alone, or are of another realm', async () => {
    const Tags = [
      { Key: 'a', Value: '' },
      { Key: 'A', Value: '' },
    ]
    expect(await create('r', trust, { Tags })).toBe(
      '400 InvalidInput Duplicate tag keys found. Please note that Tag keys are case insensitive.',
    )
    expect(await create('r', trust, { Tags: [{ Key: 'aws:x', Value: '' }] })).toMatch(/^400 InvalidInput/)
  })

  it('tags at the creation from who may not tag, and a boundary that is not the one', async () => {
    const { client } = await server.user('creator', {
      Effect: 'Allow',
      Action: 'iam:CreateRole',
      Resource: '*',
      Condition: { StringEquals: { 'iam:PermissionsBoundary': builtIn('ReadOnlyAccess') } },
    })
    const make = (more: object) =>
      refusal(
        client.send(new CreateRoleCommand({ RoleName: 'tagged', AssumeRolePolicyDocument: trust, ...more })),
      )
    const PermissionsBoundary = builtIn('ReadOnlyAccess')
    expect(await make({ PermissionsBoundary, Tags: [{ Key: 'a', Value: '1' }] })).toMatch(
      /^403 AccessDenied .*iam:TagRole/,
    )
    expect(await make({})).toMatch(/^403 AccessDenied .*iam:CreateRole/)
    expect(await make({ PermissionsBoundary })).toBe('accepted')
  })

  it('one role more than the account may have, and a name that is taken', async () => {
    expect(await create('BOUNDED', trust)).toMatch(/^409 EntityAlreadyExists/)
    for (const name of ['r1', 'r2', 'r3', 'r4']) await create(name, trust)
    expect(await create('r5', trust)).toBe('409 LimitExceeded Cannot exceed quota for RolesPerAccount: 6')
  })
})
