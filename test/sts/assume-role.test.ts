import { randomBytes } from 'node:crypto'

import {
  AssumeRoleCommand,
  DecodeAuthorizationMessageCommand,
  GetAccessKeyInfoCommand,
  GetCallerIdentityCommand,
  GetFederationTokenCommand,
  GetSessionTokenCommand,
  GetWebIdentityTokenCommand,
  type AssumeRoleCommandInput,
} from '@aws-sdk/client-sts'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

import { setAccessKeyStatus, updateUser, type User } from '#directory'
import {
  authorize,
  createPolicy,
  deletePolicy,
  deleteRole,
  putInlinePolicy,
  updateRole,
  userCaller,
  type Role,
} from '#iam'
import { assumeRole, encodeAuthorizationMessage, rolesFor } from '#sts'

import { sessionCaller } from '#src/sts/callers.ts'

import { fixedClock, home, testVault } from '../support/fixtures.ts'
import { authenticator } from './totp.ts'
import { bugs, document, refusal, startSts, type Credentials, type StsServer } from './harness.ts'
import { tampered } from '../support/tampered.ts'

const clock = fixedClock()
const from = { id: 'r', at: clock(), ip: '203.0.113.9', userAgent: 'test', secure: true }
let server: StsServer
let alice: { user: User; credentials: Credentials }
let mallory: { user: User; credentials: Credentials }
let deploy: Role

const trusting = (principal: string, more: object = {}) => ({
  Effect: 'Allow',
  Principal: { AWS: principal },
  Action: ['sts:AssumeRole', 'sts:TagSession', 'sts:SetSourceIdentity'],
  ...more,
})

beforeAll(async () => {
  server = await startSts(clock)
  alice = await server.user('alice', {
    Effect: 'Allow',
    Action: [
      'sts:AssumeRole',
      'sts:TagSession',
      'sts:SetSourceIdentity',
      'sts:GetFederationToken',
      'sts:DecodeAuthorizationMessage',
    ],
    Resource: '*',
  })
  mallory = await server.user('mallory')
  deploy = await server.role('Deploy', trusting(alice.user.arn), { path: '/ci/', tags: { env: 'prod' } })
})
afterAll(() => server.close())
afterEach(() => expect(bugs).toEqual([]))

const assume = (by: Credentials, input: Partial<AssumeRoleCommandInput> = {}) =>
  server.client(by).send(new AssumeRoleCommand({ RoleArn: deploy.arn, RoleSessionName: 'build', ...input }))
const taken = async (by: Credentials, input: Partial<AssumeRoleCommandInput> = {}): Promise<Credentials> => {
  const { Credentials: given } = await assume(by, input)
  return {
    accessKeyId: given?.AccessKeyId ?? '',
    secretAccessKey: given?.SecretAccessKey ?? '',
    sessionToken: given?.SessionToken ?? '',
  }
}
const denied = (who: string, what = 'sts:AssumeRole', arn = deploy.arn) =>
  `403 AccessDenied User: ${who} is not authorized to perform: ${what} on resource: ${arn}`

describe('GetCallerIdentity', () => {
  it('names a user, the root user and a role session as AWS does', async () => {
    const root = await server.key({ accountId: home })
    expect(await server.client(alice.credentials).send(new GetCallerIdentityCommand({}))).toMatchObject({
      Account: home,
      Arn: `arn:aws:iam::${home}:user/alice`,
      UserId: alice.user.userId,
    })
    expect(await server.identityOf(root)).toBe(`arn:aws:iam::${home}:root`)
    expect(
      await server.client(await taken(alice.credentials)).send(new GetCallerIdentityCommand({})),
    ).toMatchObject({
      Arn: `arn:aws:sts::${home}:assumed-role/Deploy/build`,
      UserId: `${deploy.roleId}:build`,
    })
  })
})

