import { generateKeyPairSync } from 'node:crypto'
import {
  AddRoleToInstanceProfileCommand,
  CreateAccountAliasCommand,
  CreateInstanceProfileCommand,
  CreateUserCommand,
  DeleteAccountAliasCommand,
  DeleteInstanceProfileCommand,
  DeleteServerCertificateCommand,
  DeleteSigningCertificateCommand,
  DeleteSSHPublicKeyCommand,
  DeleteUserCommand,
  DisableOutboundWebIdentityFederationCommand,
  EnableOutboundWebIdentityFederationCommand,
  GetInstanceProfileCommand,
  GetOutboundWebIdentityFederationInfoCommand,
  GetServerCertificateCommand,
  GetSSHPublicKeyCommand,
  ListAccountAliasesCommand,
  ListInstanceProfilesCommand,
  ListInstanceProfilesForRoleCommand,
  ListInstanceProfileTagsCommand,
  ListServerCertificatesCommand,
  ListServerCertificateTagsCommand,
  ListSigningCertificatesCommand,
  ListSSHPublicKeysCommand,
  RemoveRoleFromInstanceProfileCommand,
  SetSecurityTokenServicePreferencesCommand,
  TagInstanceProfileCommand,
  TagServerCertificateCommand,
  UntagInstanceProfileCommand,
  UntagServerCertificateCommand,
  UpdateServerCertificateCommand,
  UpdateSigningCertificateCommand,
  UpdateSSHPublicKeyCommand,
  UploadServerCertificateCommand,
  UploadSigningCertificateCommand,
  UploadSSHPublicKeyCommand,
} from '@aws-sdk/client-iam'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

import { createAccount, createRole, globalEndpointTokenVersion } from '#iam'

import { testCertificatePem } from '../support/certificate.ts'
import { fixedClock, home } from '../support/fixtures.ts'
import { bugs, refusal, startIam, trust, type IamServer } from './harness.ts'

const clock = fixedClock()
let server: IamServer

beforeAll(async () => {
  server = await startIam(clock, { server_certificates_per_account: 2, instance_profiles_per_account: 4 })
})
afterAll(() => server.close())
afterEach(() => expect(bugs).toEqual([]))

const send: IamServer['admin']['send'] = ((command: never) => server.admin.send(command)) as never
const now = new Date(clock().epochMilliseconds)
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const PrivateKey = privateKey.export({ type: 'pkcs8', format: 'pem' })

