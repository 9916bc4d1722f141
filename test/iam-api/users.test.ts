import {
  CreateServiceLinkedRoleCommand,
  CreateUserCommand,
  DeleteUserCommand,
  DeleteUserPermissionsBoundaryCommand,
  GetUserCommand,
  ListUsersCommand,
  ListUserTagsCommand,
  paginateListUsers,
  PutUserPermissionsBoundaryCommand,
  TagUserCommand,
  UntagUserCommand,
  UpdateUserCommand,
} from '@aws-sdk/client-iam'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

import { fixedClock, home } from '../support/fixtures.ts'
import { bugs, builtIn, refusal, startIam, type IamServer } from './harness.ts'

const clock = fixedClock()
let server: IamServer
let send: IamServer['admin']['send']

beforeAll(async () => {
  server = await startIam(clock)
  send = server.admin.send.bind(server.admin)
})
afterAll(() => server.close())
afterEach(() => expect(bugs).toEqual([]))

describe('users', () => {
  it('are created with path, boundary and tags, and read back', async () => {
    const { User } = await send(
      new CreateUserCommand({
        UserName: 'Alice',
        Path: '/orders/',
        PermissionsBoundary: builtIn('PowerUserAccess'),
        Tags: [
          { Key: 'team', Value: 'orders + returns' },
          { Key: 'Größe', Value: '' },
        ],
      }),
    )
    expect(User).toEqual({
      Path: '/orders/',
      UserName: 'Alice',
      UserId: expect.stringMatching(/^AIDA[A-Z2-7]{17}$/) as string,
      Arn: `arn:aws:iam::${home}:user/orders/Alice`,
      CreateDate: new Date('2026-11-22T10:00:00Z'),
      PermissionsBoundary: {
        PermissionsBoundaryType: 'PermissionsBoundaryPolicy',
        PermissionsBoundaryArn: builtIn('PowerUserAccess'),
      },
      Tags: [
        { Key: 'team', Value: 'orders + returns' },
        { Key: 'Größe', Value: '' },
      ],
    })
    expect((await send(new GetUserCommand({ UserName: 'aLICE' }))).User).toEqual(User)
  })

  it('are refused when the name is taken in any case', async () => {
    expect(await refusal(send(new CreateUserCommand({ UserName: 'ALICE' })))).toBe(
      '409 EntityAlreadyExists User with name ALICE already exists.',
    )
  })

  it('are renamed and moved, and keep their unique id', async () => {
    const before = (await send(new CreateUserCommand({ UserName: 'bob' }))).User
    await send(new UpdateUserCommand({ UserName: 'bob', NewUserName: 'robert', NewPath: '/sales/' }))
    const after = (await send(new GetUserCommand({ UserName: 'robert' }))).User
    expect(after).toMatchObject({ UserId: before?.UserId, Arn: `arn:aws:iam::${home}:user/sales/robert` })
    expect(await refusal(send(new GetUserCommand({ UserName: 'bob' })))).toBe(
      '404 NoSuchEntity The user with name bob cannot be found.',
    )
  })

  it('are listed below a path, page by page', async () => {
    for (const name of ['p1', 'p2', 'p3'])
      await send(new CreateUserCommand({ UserName: name, Path: '/paged/' }))
    const names: string[] = []
    for await (const { Users } of paginateListUsers(
      { client: server.admin, pageSize: 2 },
      { PathPrefix: '/paged/' },
    ))
      names.push(...(Users ?? []).map(({ UserName }) => UserName ?? ''))
    expect(names).toEqual(['p1', 'p2', 'p3'])
  })

  it('are tagged and untagged, keys without regard to case', async () => {
    await send(new TagUserCommand({ UserName: 'p1', Tags: [{ Key: 'Cost', Value: '1' }] }))
    await send(new TagUserCommand({ UserName: 'p1', Tags: [{ Key: 'cost', Value: '2' }] }))
    expect((await send(new ListUserTagsCommand({ UserName: 'p1' }))).Tags).toEqual([
      { Key: 'cost', Value: '2' },
    ])
    await send(new UntagUserCommand({ UserName: 'p1', TagKeys: ['COST', 'unknown'] }))
    expect((await send(new ListUserTagsCommand({ UserName: 'p1' }))).Tags).toEqual([])
  })

  it('get and lose a boundary', async () => {
    const PermissionsBoundary = builtIn('ReadOnlyAccess')
    await send(new PutUserPermissionsBoundaryCommand({ UserName: 'p2', PermissionsBoundary }))
    expect((await send(new GetUserCommand({ UserName: 'p2' }))).User?.PermissionsBoundary).toBeDefined()
    await send(new DeleteUserPermissionsBoundaryCommand({ UserName: 'p2' }))
    expect((await send(new GetUserCommand({ UserName: 'p2' }))).User?.PermissionsBoundary).toBeUndefined()
  })

  it('are deleted, and the change is in the audit log without being asked', async () => {
    await send(new DeleteUserCommand({ UserName: 'p3' }))
    expect(await refusal(send(new GetUserCommand({ UserName: 'p3' })))).toMatch(/^404 NoSuchEntity/)
    const [event] = await server.events('DeleteUser')
    expect(event).toMatchObject({
      eventSource: 'iam.signet',
      requestParameters: { userName: 'p3' },
      userIdentity: { userName: 'the-administrator' },
      readOnly: false,
    })
  })
})