describe('AssumeRole', () => {
  it('gives a session of the role named, for as long as was asked, and tells the audit log', async () => {
    const answer = await assume(alice.credentials, { DurationSeconds: 1800 })
    expect(answer.AssumedRoleUser).toEqual({
      AssumedRoleId: `${deploy.roleId}:build`,
      Arn: `arn:aws:sts::${home}:assumed-role/Deploy/build`,
    })
    expect(answer.Credentials?.AccessKeyId).toMatch(/^ASIA/)
    expect(answer.Credentials?.Expiration?.getTime()).toBe(clock().epochMilliseconds + 1_800_000)
    expect(answer.PackedPolicySize).toBeUndefined()
    const [event] = (await server.events('AssumeRole')).filter(
      ({ requestID }) => requestID === answer.$metadata.requestId,
    )
    expect(event).toMatchObject({
      eventSource: 'sts.signet',
      userIdentity: { type: 'IAMUser', arn: alice.user.arn },
      requestParameters: { roleArn: deploy.arn, roleSessionName: 'build', durationSeconds: 1800 },
      responseElements: { credentials: { accessKeyId: answer.Credentials?.AccessKeyId } },
    })
    const text = JSON.stringify(event)
    expect(text).not.toContain(answer.Credentials?.SecretAccessKey)
    expect(text).not.toContain(answer.Credentials?.SessionToken)
  })

  it('refuses alike where the role is missing, does not trust the caller, or wants another external id', async () => {
    const picky = await server.role(
      'Picky',
      trusting(alice.user.arn, { Condition: { StringEquals: { 'sts:ExternalId': 'secret-42' } } }),
    )
    const missing = `arn:aws:iam::${home}:role/Missing`
    expect(await refusal(assume(alice.credentials, { RoleArn: missing }))).toBe(
      denied(alice.user.arn, 'sts:AssumeRole', missing),
    )
    expect(await refusal(assume(mallory.credentials))).toBe(denied(mallory.user.arn))
    expect(await refusal(assume(alice.credentials, { RoleArn: picky.arn, ExternalId: 'wrong' }))).toBe(
      denied(alice.user.arn, 'sts:AssumeRole', picky.arn),
    )
    expect(await refusal(assume(alice.credentials, { RoleArn: picky.arn, ExternalId: 'secret-42' }))).toBe(
      'accepted',
    )
    const refused = (await server.events('AssumeRole')).filter(
      (event) => event['errorCode'] === 'AccessDenied',
    )
    expect(refused.map((event) => event['additionalEventData'])).toEqual(
      Array.from({ length: 3 }, () => ({ reason: 'sts/not-authorized' })),
    )
  })

  it('does not let root assume a role, nor anybody by the name of root', async () => {
    const root = await server.key({ accountId: home })
    expect(await refusal(assume(root))).toBe('403 AccessDenied Roles may not be assumed by root accounts.')
    const named = await server.user('root')
    expect(await server.identityOf(named.credentials)).toBe(`arn:aws:iam::${home}:user/root`)
    expect(await refusal(assume(named.credentials))).toBe(denied(named.user.arn))
  })

  it('gives no more than the maximum of the role and one hour to a chain', async () => {
    expect(await refusal(assume(alice.credentials, { DurationSeconds: 3_601 }))).toBe(
      '400 ValidationError The requested DurationSeconds exceeds the MaxSessionDuration set for this role.',
    )
    const long = await server.role('Long', trusting(home), { maxSessionSeconds: 43_200 })
    await putInlinePolicy(
      server.database,
      deploy.roleId,
      'chain',
      document({ Effect: 'Allow', Action: 'sts:*', Resource: '*' }),
    )
    const session = await taken(alice.credentials)
    expect(await refusal(assume(session, { RoleArn: long.arn, DurationSeconds: 3_601 }))).toMatch(
      /^400 ValidationError .* 1 hour session limit for roles assumed by role chaining$/,
    )
    expect(await server.identityOf(await taken(session, { RoleArn: long.arn }))).toContain(
      'assumed-role/Long/build',
    )
  })

  it('answers everything that is wrong with a request in one message', async () => {
    const bad = assume(alice.credentials, { RoleSessionName: 'a b', DurationSeconds: 1 })
    expect(await refusal(bad)).toBe(
      "400 ValidationError 2 validation errors detected: Value 'a b' at 'roleSessionName' failed to satisfy constraint: " +
        "Member must satisfy regular expression pattern: [\\w+=,.@-]*; Value '1' at 'durationSeconds' failed to satisfy " +
        'constraint: Member must have value greater than or equal to 900',
    )
  })

  it('takes session policies, and refuses broken, missing and too large ones', async () => {
    const policy = document({ Effect: 'Allow', Action: 'orders:Get', Resource: '*' })
    const { arn } = await createPolicy(server.database, clock, {
      accountId: home,
      name: 'Orders',
      document: policy,
    })
    const answer = await assume(alice.credentials, {
      Policy: policy,
      PolicyArns: [{ arn }],
    })
    expect(answer.PackedPolicySize).toBeGreaterThan(0)
    expect(await refusal(assume(alice.credentials, { Policy: '{' }))).toMatch(/^400 MalformedPolicyDocument/)
    expect(
      await refusal(assume(alice.credentials, { Policy: document({ ...trusting('*'), Resource: '*' }) })),
    ).toMatch(/^400 MalformedPolicyDocument/)
    expect(
      await refusal(assume(alice.credentials, { PolicyArns: [{ arn: `arn:aws:iam::${home}:policy/None` }] })),
    ).toMatch(/^400 MalformedPolicyDocument/)
    expect(await refusal(assume(alice.credentials, { Policy: ' '.repeat(2_049) }))).toMatch(
      /^400 ValidationError .*2048/,
    )
    expect(
      await refusal(
        assume(alice.credentials, {
          PolicyArns: Array.from({ length: 11 }, () => ({ arn })),
        }),
      ),
    ).toMatch(/^400 ValidationError/)
    const noise = Array.from({ length: 50 }, (_, index) => ({
      Key: `k${index}`,
      Value: randomBytes(100).toString('base64'),
    }))
    expect(await refusal(assume(alice.credentials, { Tags: noise }))).toMatch(
      /^400 PackedPolicyTooLargeException Packed size of session tags/,
    )
  })

  it('knows nothing of a policy that was deleted under a session: the session can do nothing by it', async () => {
    const { arn } = await createPolicy(server.database, clock, {
      accountId: home,
      name: 'Narrow',
      document: document({ Effect: 'Allow', Action: 'orders:Get', Resource: '*' }),
    })
    await putInlinePolicy(
      server.database,
      deploy.roleId,
      'orders',
      document({ Effect: 'Allow', Action: 'orders:*', Resource: '*' }),
    )
    const session = await taken(alice.credentials, { PolicyArns: [{ arn }] })
    const may = async (action: string) => {
      const { claims } = server.sts.tokens.open(session.accessKeyId, session.sessionToken ?? '')
      const caller = await sessionCaller(server.sts, session.accessKeyId, claims)
      if (caller === undefined) throw new Error('no caller')
      return (await authorize(server.sts, { caller, action, resource: { arn: '*' }, from })).effect
    }
    expect([await may('orders:Get'), await may('orders:Refund')]).toEqual(['Allow', 'Deny'])
    await deletePolicy(server.database, arn)
    expect([await may('orders:Get'), await may('orders:Refund')]).toEqual(['Deny', 'Deny'])
  })
})

