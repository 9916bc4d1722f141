import {
  AddClientIDToOpenIDConnectProviderCommand,
  CreateOpenIDConnectProviderCommand,
  CreateSAMLProviderCommand,
  DeleteOpenIDConnectProviderCommand,
  DeleteSAMLProviderCommand,
  GetOpenIDConnectProviderCommand,
  GetSAMLProviderCommand,
  ListOpenIDConnectProvidersCommand,
  ListOpenIDConnectProviderTagsCommand,
  ListSAMLProvidersCommand,
  ListSAMLProviderTagsCommand,
  RemoveClientIDFromOpenIDConnectProviderCommand,
  TagOpenIDConnectProviderCommand,
  TagSAMLProviderCommand,
  UntagOpenIDConnectProviderCommand,
  UntagSAMLProviderCommand,
  UpdateOpenIDConnectProviderThumbprintCommand,
  UpdateSAMLProviderCommand,
} from '@aws-sdk/client-iam'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

import { fixedClock, home } from '../support/fixtures.ts'
import { foreignIdp } from '../support/saml-idp.ts'
import { bugs, refusal, startIam, type IamServer } from './harness.ts'

const clock = fixedClock()
let server: IamServer
let send: IamServer['admin']['send']

beforeAll(async () => {
  server = await startIam(clock, {
    oidc_providers_per_account: 2,
    saml_providers_per_account: 1,
    client_ids_per_oidc_provider: 2,
  })
  send = server.admin.send.bind(server.admin)
})
afterAll(() => server.close())
afterEach(() => expect(bugs).toEqual([]))

describe('an OpenID Connect provider', () => {
  const OpenIDConnectProviderArn = `arn:aws:iam::${home}:oidc-provider/issuer.example/tenant`
  const arn = { OpenIDConnectProviderArn }
  const print = 'a'.repeat(40)

  it('is created, read and listed', async () => {
    const made = await send(
      new CreateOpenIDConnectProviderCommand({
        Url: 'https://issuer.example/tenant',
        ClientIDList: ['sts.amazonaws.com'],
        ThumbprintList: [print],
        Tags: [{ Key: 'a', Value: 'b' }],
      }),
    )
    expect(made).toMatchObject({ OpenIDConnectProviderArn, Tags: [{ Key: 'a', Value: 'b' }] })
    expect(await send(new GetOpenIDConnectProviderCommand(arn))).toMatchObject({
      Url: 'issuer.example/tenant',
      ClientIDList: ['sts.amazonaws.com'],
      ThumbprintList: [print],
      CreateDate: new Date('2026-11-22T10:00:00Z'),
      Tags: [{ Key: 'a', Value: 'b' }],
    })
    expect((await send(new ListOpenIDConnectProvidersCommand({}))).OpenIDConnectProviderList).toEqual([
      { Arn: OpenIDConnectProviderArn },
    ])
  })

  it('gets and loses clients, thumbprints and tags', async () => {
    const add = (ClientID: string) =>
      refusal(send(new AddClientIDToOpenIDConnectProviderCommand({ ...arn, ClientID })))
    expect([await add('two'), await add('two'), await add('three')]).toEqual([
      'accepted',
      'accepted',
      '409 LimitExceeded Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 2',
    ])
    await send(new RemoveClientIDFromOpenIDConnectProviderCommand({ ...arn, ClientID: 'sts.amazonaws.com' }))
    // botocore and the SDK write an empty list as the bare name.
    await send(new UpdateOpenIDConnectProviderThumbprintCommand({ ...arn, ThumbprintList: [] }))
    await send(new TagOpenIDConnectProviderCommand({ ...arn, Tags: [{ Key: 'c', Value: 'd' }] }))
    await send(new UntagOpenIDConnectProviderCommand({ ...arn, TagKeys: ['a'] }))
    expect((await send(new ListOpenIDConnectProviderTagsCommand(arn))).Tags).toEqual([
      { Key: 'c', Value: 'd' },
    ])
    expect(await send(new GetOpenIDConnectProviderCommand(arn))).toMatchObject({
      ClientIDList: ['two'],
      ThumbprintList: [],
    })
  })

  it('is refused twice, with a bad URL or thumbprint, and past the quota', async () => {
    const create = (Url: string, more = {}) =>
      refusal(send(new CreateOpenIDConnectProviderCommand({ Url, ...more })))
    expect(await create('https://issuer.example/tenant/')).toMatch(/^409 EntityAlreadyExists/)
    for (const url of ['http://a.example', 'https://a.example/?q', 'https://u:p@a.example', 'nothing'])
      expect(await create(url)).toMatch(/^400 ValidationError Invalid Open ID Connect Provider URL/)
    expect(await create('https://a.example', { ThumbprintList: ['z'.repeat(40)] })).toMatch(
      /^400 InvalidInput/,
    )
    expect(await create('https://a.example')).toBe('accepted')
    expect(await create('https://b.example')).toMatch(/^409 LimitExceeded/)
  })

  it('is deleted', async () => {
    await send(new DeleteOpenIDConnectProviderCommand(arn))
    expect(await refusal(send(new GetOpenIDConnectProviderCommand(arn)))).toMatch(/^404 NoSuchEntity/)
    expect(await refusal(send(new DeleteOpenIDConnectProviderCommand(arn)))).toMatch(/^404 NoSuchEntity/)
  })
})