describe('the caller', () => {
  it('is meant when no name is given, and root is root', async () => {
    expect((await send(new GetUserCommand({}))).User?.UserName).toBe('the-administrator')
    expect((await server.root.send(new GetUserCommand({}))).User?.Arn).toBe(`arn:aws:iam::${home}:root`)
  })

  it('needs the permission for this user, by path and tag', async () => {
    const { client } = await server.user('limited', {
      Effect: 'Allow',
      Action: 'iam:TagUser',
      Resource: `arn:aws:iam::${home}:user/paged/*`,
      Condition: { StringEquals: { 'aws:RequestTag/a': '1', 'aws:ResourceTag/open': 'yes' } },
    })
    await send(new TagUserCommand({ UserName: 'p2', Tags: [{ Key: 'open', Value: 'yes' }] }))
    const tag = (UserName: string, Value: string) =>
      refusal(client.send(new TagUserCommand({ UserName, Tags: [{ Key: 'a', Value }] })))
    expect(await tag('p2', '1')).toBe('accepted')
    expect(await tag('p2', '2')).toBe(
      `403 AccessDenied User: arn:aws:iam::${home}:user/limited is not authorized to perform: iam:TagUser on resource: arn:aws:iam::${home}:user/paged/p2 because no identity-based policy allows the iam:TagUser action`,
    )
    expect(await tag('p1', '1')).toMatch(/^403 AccessDenied/)
    // Nobody learns by asking which names there are.
    expect(await tag('nobody', '1')).toMatch(/^403 AccessDenied/)
  })
})

describe('refuses', () => {
  it('a marker of another list, caller or question', async () => {
    const { Marker } = await send(new ListUsersCommand({ MaxItems: 1 }))
    expect(await refusal(send(new ListUsersCommand({ Marker, MaxItems: 5 })))).toBe('accepted')
    expect(await refusal(send(new ListUsersCommand({ Marker, PathPrefix: '/x/' })))).toBe(
      '400 ValidationError Invalid Marker.',
    )
    expect(await refusal(server.root.send(new ListUsersCommand({ Marker })))).toMatch(/Invalid Marker/)
    expect(await refusal(send(new ListUsersCommand({ Marker: 'made up' })))).toMatch(/Invalid Marker/)
  })

  it('what is known and not offered, after the permission for it', async () => {
    const command = () => new CreateServiceLinkedRoleCommand({ AWSServiceName: 'x.amazonaws.com' })
    expect(await refusal(send(command()))).toBe(
      '400 InvalidAction The operation CreateServiceLinkedRole is known and not offered.',
    )
    const { client } = await server.user('nothing')
    expect(await refusal(client.send(command()))).toMatch(/^403 AccessDenied/)
  })
})