describe('a role that changed', () => {
  it('is what it is now: trust taken away, given back, and the role deleted', async () => {
    const role = await server.role('Changing', trusting(alice.user.arn))
    const attempt = async () => (await refusal(assume(alice.credentials, { RoleArn: role.arn }))).slice(0, 16)
    expect([await attempt(), await attempt()]).toEqual(['accepted', 'accepted'])
    const trust = (arn: string) =>
      updateRole(server.database, role.roleId, { trustDocument: document(trusting(arn)) }).then(() =>
        server.epochs.catchUp(),
      )
    await trust(mallory.user.arn)
    expect(await attempt()).toBe('403 AccessDenied')
    await trust(alice.user.arn)
    expect(await attempt()).toBe('accepted')
    const session = await taken(alice.credentials, { RoleArn: role.arn })
    await deleteRole(server.database, role.roleId)
    await server.epochs.catchUp()
    expect(await attempt()).toBe('403 AccessDenied')
    expect(await refusal(server.identityOf(session))).toMatch(/^403 ExpiredToken/)
  })
})

describe('tags and source identity', () => {
  it('are conditions of the trust policy, and transitive ones go on along the chain', async () => {
    const team = await server.role(
      'Team',
      trusting(home, {
        Condition: { StringEquals: { 'aws:PrincipalTag/team': 'blue', 'aws:SourceIdentity': 'alice@acme' } },
      }),
    )
    const session = await taken(alice.credentials, {
      Tags: [
        { Key: 'team', Value: 'blue' },
        { Key: 'other', Value: '' },
      ],
      TransitiveTagKeys: ['team'],
      SourceIdentity: 'alice@acme',
    })
    const next = await taken(session, { RoleArn: team.arn })
    expect(server.sts.tokens.open(next.accessKeyId, next.sessionToken ?? '').claims).toMatchObject({
      tags: [{ key: 'team', value: 'blue' }],
      transitiveTagKeys: ['team'],
      sourceIdentity: 'alice@acme',
      chainDepth: 1,
    })
    expect(
      await refusal(assume(session, { RoleArn: team.arn, Tags: [{ Key: 'TEAM', Value: 'red' }] })),
    ).toMatch(/^400 InvalidParameterValue One of the specified transitive tag keys/)
    expect(await refusal(assume(session, { RoleArn: team.arn, SourceIdentity: 'bob' }))).toMatch(
      /^400 ValidationError/,
    )
  })

  it('need their own permission in the trust policy', async () => {
    const plain = await server.role('Plain', trusting(alice.user.arn, { Action: 'sts:AssumeRole' }))
    expect(
      await refusal(assume(alice.credentials, { RoleArn: plain.arn, Tags: [{ Key: 'a', Value: 'b' }] })),
    ).toBe(denied(alice.user.arn, 'sts:TagSession', plain.arn))
    expect(await refusal(assume(alice.credentials, { RoleArn: plain.arn, SourceIdentity: 'alice' }))).toBe(
      denied(alice.user.arn, 'sts:SetSourceIdentity', plain.arn),
    )
  })

  it('are for a role, which is named by an ARN', async () => {
    for (const RoleArn of [
      'nothing-valid-in-here',
      'arn::b:::something/role-1',
      'arn:a:::something/a-role',
      'arn:a:a::aaaaaaaaaaaa:',
    ])
      expect(await refusal(assume(alice.credentials, { RoleArn }))).toBe(
        `400 ValidationError ${RoleArn} is invalid`,
      )
  })

  it('are refused where they cannot be', async () => {
    for (const input of [
      {
        Tags: [
          { Key: 'a', Value: '1' },
          { Key: 'A', Value: '2' },
        ],
      },
      { Tags: [{ Key: 'aws:a', Value: '1' }] },
      { TransitiveTagKeys: ['absent'] },
    ]) {
      expect(await refusal(assume(alice.credentials, input))).toMatch(/^400 InvalidParameterValue/)
    }
  })
})

