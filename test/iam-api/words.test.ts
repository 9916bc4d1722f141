import {
  AddRoleToInstanceProfileCommand,
  CreateInstanceProfileCommand,
  CreateOpenIDConnectProviderCommand,
  CreatePolicyCommand,
  CreatePolicyVersionCommand,
  CreateRoleCommand,
  CreateUserCommand,
  CreateVirtualMFADeviceCommand,
  DeleteAccountPasswordPolicyCommand,
  DeleteVirtualMFADeviceCommand,
  GetInstanceProfileCommand,
  GetOpenIDConnectProviderCommand,
  GetPolicyCommand,
  RemoveRoleFromInstanceProfileCommand,
  SimulatePrincipalPolicyCommand,
  TagUserCommand,
} from '@aws-sdk/client-iam'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

import { fixedClock, home } from '../support/fixtures.ts'
import { allow, bugs, builtIn, document, refusal, startIam, trust, type IamServer } from './harness.ts'

const clock = fixedClock()
let server: IamServer
let send: IamServer['admin']['send']

beforeAll(async () => {
  server = await startIam(clock, { versions_per_policy: 1 })
  send = server.admin.send.bind(server.admin)
})
afterAll(() => server.close())
afterEach(() => expect(bugs).toEqual([]))

const statement = { Effect: 'Allow', Action: 's3:*', Resource: '*' }

describe('a refused policy says first what AWS says, then what and where', () => {
  const create = (PolicyDocument: string) =>
    refusal(send(new CreatePolicyCommand({ PolicyName: 'Bad', PolicyDocument })))

  it.each([
    ['no JSON', 'hello', 'Syntax errors in policy.'],
    ['no version', JSON.stringify({ Statement: statement }), 'Policy document must be version 2012-10-17'],
    [
      'no resource',
      document({ ...statement, Resource: undefined }),
      'Policy statement must contain resources.',
    ],
    ['no action', document({ ...statement, Action: undefined }), 'Policy statement must contain actions.'],
    [
      'an action of no service',
      document({ ...statement, Action: 'x' }),
      'Actions/Conditions must be prefaced',
    ],
    [
      'an action of two',
      document({ ...statement, Action: 'a:b:c' }),
      'Actions/Condition can contain only one',
    ],
    ['an action of a bad one', document({ ...statement, Action: 'a a:b' }), 'Vendor a a is not valid.'],
    ['a bad ARN', document({ ...statement, Resource: 'x y' }), 'Resource x y must be in ARN format or "*".'],
    ['a short ARN', document({ ...statement, Resource: 'arn:aws:s3' }), 'Resource arn:aws:s3 must be in ARN'],
    [
      'a principal',
      document({ ...statement, Principal: '*' }),
      'Policy document should not specify a principal.',
    ],
    [
      'one Sid twice',
      document({ ...statement, Sid: 'a' }, { ...statement, Sid: 'a' }),
      'Statement IDs (SID) in',
    ],
    ['a bad Sid', document({ ...statement, Sid: 'a b' }), 'Statement IDs (SID) must be alpha-numeric.'],
    [
      'a bad effect',
      document({ ...statement, Effect: 'allow' }),
      'Syntax errors in policy. Effect is "Allow"',
    ],
  ])('with %s', async (_, text, words) => {
    const said = await create(text)
    expect(said).toContain(`400 MalformedPolicyDocument ${words}`)
    expect(said).toMatch(/\(\$\S*, line 1\)$/)
  })
})

describe('a refused trust policy has words of its own', () => {
  const whom = { Effect: 'Allow', Principal: { AWS: home }, Action: 'sts:AssumeRole' }

  it.each([
    ['no JSON', '{', 'This policy contains invalid Json'],
    ['a resource', document({ ...whom, Resource: '*' }), 'Has prohibited field Resource'],
    [
      'another action',
      document({ ...whom, Action: 's3:*' }),
      'AssumeRole policy may only specify STS AssumeRole',
    ],
    ['no principal', document({ ...whom, Principal: undefined }), 'Missing required field Principal'],
    ['no action', document({ ...whom, Action: undefined }), 'Missing required field Action'],
    ['no effect', document({ ...whom, Effect: undefined }), 'Missing required field Effect'],
    ['no statement', '{"Version":"2012-10-17"}', 'Missing required field Statement'],
    ['what there is not', document({ ...whom, Who: 'me' }), 'Unknown field Who'],
  ])('with %s', async (_, AssumeRolePolicyDocument, words) => {
    const said = await refusal(send(new CreateRoleCommand({ RoleName: 'Bad', AssumeRolePolicyDocument })))
    expect(said).toContain(`400 MalformedPolicyDocument ${words}`)
  })

  it('and names its own quota', async () => {
    const AssumeRolePolicyDocument = document({ ...whom, Sid: 'A'.repeat(3_000) })
    expect(await refusal(send(new CreateRoleCommand({ RoleName: 'Bad', AssumeRolePolicyDocument })))).toBe(
      '409 LimitExceeded Cannot exceed quota for ACLSizePerRole: 2048',
    )
  })
})