describe('an instance profile', () => {
  const InstanceProfileName = 'Web'
  const RoleName = 'worker'

  it('takes a role from who may pass it, and one alone', async () => {
    const role = await createRole(server.database, clock, {
      accountId: home,
      name: RoleName,
      trustDocument: trust,
    })
    const { InstanceProfile } = await send(
      new CreateInstanceProfileCommand({
        InstanceProfileName,
        Path: '/eu/',
        Tags: [{ Key: 'team', Value: 'a' }],
      }),
    )
    expect(InstanceProfile).toEqual({
      Path: '/eu/',
      InstanceProfileName,
      InstanceProfileId: expect.stringMatching(/^AIPA[A-Z2-7]{17}$/) as string,
      Arn: `arn:aws:iam::${home}:instance-profile/eu/Web`,
      CreateDate: now,
      Roles: [],
      Tags: [{ Key: 'team', Value: 'a' }],
    })
    const add = new AddRoleToInstanceProfileCommand({ InstanceProfileName: 'wEB', RoleName })
    const passing = (Resource: string, PassedToService: string) => [
      { Effect: 'Allow', Action: 'iam:AddRoleToInstanceProfile', Resource: '*' },
      {
        Effect: 'Allow',
        Action: 'iam:PassRole',
        Resource,
        Condition: { StringEquals: { 'iam:PassedToService': PassedToService } },
      },
    ]
    const without = await server.user('without', ...passing('*', 'lambda.amazonaws.com'))
    expect(await refusal(without.client.send(add))).toMatch(
      /^403 AccessDenied .* iam:PassRole on resource: .*role\/worker/,
    )
    const other = await server.user('other', ...passing(`${role.arn}x`, 'ec2.amazonaws.com'))
    expect(await refusal(other.client.send(add))).toMatch(/^403 AccessDenied/)
    const passer = await server.user('passer', ...passing(role.arn, 'ec2.amazonaws.com'))
    expect(await refusal(passer.client.send(add))).toBe('accepted')
    expect(await refusal(send(add))).toMatch(/^409 LimitExceeded/)
    expect(
      (await send(new GetInstanceProfileCommand({ InstanceProfileName }))).InstanceProfile?.Roles,
    ).toMatchObject([{ RoleName, Arn: role.arn }])
    const ofRole = await send(new ListInstanceProfilesForRoleCommand({ RoleName }))
    expect(ofRole.InstanceProfiles?.map((each) => each.Arn)).toEqual([InstanceProfile?.Arn])
  })

  it('is deleted when it is empty', async () => {
    const remove = () => send(new RemoveRoleFromInstanceProfileCommand({ InstanceProfileName, RoleName }))
    const del = () => send(new DeleteInstanceProfileCommand({ InstanceProfileName }))
    expect(await refusal(del())).toMatch(/^409 DeleteConflict/)
    await remove()
    expect(await refusal(remove())).toMatch(/^404 NoSuchEntity/)
    await del()
    expect(await refusal(del())).toMatch(/^404 NoSuchEntity/)
    expect(await refusal(send(new GetInstanceProfileCommand({ InstanceProfileName })))).toMatch(
      /^404 NoSuchEntity/,
    )
  })

  it('is listed below its path, page by page, and has tags and a quota', async () => {
    for (const [name, Path] of [
      ['c', '/'],
      ['A', '/x/'],
      ['b', '/x/y/'],
    ] as const)
      await send(new CreateInstanceProfileCommand({ InstanceProfileName: name, Path }))
    expect(await refusal(send(new CreateInstanceProfileCommand({ InstanceProfileName: 'a' })))).toMatch(
      /^409 EntityAlreadyExists/,
    )
    const first = await send(new ListInstanceProfilesCommand({ PathPrefix: '/x/', MaxItems: 1 }))
    expect([first.IsTruncated, first.InstanceProfiles?.[0]?.InstanceProfileName]).toEqual([true, 'A'])
    const second = await send(
      new ListInstanceProfilesCommand({ PathPrefix: '/x/', MaxItems: 1, Marker: first.Marker }),
    )
    expect([second.IsTruncated, second.InstanceProfiles?.[0]?.InstanceProfileName]).toEqual([false, 'b'])
    const named = { InstanceProfileName: 'c' }
    await send(new TagInstanceProfileCommand({ ...named, Tags: [{ Key: 'a', Value: '1' }] }))
    await send(new TagInstanceProfileCommand({ ...named, Tags: [{ Key: 'b', Value: '2' }] }))
    await send(new UntagInstanceProfileCommand({ ...named, TagKeys: ['A'] }))
    expect((await send(new ListInstanceProfileTagsCommand(named))).Tags).toEqual([{ Key: 'b', Value: '2' }])
    await send(new CreateInstanceProfileCommand({ InstanceProfileName: 'd' }))
    expect(await refusal(send(new CreateInstanceProfileCommand({ InstanceProfileName: 'e' })))).toMatch(
      /^409 LimitExceeded/,
    )
  })
})

describe('a server certificate', () => {
  const CertificateBody = testCertificatePem(privateKey, 'www.acme.test').trim()
  const upload = (ServerCertificateName: string, more: object = {}) =>
    send(new UploadServerCertificateCommand({ ServerCertificateName, CertificateBody, PrivateKey, ...more }))

  it('comes back as it was but for white space around it, without its private key', async () => {
    const made = await upload('www', {
      Path: '/cloudfront/',
      CertificateBody: `${CertificateBody}\n`,
      CertificateChain: `${CertificateBody}\n\n`,
      Tags: [{ Key: 'team', Value: 'a' }],
    })
    const metadata = {
      Path: '/cloudfront/',
      ServerCertificateName: 'www',
      ServerCertificateId: expect.stringMatching(/^ASCA[A-Z2-7]{17}$/) as string,
      Arn: `arn:aws:iam::${home}:server-certificate/cloudfront/www`,
      UploadDate: now,
      Expiration: new Date('2049-01-01T00:00:00Z'),
    }
    expect(made.ServerCertificateMetadata).toEqual(metadata)
    const read = await send(new GetServerCertificateCommand({ ServerCertificateName: 'www' }))
    expect(read.ServerCertificate).toEqual({
      ServerCertificateMetadata: metadata,
      CertificateBody,
      CertificateChain: CertificateBody,
      Tags: [{ Key: 'team', Value: 'a' }],
    })
    const [event] = (await server.events('UploadServerCertificate')).slice(-1)
    expect(JSON.stringify(event)).not.toContain('PRIVATE KEY')
  })

  it('is renamed and moved, tagged, listed and deleted', async () => {
    await upload('old')
    expect(await refusal(upload('third'))).toMatch(/^409 LimitExceeded/)
    await send(
      new UpdateServerCertificateCommand({
        ServerCertificateName: 'old',
        NewServerCertificateName: 'new',
        NewPath: '/x/',
      }),
    )
    const clash = { ServerCertificateName: 'new', NewServerCertificateName: 'www' }
    expect(await refusal(send(new UpdateServerCertificateCommand(clash)))).toMatch(/^409 EntityAlreadyExists/)
    const named = { ServerCertificateName: 'new' }
    await send(new TagServerCertificateCommand({ ...named, Tags: [{ Key: 'a', Value: '1' }] }))
    expect((await send(new ListServerCertificateTagsCommand(named))).Tags).toEqual([{ Key: 'a', Value: '1' }])
    await send(new UntagServerCertificateCommand({ ...named, TagKeys: ['a'] }))
    const { ServerCertificateMetadataList } = await send(
      new ListServerCertificatesCommand({ PathPrefix: '/x/' }),
    )
    expect(ServerCertificateMetadataList?.map((each) => each.Arn)).toEqual([
      `arn:aws:iam::${home}:server-certificate/x/new`,
    ])
    await send(new DeleteServerCertificateCommand(named))
    expect(await refusal(send(new DeleteServerCertificateCommand(named)))).toMatch(/^404 NoSuchEntity/)
  })

  it('is refused with a key of another, or when it cannot be read', async () => {
    const other = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
    const otherKey = other.export({ type: 'pkcs8', format: 'pem' })
    expect(await refusal(upload('bad', { PrivateKey: otherKey }))).toMatch(/^400 KeyPairMismatch/)
    expect(await refusal(upload('bad', { CertificateBody: 'hello' }))).toMatch(/^400 MalformedCertificate/)
    expect(await refusal(upload('bad', { PrivateKey: 'hello' }))).toMatch(/^400 MalformedCertificate/)
    expect(await refusal(upload('www'))).toMatch(/^409 EntityAlreadyExists/)
  })
})