describe('a second factor', () => {
  it('opens a role that asks for one, once per code', async () => {
    const device = await authenticator(server.database, { vault: testVault, clock }, alice.user)
    const guarded = await server.role(
      'Guarded',
      trusting(alice.user.arn, { Condition: { Bool: { 'aws:MultiFactorAuthPresent': 'true' } } }),
    )
    const input = { RoleArn: guarded.arn, SerialNumber: device.serialNumber }
    expect(await refusal(assume(alice.credentials, { RoleArn: guarded.arn }))).toMatch(/^403 AccessDenied/)
    expect(await refusal(assume(alice.credentials, input))).toMatch(/^400 ValidationError MultiFactor/)
    expect(await refusal(assume(alice.credentials, { ...input, TokenCode: '000000' }))).toBe(
      '403 AccessDenied MultiFactorAuthentication failed with invalid MFA one time pass code.',
    )
    clock.advance({ seconds: 60 })
    const TokenCode = await device.code()
    const session = await taken(alice.credentials, { ...input, TokenCode })
    const { claims } = server.sts.tokens.open(session.accessKeyId, session.sessionToken ?? '')
    expect(claims.mfaAt).toEqual(clock())
    expect(await refusal(assume(alice.credentials, { ...input, TokenCode }))).toMatch(/^403 AccessDenied/)
  })

  it('is carried by a session token of the user', async () => {
    const guarded = `arn:aws:iam::${home}:role/Guarded`
    const { serialNumber, code } = await authenticator(
      server.database,
      { vault: testVault, clock },
      alice.user,
    )
    clock.advance({ seconds: 60 })
    const { Credentials: given } = await server
      .client(alice.credentials)
      .send(new GetSessionTokenCommand({ SerialNumber: serialNumber, TokenCode: await code() }))
    const session = {
      accessKeyId: given?.AccessKeyId ?? '',
      secretAccessKey: given?.SecretAccessKey ?? '',
      sessionToken: given?.SessionToken ?? '',
    }
    expect(await server.identityOf(session)).toBe(alice.user.arn)
    expect(await refusal(assume(session, { RoleArn: guarded }))).toBe('accepted')
    expect(await refusal(server.client(session).send(new GetSessionTokenCommand({})))).toBe(
      '403 AccessDenied Cannot call GetSessionToken with session credentials',
    )
  })
})

