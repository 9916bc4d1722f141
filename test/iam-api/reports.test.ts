import { generateKeyPairSync } from 'node:crypto'
import {
  CreateVirtualMFADeviceCommand,
  EnableMFADeviceCommand,
  GenerateCredentialReportCommand,
  GenerateServiceLastAccessedDetailsCommand,
  GetCredentialReportCommand,
  GetServiceLastAccessedDetailsCommand,
  GetServiceLastAccessedDetailsWithEntitiesCommand,
  GetUserCommand,
  ListPoliciesGrantingServiceAccessCommand,
  UpdateAccountPasswordPolicyCommand,
} from '@aws-sdk/client-iam'
import { generate } from 'otplib'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

import { createUseLog } from '#analyzer'
import { sql } from '#database'
import {
  addToGroup,
  checkPassword,
  createGroup,
  createUser,
  setPasswordHash,
  touchAccessKey,
} from '#directory'
import { addSigningCertificate, attachPolicy, createPolicy, putInlinePolicy } from '#iam'

import { testCertificatePem } from '../support/certificate.ts'
import { fixedClock, home } from '../support/fixtures.ts'
import { allow, bugs, builtIn, refusal, startIam, type IamServer } from './harness.ts'

const clock = fixedClock()
let server: IamServer

beforeAll(async () => {
  server = await startIam(clock)
})
afterAll(() => server.close())
afterEach(() => expect(bugs).toEqual([]))

// The clock moves: each call is signed by it anew.
const send: IamServer['admin']['send'] = ((command: never) =>
  server.client(server.adminCredentials).send(command)) as never