describe('what is read alone', () => {
  it('has a list of tags, an empty one too', async () => {
    const PolicyArn = `arn:aws:iam::${home}:policy/Bare`
    const made = await send(new CreatePolicyCommand({ PolicyName: 'Bare', PolicyDocument: allow('s3:*') }))
    expect(made.Policy?.Tags).toBeUndefined()
    expect((await send(new GetPolicyCommand({ PolicyArn }))).Policy?.Tags).toEqual([])
    expect((await send(new GetPolicyCommand({ PolicyArn: builtIn('ReadOnlyAccess') }))).Policy?.Tags).toEqual(
      [],
    )
    await send(new CreateInstanceProfileCommand({ InstanceProfileName: 'bare' }))
    const { InstanceProfile } = await send(new GetInstanceProfileCommand({ InstanceProfileName: 'bare' }))
    expect(InstanceProfile).toMatchObject({ Roles: [], Tags: [] })
    const { OpenIDConnectProviderArn } = await send(
      new CreateOpenIDConnectProviderCommand({ Url: 'https://issuer.example', ThumbprintList: [] }),
    )
    expect(await send(new GetOpenIDConnectProviderCommand({ OpenIDConnectProviderArn }))).toMatchObject({
      ClientIDList: [],
      Tags: [],
    })
  })
})

describe('refusals are worded as clients know them', () => {
  it('for one version of a policy too many', async () => {
    await send(new CreatePolicyCommand({ PolicyName: 'Full', PolicyDocument: allow('s3:*') }))
    const PolicyArn = `arn:aws:iam::${home}:policy/Full`
    expect(
      await refusal(send(new CreatePolicyVersionCommand({ PolicyArn, PolicyDocument: allow('s3:*') }))),
    ).toMatch(/^409 LimitExceeded A managed policy can have up to 1 versions\. Before you create/)
  })

  it('for tags that come to more than fifty', async () => {
    const tags = (from: number) =>
      Array.from({ length: 26 }, (_, index) => ({ Key: `k${from + index}`, Value: '' }))
    await send(new CreateUserCommand({ UserName: 'tagged', Tags: tags(0) }))
    expect(await refusal(send(new TagUserCommand({ UserName: 'tagged', Tags: tags(100) })))).toBe(
      '409 LimitExceeded The number of tags has reached the maximum limit.',
    )
  })

  it('for a role that is not there, or not in the profile', async () => {
    await send(new CreateInstanceProfileCommand({ InstanceProfileName: 'empty' }))
    await send(new CreateRoleCommand({ RoleName: 'Out', AssumeRolePolicyDocument: trust }))
    const remove = (RoleName: string) =>
      refusal(send(new RemoveRoleFromInstanceProfileCommand({ InstanceProfileName: 'empty', RoleName })))
    expect(await remove('None')).toBe('404 NoSuchEntity The role with name None cannot be found.')
    expect(await remove('Out')).toBe('404 NoSuchEntity Role Out in Instance Profile empty cannot be found.')
    await send(new AddRoleToInstanceProfileCommand({ InstanceProfileName: 'empty', RoleName: 'Out' }))
    expect(await remove('Out')).toBe('accepted')
  })

  it('for devices and the password policy', async () => {
    await send(new CreateVirtualMFADeviceCommand({ VirtualMFADeviceName: 'phone' }))
    expect(await refusal(send(new CreateVirtualMFADeviceCommand({ VirtualMFADeviceName: 'phone' })))).toBe(
      '409 EntityAlreadyExists MFA device already exists.',
    )
    const SerialNumber = `arn:aws:iam::${home}:mfa/none`
    expect(await refusal(send(new DeleteVirtualMFADeviceCommand({ SerialNumber })))).toBe(
      `404 NoSuchEntity MFA Device with serial number ${SerialNumber} does not exist.`,
    )
    expect(await refusal(send(new DeleteAccountPasswordPolicyCommand({})))).toBe(
      '404 NoSuchEntity The account policy with name PasswordPolicy cannot be found.',
    )
  })

  it('for a simulation of what is no ARN, told to who may simulate', async () => {
    const simulate = (client: IamServer['admin']) =>
      refusal(
        client.send(
          new SimulatePrincipalPolicyCommand({
            PolicySourceArn: 'nobody-at-all-in-here',
            ActionNames: ['s3:GetObject'],
          }),
        ),
      )
    expect(await simulate(server.admin)).toMatch(/^400 InvalidInput Invalid Entity Arn/)
    const { client } = await server.user('stranger')
    expect(await simulate(client)).toMatch(/^403 AccessDenied/)
  })
})