describe('GetFederationToken', () => {
  it('names the federated user and lets it do nothing but say who it is', async () => {
    const answer = await server
      .client(alice.credentials)
      .send(new GetFederationTokenCommand({ Name: 'guest' }))
    expect(answer.PackedPolicySize).toBe(0)
    expect(answer.FederatedUser).toEqual({
      FederatedUserId: `${home}:guest`,
      Arn: `arn:aws:sts::${home}:federated-user/guest`,
    })
    const session = {
      accessKeyId: answer.Credentials?.AccessKeyId ?? '',
      secretAccessKey: answer.Credentials?.SecretAccessKey ?? '',
      sessionToken: answer.Credentials?.SessionToken ?? '',
    }
    expect(await server.identityOf(session)).toBe(`arn:aws:sts::${home}:federated-user/guest`)
    expect(await refusal(assume(session))).toMatch(/^403 AccessDenied/)
  })

  it('needs permission, and gives root an hour at most', async () => {
    const client = server.client(mallory.credentials)
    expect(await refusal(client.send(new GetFederationTokenCommand({ Name: 'guest' })))).toMatch(
      /^403 AccessDenied User: .* is not authorized to perform: sts:GetFederationToken on resource: .*federated-user\/guest/,
    )
    const root = server.client(await server.key({ accountId: home }).catch(() => alice.credentials))
    expect(await refusal(root.send(new GetSessionTokenCommand({ DurationSeconds: 129_601 })))).toMatch(
      /^400 ValidationError/,
    )
  })
})

describe('the other operations', () => {
  it('tell the account of any key', async () => {
    const client = server.client(mallory.credentials)
    const { accessKeyId } = await taken(alice.credentials)
    for (const AccessKeyId of [accessKeyId, alice.credentials.accessKeyId]) {
      expect((await client.send(new GetAccessKeyInfoCommand({ AccessKeyId }))).Account).toBe(home)
    }
    expect(
      await refusal(client.send(new GetAccessKeyInfoCommand({ AccessKeyId: 'AKIAAAAAAAAAAAAAAAAA' }))),
    ).toMatch(/^400/)
  })

  it('decode a message for a caller of the account who may, and nothing that was changed', async () => {
    const message = (accountId: string) =>
      encodeAuthorizationMessage(
        { vault: testVault },
        {
          accountId,
          principal: { id: 'AIDA', arn: 'arn' },
          action: 'orders:Refund',
          resource: '*',
          context: new Map([['aws:SourceIp', '203.0.113.9']]),
          decision: {
            effect: 'Deny',
            explicit: true,
            layer: 'identity',
            because: 'so',
            statements: [{ policy: 'p', index: 0 }],
          },
        },
      ) ?? ''
    const decode = (by: Credentials, EncodedMessage: string) =>
      server.client(by).send(new DecodeAuthorizationMessageCommand({ EncodedMessage }))
    const { DecodedMessage } = await decode(alice.credentials, message(home))
    expect(JSON.parse(DecodedMessage ?? '')).toMatchObject({
      explicitDeny: true,
      context: { action: 'orders:Refund' },
    })
    expect(await refusal(decode(mallory.credentials, message(home)))).toMatch(/^403 AccessDenied/)
    for (const wrong of [message('999999999999'), tampered(message(home)), 'x']) {
      expect(await refusal(decode(alice.credentials, wrong))).toMatch(
        /^400 InvalidAuthorizationMessageException/,
      )
    }
  })

  it('that are not offered say so with a 4xx', async () => {
    const client = server.client(alice.credentials)
    expect(
      await refusal(
        client.send(new GetWebIdentityTokenCommand({ Audience: ['a'], SigningAlgorithm: 'RS256' })),
      ),
    ).toMatch(/^403 OutboundWebIdentityFederationDisabledException/)
  })
})

