import {
  CreateAccessKeyCommand,
  CreateUserCommand,
  DeleteAccessKeyCommand,
  DeleteUserCommand,
  GetAccessKeyLastUsedCommand,
  GetUserCommand,
  ListAccessKeysCommand,
  UpdateAccessKeyCommand,
} from '@aws-sdk/client-iam'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

import { fixedClock } from '../support/fixtures.ts'
import { bugs, refusal, startIam, type Credentials, type IamServer } from './harness.ts'

const clock = fixedClock()
let server: IamServer
let send: IamServer['admin']['send']
let key: Credentials

beforeAll(async () => {
  server = await startIam(clock)
  send = server.admin.send.bind(server.admin)
  await send(new CreateUserCommand({ UserName: 'ann' }))
})
afterAll(() => server.close())
afterEach(() => expect(bugs).toEqual([]))

describe('an access key', () => {
  it('is shown once, and its secret is in no audit event', async () => {
    const { AccessKey } = await send(new CreateAccessKeyCommand({ UserName: 'ann' }))
    expect(AccessKey).toMatchObject({ UserName: 'ann', Status: 'Active' })
    key = {
      accessKeyId: AccessKey?.AccessKeyId ?? '',
      secretAccessKey: AccessKey?.SecretAccessKey ?? '',
    }
    const [event] = await server.events('CreateAccessKey')
    expect(event).toMatchObject({
      responseElements: { accessKey: { accessKeyId: key.accessKeyId, userName: 'ann' } },
    })
    expect(JSON.stringify(event)).not.toContain(key.secretAccessKey)
    expect((await send(new ListAccessKeysCommand({ UserName: 'ann' }))).AccessKeyMetadata).toEqual([
      {
        UserName: 'ann',
        AccessKeyId: key.accessKeyId,
        Status: 'Active',
        CreateDate: new Date('2026-11-22T10:00:00Z'),
      },
    ])
  })

  it('tells when it was used last', async () => {
    const used = () => send(new GetAccessKeyLastUsedCommand({ AccessKeyId: key.accessKeyId }))
    expect(await used()).toMatchObject({
      UserName: 'ann',
      AccessKeyLastUsed: { ServiceName: 'N/A', Region: 'N/A' },
    })
    await refusal(server.client(key).send(new GetUserCommand({})))
    expect((await used()).AccessKeyLastUsed).toEqual({
      LastUsedDate: new Date('2026-11-22T10:00:00Z'),
      ServiceName: 'iam',
      Region: 'eu-central-1',
    })
  })

  it('is refused at once when it is switched off or deleted', async () => {
    const AccessKeyId = key.accessKeyId
    const use = () => refusal(server.client(key).send(new GetUserCommand({})))
    const set = (Status: 'Active' | 'Inactive') =>
      send(new UpdateAccessKeyCommand({ UserName: 'ann', AccessKeyId, Status }))
    expect(await use()).toMatch(/^403 AccessDenied/)
    await set('Inactive')
    expect(await use()).toMatch(/^403 InvalidClientTokenId/)
    await set('Active')
    expect(await use()).toMatch(/^403 AccessDenied/)
    expect(await refusal(send(new DeleteUserCommand({ UserName: 'ann' })))).toBe(
      '409 DeleteConflict Cannot delete entity, must delete access keys first.',
    )
    await send(new DeleteAccessKeyCommand({ UserName: 'ann', AccessKeyId }))
    expect(await use()).toMatch(/^403 InvalidClientTokenId/)
  })

  it('of the root user is counted and listed for the root user', async () => {
    const { AccessKey } = await server.root.send(new CreateAccessKeyCommand({}))
    expect((await server.root.send(new ListAccessKeysCommand({}))).AccessKeyMetadata).toHaveLength(2)
    expect(await refusal(server.root.send(new CreateAccessKeyCommand({})))).toMatch(/^409 LimitExceeded/)
    expect(
      await refusal(
        send(
          new DeleteAccessKeyCommand({
            UserName: 'the-administrator',
            AccessKeyId: AccessKey?.AccessKeyId ?? '',
          }),
        ),
      ),
    ).toMatch(/^404 NoSuchEntity/)
    await server.root.send(new DeleteAccessKeyCommand({ AccessKeyId: AccessKey?.AccessKeyId ?? '' }))
  })
})

describe('refuses', () => {
  it('a third key, a key that is not there, and a status that is none', async () => {
    const create = () => refusal(send(new CreateAccessKeyCommand({ UserName: 'ann' })))
    expect([await create(), await create(), await create()]).toEqual([
      'accepted',
      'accepted',
      '409 LimitExceeded Cannot exceed quota for AccessKeysPerUser: 2',
    ])
    const AccessKeyId = 'AKIAAAAAAAAAAAAAAAAA'
    expect(await refusal(send(new GetAccessKeyLastUsedCommand({ AccessKeyId })))).toMatch(/^404 NoSuchEntity/)
    expect(
      await refusal(send(new UpdateAccessKeyCommand({ UserName: 'ann', AccessKeyId, Status: 'Active' }))),
    ).toMatch(/^404 NoSuchEntity/)
    expect(
      await refusal(send(new UpdateAccessKeyCommand({ UserName: 'ann', AccessKeyId, Status: 'Expired' }))),
    ).toMatch(/^400 InvalidInput/)
  })
})
