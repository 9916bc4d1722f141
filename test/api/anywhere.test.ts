/** Trust anchors and profiles of Roles Anywhere over the JSON API, by SigV4. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { listEvents } from '#audit'
import { createAccessKey, createUser } from '#directory'
import { attachPolicy, createAccount, createRole, putInlinePolicy } from '#iam'
import { Secret, systemClock } from '#kernel'
import { callApi } from '../support/api-call.ts'
import { allow } from '../support/federated.ts'
import { claim, home, testVault } from '../support/fixtures.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { ecKey, makeCertificate, makeRevocationList } from '../support/x509.ts'

const member = '222233334444'
const secret = 'a-secret-access-key-for-tests-forty-char'
const authority = makeCertificate({ name: 'Factory CA', ca: true })
const machine = makeCertificate({ name: 'press-7', issuer: authority })
const roleArn = `arn:aws:iam::${home}:role/Press`
const anchorArn = `arn:aws:rolesanywhere:us-east-1:${home}:trust-anchor/factory`
const profile = { name: 'machines', roles: [roleArn] }
let server: TestServer

beforeAll(async () => {
  server = await startServer()
  const { database } = server
  await claim(database, systemClock)
  await createAccount(database, systemClock, { name: 'prod', accountId: member })
  for (const [name, accountId, policy] of [
    ['admin', home, undefined],
    ['reader', home, allow(['rolesanywhere:Get*', 'rolesanywhere:List*'])],
    ['maker', home, allow('rolesanywhere:*')],
    ['stranger', member, undefined],
  ] as const) {
    const user = await createUser(database, systemClock, { accountId, name })
    await createAccessKey(
      database,
      { vault: testVault, clock: systemClock },
      { accountId, userId: user.userId, accessKeyId: keyOf(name), secret: new Secret(secret) },
    )
    if (policy === undefined)
      await attachPolicy(database, user.userId, 'arn:aws:iam::aws:policy/AdministratorAccess')
    else await putInlinePolicy(database, user.userId, 'own', policy)
  }
  for (const name of ['Press', 'Other'])
    await createRole(database, systemClock, {
      accountId: home,
      name,
      trustDocument: JSON.stringify({
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Allow',
            Principal: { Service: 'rolesanywhere.amazonaws.com' },
            Action: 'sts:AssumeRole',
          },
        ],
      }),
    })
})
afterAll(async () => {
  expect(server.complaints).toEqual([])
  await server.close()
})

const keyOf = (name: string): string => `AKIA${name.toUpperCase().padEnd(16, 'A')}`
const call = (method: string, path: string, body?: object, who = 'admin') =>
  callApi(
    server,
    { accessKeyId: keyOf(who), secretAccessKey: secret },
    method,
    `/roles-anywhere/${path}`,
    body,
  )

describe('a trust anchor', () => {
  it('is made, shown, changed and removed, each with its event', async () => {
    const made = await call('POST', 'trust-anchors', { name: 'factory', certificates: authority.pem })
    expect(made).toMatchObject({ status: 201, body: { arn: anchorArn, enabled: true, revocation_lists: '' } })
    expect((await call('GET', 'trust-anchors')).body).toEqual({ trust_anchors: [made.body] })
    expect((await call('GET', 'trust-anchors/factory', undefined, 'reader')).body).toEqual(made.body)

    const lists = makeRevocationList(authority, [machine.serial])
    const changed = await call('PATCH', 'trust-anchors/factory', { revocation_lists: lists, enabled: false })
    expect(changed).toMatchObject({
      status: 200,
      body: { certificates: authority.pem, revocation_lists: lists, enabled: false },
    })
    expect((await call('GET', 'trust-anchors/factory')).body).toEqual(changed.body)

    expect((await call('DELETE', 'trust-anchors/factory')).status).toBe(204)
    expect((await call('GET', 'trust-anchors/factory')).status).toBe(404)
    expect((await call('DELETE', 'trust-anchors/factory')).status).toBe(404)
    for (const name of ['CreateTrustAnchor', 'UpdateTrustAnchor', 'DeleteTrustAnchor'])
      expect(JSON.parse((await listEvents(server.database, { name }))[0]?.body ?? '{}')).toMatchObject({
        eventSource: 'rolesanywhere.signet',
        requestParameters: { name: 'factory' },
        resources: [{ ARN: anchorArn }],
        userIdentity: { userName: 'admin' },
      })
  })

  it('is refused when nobody could be proven by it, when there is one, and with words we do not know', async () => {
    const good = { name: 'plant', certificates: authority.pem }
    expect((await call('POST', 'trust-anchors', good)).status).toBe(201)
    expect((await call('POST', 'trust-anchors', { ...good, name: 'PLANT' })).status).toBe(409)
    for (const bad of [
      { ...good, name: 'a/b' },
      { ...good, name: 'x', certificates: 'no PEM' },
      { ...good, name: 'x', certificates: machine.pem },
      { ...good, name: 'x', revocation_lists: makeRevocationList(authority, [], { key: ecKey() }) },
      { ...good, name: 'x', note: 'hello' },
      { name: 'x' },
    ])
      expect((await call('POST', 'trust-anchors', bad)).status, JSON.stringify(bad).slice(0, 60)).toBe(400)
    expect((await call('PATCH', 'trust-anchors/plant', { certificates: machine.pem })).status).toBe(400)
    expect((await call('PATCH', 'trust-anchors/plant', { name: 'other' })).status).toBe(400)
    expect((await call('PATCH', 'trust-anchors/nowhere', { enabled: false })).status).toBe(404)
    expect((await call('GET', 'trust-anchors/a%2Fb')).status).toBe(404)
    expect((await call('GET', 'trust-anchors')).body['trust_anchors']).toHaveLength(1)
  })
})

describe('a profile', () => {
  it('is made, shown, changed and removed', async () => {
    const made = await call('POST', 'profiles', profile)
    expect(made).toMatchObject({
      status: 201,
      body: {
        arn: `arn:aws:rolesanywhere:us-east-1:${home}:profile/machines`,
        roles: [roleArn],
        max_session_seconds: 3_600,
        session_policies: [],
        session_policy: null,
      },
    })
    const limits = {
      max_session_seconds: 900,
      session_policies: ['arn:aws:iam::aws:policy/ReadOnlyAccess'],
      session_policy: allow('orders:Get'),
    }
    const changed = await call('PATCH', 'profiles/machines', limits)
    expect(changed).toMatchObject({ status: 200, body: { ...limits, roles: [roleArn] } })
    const emptied = await call('PATCH', 'profiles/machines', { session_policy: null })
    expect(emptied.body).toEqual({ ...changed.body, session_policy: null })
    expect((await call('GET', 'profiles', undefined, 'reader')).body).toEqual({ profiles: [emptied.body] })
    expect((await call('POST', 'profiles', profile)).status).toBe(409)
    expect((await call('DELETE', 'profiles/machines')).status).toBe(204)
    expect((await call('GET', 'profiles/machines')).status).toBe(404)
  })

  it('is refused with a role or policy that is not there, and with limits that cannot be', async () => {
    for (const bad of [
      { ...profile, roles: [] },
      { ...profile, roles: [`arn:aws:iam::${home}:role/Nowhere`] },
      { ...profile, roles: [`arn:aws:iam::${member}:role/Press`] },
      { ...profile, session_policies: [`arn:aws:iam::${home}:policy/Nowhere`] },
      { ...profile, session_policy: '{"Statement":"no"}' },
      { ...profile, max_session_seconds: 899 },
      { ...profile, max_session_seconds: 43_201 },
    ])
      expect((await call('POST', 'profiles', bad)).status, JSON.stringify(bad)).toBeOneOf([400, 403])
    expect((await call('GET', 'profiles')).body).toEqual({ profiles: [] })
  })

  it('opens no role that its maker may not hand on', async () => {
    expect((await call('POST', 'profiles', profile, 'maker')).status).toBe(403)
    expect((await call('POST', 'profiles', profile)).status).toBe(201)
    // Not by a change either, whatever it changes.
    expect((await call('PATCH', 'profiles/machines', { enabled: true }, 'maker')).status).toBe(403)
    expect((await call('DELETE', 'profiles/machines', undefined, 'maker')).status).toBe(204)
  })
})

describe('nobody', () => {
  it.each([
    ['POST', 'trust-anchors', { name: 'mine', certificates: authority.pem }],
    ['PATCH', 'trust-anchors/plant', { enabled: false }],
    ['DELETE', 'trust-anchors/plant', undefined],
    ['POST', 'profiles', profile],
    ['PATCH', 'profiles/machines', { enabled: false }],
    ['DELETE', 'profiles/machines', undefined],
  ])('without the permission: %s %s', async (method, path, body) => {
    expect((await call(method, path, body, 'reader')).status).toBe(403)
  })

  it('sees or touches those of another account', async () => {
    expect((await call('GET', 'trust-anchors', undefined, 'stranger')).body).toEqual({ trust_anchors: [] })
    expect((await call('GET', 'trust-anchors/plant', undefined, 'stranger')).status).toBe(404)
    expect((await call('DELETE', 'trust-anchors/plant', undefined, 'stranger')).status).toBe(404)
    expect((await call('GET', 'trust-anchors/plant')).status).toBe(200)
  })

  it('without credentials', async () => {
    expect((await fetch(`${server.url}/api/v1/roles-anywhere/trust-anchors`)).status).toBe(401)
  })
})