describe('revoking', () => {
  it('the user, the key or the session it came from ends a role session at once', async () => {
    const works = async (credentials: Credentials) =>
      (await refusal(server.identityOf(credentials))).slice(0, 16)
    const bob = await server.user('bob', { Effect: 'Allow', Action: 'sts:*', Resource: '*' })
    const open = await server.role('Open', trusting(home))
    const second = await server.key({ accountId: home, userId: bob.user.userId })
    const [byKey, bySecond] = [
      await taken(bob.credentials, { RoleArn: open.arn }),
      await taken(second, { RoleArn: open.arn }),
    ]
    const chained = await taken(bySecond, { RoleArn: open.arn }).catch(() => undefined)
    expect([await works(byKey), await works(bySecond)]).toEqual(['accepted', 'accepted'])

    await setAccessKeyStatus(server.database, bob.credentials.accessKeyId, 'Inactive')
    await server.epochs.catchUp()
    expect([await works(byKey), await works(bySecond)]).toEqual(['403 ExpiredToken', 'accepted'])
    expect(await works(bob.credentials)).toBe('403 InvalidClien')

    const browser = await assumeRole(server.sts, {
      by: userCaller(bob.user, { issuedAt: clock() }),
      family: 'family-1',
      from,
      roleArn: open.arn,
      sessionName: 'portal',
    })
    const portal = {
      accessKeyId: browser.credentials.accessKeyId,
      secretAccessKey: browser.credentials.secretAccessKey.reveal(),
      sessionToken: browser.credentials.sessionToken,
    }
    expect(await works(portal)).toBe('accepted')
    await server.epochs.raise(server.database, 'session', 'family-1')
    await server.epochs.catchUp()
    expect(await works(portal)).toBe('403 ExpiredToken')

    await updateUser(server.database, bob.user.userId, { status: 'disabled' })
    await server.epochs.catchUp()
    expect([await works(bySecond), await works(second)]).toEqual(['403 ExpiredToken', '403 InvalidClien'])
    if (chained !== undefined) expect(await works(chained)).toBe('403 ExpiredToken')
  })
})

describe('the roles of a person', () => {
  it('are those the engine lets the person assume, and those that lack nothing but a second factor', async () => {
    const names = async (mfaAt?: Temporal.Instant) =>
      (
        await rolesFor(server.sts, {
          by: userCaller(alice.user, { issuedAt: clock(), mfaAt }),
          from,
          sessionName: 'alice',
        })
      ).map(({ role, missing }) => [role.name, missing])
    expect(await names()).toEqual([
      ['Deploy', undefined],
      ['Guarded', 'mfa'],
      ['Long', undefined],
      ['Open', undefined],
      ['Plain', undefined],
    ])
    expect(await names(clock())).toContainEqual(['Guarded', undefined])
    await updateRole(server.database, deploy.roleId, { trustDocument: document(trusting(mallory.user.arn)) })
    expect(await names()).not.toContainEqual(['Deploy', undefined])
    await updateRole(server.database, deploy.roleId, { trustDocument: document(trusting(alice.user.arn)) })
  })
})
