/** Kubernetes clusters over the JSON API, by SigV4. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { listEvents } from '#audit'
import { createAccessKey, createUser } from '#directory'
import { attachPolicy, createRole, putInlinePolicy } from '#iam'
import { Secret, systemClock } from '#kernel'
import { callApi } from '../support/api-call.ts'
import { allow } from '../support/federated.ts'
import { claim, home, testVault } from '../support/fixtures.ts'
import { startServer, type TestServer } from '../support/server.ts'

const secret = 'a-secret-access-key-for-tests-forty-char'
const roleArn = `arn:aws:iam::${home}:role/ShopApi`
const arn = `arn:aws:eks:us-east-1:${home}:cluster/prod`
const wanted = {
  issuer: 'https://kubernetes.example.com',
  associations: [{ namespace: 'shop', service_account: 'api', role: roleArn }],
}
let server: TestServer

beforeAll(async () => {
  server = await startServer()
  const { database } = server
  await claim(database, systemClock)
  for (const [name, policy] of [
    ['admin', undefined],
    ['reader', allow(['eks:Describe*', 'eks:List*'])],
    ['maker', allow('eks:*')],
  ] as const) {
    const user = await createUser(database, systemClock, { accountId: home, name })
    await createAccessKey(
      database,
      { vault: testVault, clock: systemClock },
      { accountId: home, userId: user.userId, accessKeyId: keyOf(name), secret: new Secret(secret) },
    )
    if (policy === undefined)
      await attachPolicy(database, user.userId, 'arn:aws:iam::aws:policy/AdministratorAccess')
    else await putInlinePolicy(database, user.userId, 'own', policy)
  }
  await createRole(database, systemClock, {
    accountId: home,
    name: 'ShopApi',
    trustDocument: JSON.stringify({
      Version: '2012-10-17',
      Statement: [
        { Effect: 'Allow', Principal: { Service: 'pods.eks.amazonaws.com' }, Action: 'sts:AssumeRole' },
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
  callApi(server, { accessKeyId: keyOf(who), secretAccessKey: secret }, method, `/clusters${path}`, body)
type Shown = { associations: { id: string }[] }

it('a cluster is made, shown, changed and removed, each with its event', async () => {
  const made = await call('PUT', '/prod', wanted)
  expect(made).toMatchObject({
    status: 200,
    body: { arn, name: 'prod', enabled: true, issuer: wanted.issuer },
  })
  const [{ id } = { id: '' }] = (made.body as Shown).associations
  expect(id).toMatch(/^a-[a-z0-9]+$/)
  expect((await call('GET', '')).body).toEqual({ clusters: [made.body] })
  expect((await call('GET', '/prod', undefined, 'reader')).body).toEqual(made.body)
  // The same again keeps the association; one that is taken away and given again is another.
  expect((await call('PUT', '/prod', wanted)).body).toEqual(made.body)
  await call('PUT', '/prod', { ...wanted, associations: [] })
  const again = await call('PUT', '/prod', wanted)
  expect((again.body as Shown).associations[0]?.id).not.toBe(id)
  expect((await call('DELETE', '/prod')).status).toBe(204)
  expect((await call('GET', '/prod')).status).toBe(404)
  expect((await call('DELETE', '/prod')).status).toBe(404)
  const admin = { accessKeyId: keyOf('admin'), secretAccessKey: secret }
  const revoke = { kind: 'federated', id: 'system:serviceaccount:shop:api', provider: arn }
  expect((await callApi(server, admin, 'POST', '/revocations', revoke)).status).toBe(404)
  await call('PUT', '/prod', wanted)
  expect((await callApi(server, admin, 'POST', '/revocations', revoke)).status).toBeLessThan(300)
  for (const name of ['RegisterCluster', 'DeregisterCluster'])
    expect(JSON.parse((await listEvents(server.database, { name }))[0]?.body ?? '{}')).toMatchObject({
      requestParameters: { name: 'prod' },
      resources: [{ ARN: arn }],
      userIdentity: { userName: 'admin' },
    })
})

it('a cluster is refused to who may not make it, or may not hand on its roles, and where it names what is not there', async () => {
  expect((await call('PUT', '/prod', wanted, 'reader')).status).toBe(403)
  expect((await call('DELETE', '/prod', undefined, 'reader')).status).toBe(403)
  expect((await call('PUT', '/prod', wanted, 'maker')).status).toBe(403)
  expect((await call('PUT', '/prod', { ...wanted, associations: [] }, 'maker')).status).toBe(200)
  const [association] = wanted.associations
  for (const bad of [
    { ...wanted, issuer: 'nonsense' },
    { ...wanted, associations: [{ ...association, role: `${roleArn}2` }] },
    { ...wanted, associations: [{ ...association, namespace: 'a/b' }] },
    { ...wanted, associations: [association, association] },
    { ...wanted, note: 'hello' },
  ])
    expect([bad, (await call('PUT', '/prod', bad)).status]).toEqual([bad, 400])
  expect((await call('PUT', '/a.b', wanted)).status).toBe(404)
})