describe('a signing certificate', () => {
  it('is kept for a user or the root user, once', async () => {
    await send(new CreateUserCommand({ UserName: 'signer' }))
    const UserName = 'signer'
    const certificate = (name: string) => testCertificatePem(privateKey, name)
    const upload = (CertificateBody: string) =>
      send(new UploadSigningCertificateCommand({ UserName, CertificateBody }))
    const { Certificate } = await upload(certificate('one'))
    expect(Certificate).toMatchObject({ UserName, Status: 'Active', CertificateBody: certificate('one') })
    const CertificateId = Certificate?.CertificateId
    expect(await refusal(upload(certificate('one')))).toMatch(/^409 DuplicateCertificate/)
    expect(await refusal(upload('nothing'))).toMatch(/^400 MalformedCertificate/)
    await upload(certificate('two'))
    expect(await refusal(upload(certificate('three')))).toMatch(/^409 LimitExceeded/)
    await send(new UpdateSigningCertificateCommand({ UserName, CertificateId, Status: 'Inactive' }))
    const { Certificates } = await send(new ListSigningCertificatesCommand({ UserName }))
    const inactive = Certificates?.filter((each) => each.Status === 'Inactive')
    expect(inactive?.map((each) => each.CertificateId)).toEqual([CertificateId])
    expect(Certificates).toHaveLength(2)
    expect(await refusal(send(new DeleteUserCommand({ UserName })))).toMatch(
      /^409 DeleteConflict.*certificates/,
    )
    for (const each of Certificates ?? [])
      await send(new DeleteSigningCertificateCommand({ UserName, CertificateId: each.CertificateId }))
    for (const command of [
      new DeleteSigningCertificateCommand({ UserName, CertificateId }),
      new UpdateSigningCertificateCommand({ UserName, CertificateId, Status: 'Active' }),
    ])
      expect(await refusal(send(command as DeleteSigningCertificateCommand))).toMatch(/^404 NoSuchEntity/)
    const ofRoot = await server.root.send(
      new UploadSigningCertificateCommand({ CertificateBody: certificate('root') }),
    )
    expect(ofRoot.Certificate?.UserName).toBe('root')
    expect((await server.root.send(new ListSigningCertificatesCommand({}))).Certificates).toHaveLength(1)
  })
})