describe('the credential report', () => {
  const get = () => send(new GetCredentialReportCommand({}))
  const make = async () => (await send(new GenerateCredentialReportCommand({}))).State
  const rows = async () => {
    await expect.poll(make, { timeout: 20_000 }).toBe('COMPLETE')
    const [head = [], ...lines] = Buffer.from((await get()).Content ?? [])
      .toString()
      .trimEnd()
      .split('\n')
      .map((text) => text.split(','))
    return lines.map((cells) => Object.fromEntries(head.map((name, index) => [name, cells[index]])))
  }

  it('is made in the background, and is good for four hours', async () => {
    expect(await refusal(get())).toMatch(/^410 ReportNotPresent/)
    await server.database.query(
      sql`insert into credential_report (account_id, started_at) values (${home}, ${clock()})`,
    )
    expect(await refusal(get())).toMatch(/^404 ReportInProgress/)
    expect(await make()).toBe('INPROGRESS')
    // A process that died leaves a making behind that ends with time.
    clock.advance({ minutes: 11 })
    expect(await make()).toBe('STARTED')
    await expect.poll(make, { timeout: 20_000 }).toBe('COMPLETE')
    const made = await get()
    expect([made.ReportFormat, made.GeneratedTime]).toEqual(['text/csv', new Date(clock().epochMilliseconds)])
    clock.advance({ hours: 4 })
    expect(await refusal(get())).toMatch(/^410 ReportExpired/)
    expect(await make()).toBe('STARTED')
    await expect.poll(make, { timeout: 20_000 }).toBe('COMPLETE')
  })

  it('has AWS’s columns, and what is true of each user', async () => {
    clock.advance({ hours: 5 })
    const createdAt = clock()
    const full = await createUser(server.database, clock, { accountId: home, name: 'full', path: '/eu/' })
    await createUser(server.database, clock, { accountId: home, name: 'bare,bones' })
    await setPasswordHash(server.database, clock, {
      userId: full.userId,
      phc: await server.hasher.hash('marble ladder'),
    })
    await send(new UpdateAccountPasswordPolicyCommand({ MaxPasswordAge: 90 }))
    clock.advance({ hours: 1 })
    await checkPassword(
      { database: server.database, hasher: server.hasher, clock },
      { accountId: home, identifier: 'full', password: 'marble ladder' },
    )
    const { accessKeyId } = await server.key({ accountId: home, userId: full.userId })
    await touchAccessKey(server.database, {
      accessKeyId,
      at: clock(),
      service: 'sts',
      region: 'eu-central-1',
    })
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const body = testCertificatePem(privateKey)
    await addSigningCertificate(server.database, clock, { accountId: home, userId: full.userId, body })
    const { VirtualMFADevice } = await send(
      new CreateVirtualMFADeviceCommand({ VirtualMFADeviceName: 'full' }),
    )
    const secret = Buffer.from(VirtualMFADevice?.Base32StringSeed ?? []).toString()
    const seconds = Math.floor(clock().epochMilliseconds / 1000)
    await send(
      new EnableMFADeviceCommand({
        UserName: 'full',
        SerialNumber: VirtualMFADevice?.SerialNumber,
        AuthenticationCode1: await generate({ secret, epoch: seconds - 30 }),
        AuthenticationCode2: await generate({ secret, epoch: seconds }),
      }),
    )
    const report = await rows()
    const time = (at: Temporal.Instant) => at.toString({ smallestUnit: 'second' }).replace('Z', '+00:00')
    expect(report[0]).toMatchObject({
      user: '<root_account>',
      arn: `arn:aws:iam::${home}:root`,
      password_enabled: 'not_supported',
      mfa_active: 'false',
      access_key_1_active: 'true',
    })
    expect(report.find(({ user }) => user === 'full')).toEqual({
      user: 'full',
      arn: `arn:aws:iam::${home}:user/eu/full`,
      user_creation_time: time(createdAt),
      password_enabled: 'true',
      password_last_used: time(clock()),
      password_last_changed: time(createdAt),
      password_next_rotation: time(createdAt.add({ hours: 24 * 90 })),
      mfa_active: 'true',
      access_key_1_active: 'true',
      access_key_1_last_rotated: time(clock()),
      access_key_1_last_used_date: time(clock()),
      access_key_1_last_used_region: 'eu-central-1',
      access_key_1_last_used_service: 'sts',
      access_key_2_active: 'false',
      access_key_2_last_rotated: 'N/A',
      access_key_2_last_used_date: 'N/A',
      access_key_2_last_used_region: 'N/A',
      access_key_2_last_used_service: 'N/A',
      cert_1_active: 'true',
      cert_1_last_rotated: time(clock()),
      cert_2_active: 'false',
      cert_2_last_rotated: 'N/A',
    })
    const text = Buffer.from((await get()).Content ?? []).toString()
    expect(text).toContain(`"bare,bones","arn:aws:iam::${home}:user/bare,bones",`)
    expect(text.split('\n')[0]?.split(',')).toHaveLength(22)
    expect((await send(new GetUserCommand({ UserName: 'full' }))).User?.PasswordLastUsed).toEqual(
      new Date(clock().epochMilliseconds),
    )
  })
})