describe('a SAML provider', () => {
  const arn = { SAMLProviderArn: `arn:aws:iam::${home}:saml-provider/Corp` }
  const SAMLMetadataDocument = foreignIdp('https://idp.example/metadata').metadata.padEnd(1_001)

  it('is created, read, listed, updated, tagged and deleted', async () => {
    await send(
      new CreateSAMLProviderCommand({
        Name: 'Corp',
        SAMLMetadataDocument,
        Tags: [{ Key: 'a', Value: 'b' }],
      }),
    )
    const before = await send(new GetSAMLProviderCommand(arn))
    expect(before).toMatchObject({
      SAMLMetadataDocument,
      Tags: [{ Key: 'a', Value: 'b' }],
      SAMLProviderUUID: expect.stringMatching(/^[A-Z0-9]{22,64}$/) as string,
      // Assertions in plain are taken, and there is no key for others.
      AssertionEncryptionMode: 'Allowed',
      PrivateKeyList: [],
    })
    expect((await send(new ListSAMLProvidersCommand({}))).SAMLProviderList).toMatchObject([
      { Arn: arn.SAMLProviderArn },
    ])
    const next = foreignIdp('https://next.example/metadata').metadata.padEnd(1_001)
    await send(new UpdateSAMLProviderCommand({ ...arn, SAMLMetadataDocument: next }))
    const after = await send(new GetSAMLProviderCommand(arn))
    expect(after).toMatchObject({
      SAMLMetadataDocument: next,
      SAMLProviderUUID: before.SAMLProviderUUID,
      Tags: [{ Key: 'a', Value: 'b' }],
    })
    await send(new TagSAMLProviderCommand({ ...arn, Tags: [{ Key: 'c', Value: '' }] }))
    await send(new UntagSAMLProviderCommand({ ...arn, TagKeys: ['A'] }))
    expect((await send(new ListSAMLProviderTagsCommand(arn))).Tags).toEqual([{ Key: 'c', Value: '' }])
  })

  it('is refused with metadata that STS could not use, twice, past the quota, and with a key', async () => {
    const create = (Name: string, more = {}) =>
      refusal(send(new CreateSAMLProviderCommand({ Name, SAMLMetadataDocument, ...more })))
    expect(await create('Corp')).toMatch(/^409 LimitExceeded/)
    expect(await create('Bad', { SAMLMetadataDocument: '<a/>'.padEnd(1_001) })).toMatch(
      /^400 InvalidInput Could not parse metadata/,
    )
    expect(await create('Sealed', { AssertionEncryptionMode: 'Required' })).toMatch(/^400 InvalidInput/)
    const update = (more: object) => refusal(send(new UpdateSAMLProviderCommand({ ...arn, ...more })))
    expect(await update({ AddPrivateKey: 'a key' })).toMatch(/^400 InvalidInput/)
    expect(await update({ RemovePrivateKey: 'A'.repeat(22) })).toMatch(/^400 InvalidInput/)
  })

  it('is deleted', async () => {
    await send(new DeleteSAMLProviderCommand(arn))
    expect(await refusal(send(new GetSAMLProviderCommand(arn)))).toMatch(/^404 NoSuchEntity/)
  })
})