describe('an SSH public key', () => {
  it('is kept for a user in both encodings', async () => {
    const UserName = 'coder'
    await send(new CreateUserCommand({ UserName }))
    const SSHPublicKeyBody = publicKey.export({ type: 'spki', format: 'pem' })
    const upload = (body: string) => send(new UploadSSHPublicKeyCommand({ UserName, SSHPublicKeyBody: body }))
    const { SSHPublicKey } = await upload(SSHPublicKeyBody)
    expect(SSHPublicKey).toMatchObject({
      UserName,
      Status: 'Active',
      SSHPublicKeyId: expect.stringMatching(/^APKA/) as string,
      Fingerprint: expect.stringMatching(/^([0-9a-f]{2}:){15}[0-9a-f]{2}$/) as string,
      SSHPublicKeyBody: expect.stringMatching(/^ssh-rsa AAAAB3NzaC1yc2E/) as string,
    })
    const SSHPublicKeyId = SSHPublicKey?.SSHPublicKeyId
    const get = async (Encoding: 'SSH' | 'PEM') =>
      (await send(new GetSSHPublicKeyCommand({ UserName, SSHPublicKeyId, Encoding }))).SSHPublicKey
    expect((await get('PEM'))?.SSHPublicKeyBody).toBe(SSHPublicKeyBody)
    expect(await get('SSH')).toEqual(SSHPublicKey)
    expect(await refusal(upload(SSHPublicKey?.SSHPublicKeyBody ?? ''))).toMatch(/^400 DuplicateSSHPublicKey/)
    expect(await refusal(upload('ssh-ed25519 AAAA'))).toMatch(/^400 InvalidPublicKey/)
    await send(new UpdateSSHPublicKeyCommand({ UserName, SSHPublicKeyId, Status: 'Inactive' }))
    expect((await send(new ListSSHPublicKeysCommand({ UserName }))).SSHPublicKeys).toEqual([
      { UserName, SSHPublicKeyId, Status: 'Inactive', UploadDate: now },
    ])
    expect(await refusal(send(new DeleteUserCommand({ UserName })))).toMatch(/^409 DeleteConflict.*SSH/)
    await send(new DeleteSSHPublicKeyCommand({ UserName, SSHPublicKeyId }))
    for (const command of [
      new DeleteSSHPublicKeyCommand({ UserName, SSHPublicKeyId }),
      new GetSSHPublicKeyCommand({ UserName, SSHPublicKeyId, Encoding: 'SSH' }),
      new UpdateSSHPublicKeyCommand({ UserName, SSHPublicKeyId, Status: 'Active' }),
    ])
      expect(await refusal(send(command as DeleteSSHPublicKeyCommand))).toMatch(/^404 NoSuchEntity/)
  })

  it('is one of five at most', async () => {
    const UserName = 'collector'
    await send(new CreateUserCommand({ UserName }))
    const outcomes: string[] = []
    for (let count = 0; count < 6; count++) {
      const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey
      const SSHPublicKeyBody = key.export({ type: 'spki', format: 'pem' })
      outcomes.push(await refusal(send(new UploadSSHPublicKeyCommand({ UserName, SSHPublicKeyBody }))))
    }
    expect(outcomes.filter((outcome) => outcome === 'accepted')).toHaveLength(5)
    expect(outcomes.at(-1)).toMatch(/^409 LimitExceeded/)
  })
})

describe('an account', () => {
  it('has one alias, which no other account has', async () => {
    await createAccount(server.database, clock, { name: 'Other', accountId: '444455556666', alias: 'taken' })
    const create = (AccountAlias: string) => send(new CreateAccountAliasCommand({ AccountAlias }))
    expect(await refusal(create('taken'))).toMatch(/^409 EntityAlreadyExists/)
    expect(await refusal(create('123456789012'))).toMatch(/^400 ValidationError/)
    await create('acme')
    await create('acme-corp')
    expect((await send(new ListAccountAliasesCommand({}))).AccountAliases).toEqual(['acme-corp'])
    const remove = (AccountAlias: string) => send(new DeleteAccountAliasCommand({ AccountAlias }))
    expect(await refusal(remove('acme'))).toMatch(/^404 NoSuchEntity/)
    await remove('acme-corp')
    expect((await send(new ListAccountAliasesCommand({}))).AccountAliases).toEqual([])
  })

  it('says which session tokens it wants', async () => {
    await send(new SetSecurityTokenServicePreferencesCommand({ GlobalEndpointTokenVersion: 'v2Token' }))
    expect(await globalEndpointTokenVersion(server.database, home)).toBe(2)
    await send(new SetSecurityTokenServicePreferencesCommand({ GlobalEndpointTokenVersion: 'v1Token' }))
    expect(await globalEndpointTokenVersion(server.database, home)).toBe(1)
  })

  it('switches identity tokens for services outside on and off', async () => {
    const info = () => send(new GetOutboundWebIdentityFederationInfoCommand({}))
    const disable = () => send(new DisableOutboundWebIdentityFederationCommand({}))
    const enable = () => send(new EnableOutboundWebIdentityFederationCommand({}))
    expect(await refusal(info())).toMatch(/^404 FeatureDisabled/)
    expect(await refusal(disable())).toMatch(/^404 FeatureDisabled/)
    const { IssuerIdentifier } = await enable()
    expect(IssuerIdentifier).toMatch(/^http:\/\/localhost:4000\/.*111122223333/)
    expect(await refusal(enable())).toMatch(/^409 FeatureEnabled/)
    expect(await info()).toMatchObject({ IssuerIdentifier, JwtVendingEnabled: true })
    await disable()
    expect(await refusal(info())).toMatch(/^404 FeatureDisabled/)
  })
})