describe('who used a service last', () => {
  it('is told of a user, the members of a group and the holders of a policy', async () => {
    const { database } = server
    const { user, client } = await server.user('worker')
    const idle = await createUser(database, clock, { accountId: home, name: 'idle' })
    const group = await createGroup(database, clock, { accountId: home, name: 'Workers' })
    for (const { userId } of [user, idle]) await addToGroup(database, group.groupId, userId)
    await putInlinePolicy(database, group.groupId, 'work', allow(['iam:Get*', 'orders:*']))
    const log = createUseLog({ database, complain: () => undefined })
    await client.send(new GetUserCommand({}))
    log.heard(
      { source: 'iam', name: 'GetUser', by: { type: 'IAMUser', arn: user.arn }, region: 'eu-central-1' },
      clock(),
    )
    await log.close()

    const report = async (Arn: string, Granularity?: 'ACTION_LEVEL') => {
      const { JobId } = await send(new GenerateServiceLastAccessedDetailsCommand({ Arn, Granularity }))
      const details = () => send(new GetServiceLastAccessedDetailsCommand({ JobId }))
      await expect.poll(async () => (await details()).JobStatus, { timeout: 20_000 }).toBe('COMPLETED')
      return { JobId, ...(await details()) }
    }
    const ofUser = await report(user.arn, 'ACTION_LEVEL')
    expect(ofUser.ServicesLastAccessed).toEqual([
      {
        ServiceName: 'Identity and Access Management',
        ServiceNamespace: 'iam',
        TotalAuthenticatedEntities: 1,
        LastAuthenticated: new Date(clock().epochMilliseconds),
        LastAuthenticatedEntity: user.arn,
        LastAuthenticatedRegion: 'eu-central-1',
        TrackedActionsLastAccessed: [
          {
            ActionName: 'GetUser',
            LastAccessedEntity: user.arn,
            LastAccessedTime: new Date(clock().epochMilliseconds),
            LastAccessedRegion: 'eu-central-1',
          },
        ],
      },
      {
        ServiceName: 'orders',
        ServiceNamespace: 'orders',
        TotalAuthenticatedEntities: 0,
        TrackedActionsLastAccessed: [],
      },
    ])
    const ofGroup = await report(`arn:aws:iam::${home}:group/Workers`)
    expect(ofGroup.ServicesLastAccessed?.[0]).toMatchObject({ TotalAuthenticatedEntities: 1 })
    expect(ofGroup.ServicesLastAccessed?.[0]?.TrackedActionsLastAccessed).toBeUndefined()
    const entities = await send(
      new GetServiceLastAccessedDetailsWithEntitiesCommand({ JobId: ofGroup.JobId, ServiceNamespace: 'iam' }),
    )
    expect(
      entities.EntityDetailsList?.map(({ EntityInfo, LastAuthenticated }) => [
        EntityInfo?.Name,
        LastAuthenticated,
      ]).toSorted(),
    ).toEqual([
      ['idle', undefined],
      ['worker', new Date(clock().epochMilliseconds)],
    ])
    const { arn } = await createPolicy(database, clock, {
      accountId: home,
      name: 'Everything',
      document: allow('*'),
    })
    await attachPolicy(database, group.groupId, arn)
    const ofPolicy = await report(arn)
    expect(ofPolicy.ServicesLastAccessed?.map((each) => each.ServiceNamespace)).toEqual([
      'iam',
      'signet',
      'sts',
    ])
  })

  it('is refused for what is not there', async () => {
    const begin = (Arn: string) => refusal(send(new GenerateServiceLastAccessedDetailsCommand({ Arn })))
    expect(await begin(`arn:aws:iam::${home}:user/nobody`)).toMatch(/^404 NoSuchEntity/)
    expect(await begin(`arn:aws:iam::${home}:policy/nobody`)).toMatch(/^404 NoSuchEntity/)
    expect(await begin('arn:aws:s3:::a-bucket-of-mine')).toMatch(/^(400 InvalidInput|403 AccessDenied)/)
    const JobId = '00000000-0000-0000-0000-000000000000'
    expect(await refusal(send(new GetServiceLastAccessedDetailsCommand({ JobId })))).toMatch(
      /^404 NoSuchEntity/,
    )
    expect(
      await refusal(
        send(new GetServiceLastAccessedDetailsWithEntitiesCommand({ JobId, ServiceNamespace: 'iam' })),
      ),
    ).toMatch(/^404 NoSuchEntity/)
  })
})

describe('policies that grant a service', () => {
  it('are those of a user and of its groups', async () => {
    const { database } = server
    const user = await createUser(database, clock, { accountId: home, name: 'granted' })
    const group = await createGroup(database, clock, { accountId: home, name: 'Granting' })
    await addToGroup(database, group.groupId, user.userId)
    await putInlinePolicy(database, group.groupId, 'orders', allow('orders:Get'))
    await attachPolicy(database, user.userId, builtIn('IAMReadOnlyAccess'))
    const grants = await send(
      new ListPoliciesGrantingServiceAccessCommand({
        Arn: user.arn,
        ServiceNamespaces: ['iam', 'orders', 's3'],
      }),
    )
    expect(grants.PoliciesGrantingServiceAccess).toEqual([
      {
        ServiceNamespace: 'iam',
        Policies: [
          { PolicyName: 'IAMReadOnlyAccess', PolicyType: 'MANAGED', PolicyArn: builtIn('IAMReadOnlyAccess') },
        ],
      },
      {
        ServiceNamespace: 'orders',
        Policies: [
          { PolicyName: 'orders', PolicyType: 'INLINE', EntityType: 'GROUP', EntityName: 'Granting' },
        ],
      },
      { ServiceNamespace: 's3', Policies: [] },
    ])
  })
})
