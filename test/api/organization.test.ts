/** Accounts, units and guard-rails over the JSON API, by SigV4. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { listEvents } from '#audit'
import { createAccessKey, createUser } from '#directory'
import { attachPolicy, createAccount, putInlinePolicy } from '#iam'
import { Secret, systemClock } from '#kernel'
import { callApi } from '../support/api-call.ts'
import { claim, home, testVault } from '../support/fixtures.ts'
import { startServer, type TestServer } from '../support/server.ts'

const member = '222233334444'
const secret = 'a-secret-access-key-for-tests-forty-char'
let server: TestServer

beforeAll(async () => {
  server = await startServer()
  const { database } = server
  await claim(database, systemClock)
  await createAccount(database, systemClock, { name: 'prod', accountId: member })
  const people = [
    ['admin', home, 'AKIAADMINADMINADMINA'],
    ['reader', home, 'AKIAREADERREADERREAD'],
    ['stranger', member, 'AKIASTRANGERSTRANGER'],
  ] as const
  for (const [name, accountId, accessKeyId] of people) {
    const user = await createUser(database, systemClock, { accountId, name })
    await createAccessKey(
      database,
      { vault: testVault, clock: systemClock },
      { accountId, userId: user.userId, accessKeyId, secret: new Secret(secret) },
    )
    if (name === 'reader')
      await putInlinePolicy(
        database,
        user.userId,
        'read',
        JSON.stringify({
          Version: '2012-10-17',
          Statement: [{ Effect: 'Allow', Action: 'organizations:Describe*', Resource: '*' }],
        }),
      )
    else await attachPolicy(database, user.userId, 'arn:aws:iam::aws:policy/AdministratorAccess')
  }
})
afterAll(() => server.close())

const call = async (method: string, path: string, body?: object, accessKeyId = 'AKIAADMINADMINADMINA') => {
  const by = { accessKeyId, secretAccessKey: secret }
  const answer = await callApi(server, by, method, `/organization${path}`, body)
  return { status: answer.status, body: answer.body as Record<string, never> }
}

const deny = (action: string) => ({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Deny', Action: action, Resource: '*' }],
})

it('a unit, an account moved into it, and a guard-rail attached there limit the account at once', async () => {
  const unit = await call('POST', '/units', { name: 'Workloads' })
  expect(unit.status).toBe(201)
  expect((await call('PATCH', `/accounts/${member}`, { unit_id: unit.body['id'] })).status).toBe(204)
  const rail = await call('POST', '/guard-rails', { type: 'scp', name: 'NoUsers', document: deny('iam:*') })
  expect(rail).toMatchObject({ status: 201, body: { findings: [] } })
  const before = await call('GET', '', undefined, 'AKIASTRANGERSTRANGER')
  expect(before).toMatchObject({ status: 403 })
  expect((await call('PUT', `/guard-rails/${rail.body['id']}/targets/${unit.body['id']}`)).status).toBe(204)

  const shown = await call('GET', '')
  expect(shown.body).toMatchObject({
    home_account_id: home,
    units: [{ id: unit.body['id'], path: 'Workloads', parent_id: null }],
    guard_rails: [{ name: 'NoUsers', version: 1, targets: [unit.body['id']] }],
  })
  expect(shown.body['accounts']).toContainEqual({
    id: member,
    name: 'prod',
    alias: null,
    unit_id: unit.body['id'],
  })
  expect((await call('DELETE', `/units/${unit.body['id']}`)).status).toBe(409)
  expect((await call('DELETE', `/guard-rails/${rail.body['id']}`)).status).toBe(409)
  expect((await call('DELETE', `/guard-rails/${rail.body['id']}/targets/${unit.body['id']}`)).status).toBe(
    204,
  )
  expect((await call('DELETE', `/guard-rails/${rail.body['id']}/targets/${unit.body['id']}`)).status).toBe(
    404,
  )
  expect((await call('DELETE', `/guard-rails/${rail.body['id']}`)).status).toBe(204)
  const names = (await listEvents(server.database, {})).map(
    ({ body }) => (JSON.parse(body) as { eventName: string }).eventName,
  )
  for (const name of [
    'CreateOrganizationalUnit',
    'MoveAccount',
    'CreatePolicy',
    'AttachPolicy',
    'DetachPolicy',
  ])
    expect(names).toContain(name)
})

it('the last service control policy of a target stays', async () => {
  expect((await call('DELETE', `/guard-rails/p-FullAWSAccess/targets/${member}`)).status).toBe(409)
  const rail = await call('POST', '/guard-rails', {
    type: 'scp',
    name: 'OrdersOnly',
    document: { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 'orders:*', Resource: '*' }] },
  })
  await call('PUT', `/guard-rails/${rail.body['id']}/targets/${member}`)
  expect((await call('DELETE', `/guard-rails/p-FullAWSAccess/targets/${member}`)).status).toBe(204)
  expect((await call('PUT', `/guard-rails/p-FullAWSAccess/targets/${member}`)).status).toBe(204)
})

it('a new account stands where it is asked for, and its document is shown as it was written', async () => {
  const made = await call('POST', '/accounts', { name: 'lab' })
  expect(made).toMatchObject({ status: 201, body: { name: 'lab', unit_id: null } })
  const rail = await call('POST', '/guard-rails', { type: 'scp', name: 'Shown', document: deny('s3:*') })
  expect((await call('PATCH', `/guard-rails/${rail.body['id']}`, { document: deny('sns:*') })).status).toBe(
    204,
  )
  expect((await call('GET', `/guard-rails/${rail.body['id']}`)).body).toMatchObject({
    version: 2,
    document: deny('sns:*'),
  })
})

describe('refused is', () => {
  it('who has no policy for the action, and an administrator of another account', async () => {
    expect((await call('GET', '', undefined, 'AKIAREADERREADERREAD')).status).toBe(200)
    expect((await call('POST', '/units', { name: 'Mine' }, 'AKIAREADERREADERREAD')).status).toBe(403)
    expect((await call('POST', '/units', { name: 'Mine' }, 'AKIASTRANGERSTRANGER')).status).toBe(403)
    expect((await call('GET', '')).body['units']).not.toContainEqual(
      expect.objectContaining({ name: 'Mine' }),
    )
  })

  it.each([
    ['a name with a slash', 'POST', '/units', { name: 'a/b' }, 400],
    ['an unknown parent', 'POST', '/units', { name: 'a', parent_id: 'ou-aaaa-aaaaaaaa' }, 404],
    ['an account that is not there', 'PATCH', '/accounts/999999999999', { unit_id: null }, 404],
    ['a policy that is none', 'POST', '/guard-rails', { type: 'scp', name: 'x', document: '{' }, 400],
    [
      'a resource control policy that allows',
      'POST',
      '/guard-rails',
      {
        type: 'rcp',
        name: 'x',
        document: {
          Version: '2012-10-17',
          Statement: [{ Effect: 'Allow', Principal: '*', Action: '*', Resource: '*' }],
        },
      },
      400,
    ],
    ['a guard-rail that is not there', 'PATCH', '/guard-rails/p-nothing1', { name: 'x' }, 404],
    [
      'a target that is not there',
      'PUT',
      '/guard-rails/p-FullAWSAccess/targets/ou-none-nonenone',
      undefined,
      404,
    ],
    ['an unknown member', 'POST', '/units', { name: 'a', colour: 'red' }, 400],
  ])('%s', async (_what, method, path, body, status) => {
    expect((await call(method, path, body)).status).toBe(status)
  })
})
