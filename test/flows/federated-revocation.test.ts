/**
 * Ending the sessions of one person who comes from an identity provider, or of one federated user: on two nodes over one
 * database, down the chain, and at a service that verifies by itself. The role and everybody else go on.
 */
import { GetCallerIdentityCommand } from '@aws-sdk/client-sts'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

import { listEvents } from '#audit'
import { putApp } from '#apps'
import type { Database } from '#database'
import { createAccessKey, createUser } from '#directory'
import { putInlinePolicy } from '#iam'
import { Secret, systemClock } from '#kernel'
import { signHeadersV4a } from '#sigv4'

import { startExample } from '../../clients/verify/example.ts'
import { acme, seedAcme } from '../support/acme.ts'
import { callApi, type TestCredentials } from '../support/api-call.ts'
import { testDatabase } from '../support/database.ts'
import {
  allow,
  federatedWorld,
  outcome,
  type FederatedWorld,
  type SessionCredentials,
} from '../support/federated.ts'
import { home, testVault } from '../support/fixtures.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { startTokenIssuer, type TokenIssuer } from '../support/token-issuer.ts'
import { patiently } from '../support/patience.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

let database: Database
let nodes: TestServer[]
let issuer: TokenIssuer
let world: FederatedWorld
let service: { url: string; close(): Promise<void> }
const reader = {
  accessKeyId: 'AKIAREADERREADERREAD',
  secretAccessKey: 'reader-secret-access-key-for-tests-forty',
}

beforeAll(async () => {
  database = await testDatabase()
  issuer = await startTokenIssuer()
  const alice = await seedAcme(database)
  await putInlinePolicy(
    database,
    alice.userId,
    'rights',
    allow(['signet:Revoke', 'sts:GetFederationToken', 'sts:AssumeRole']),
  )
  const bob = await createUser(database, systemClock, { accountId: home, name: 'reader' })
  await createAccessKey(
    database,
    { vault: testVault, clock: systemClock },
    {
      accountId: home,
      userId: bob.userId,
      accessKeyId: reader.accessKeyId,
      secret: new Secret(reader.secretAccessKey),
    },
  )
  world = await federatedWorld(database, issuer)
  await putApp(database, systemClock, {
    accountId: home,
    kind: 'oidc',
    name: 'Shop',
    servicePrefix: 'orders',
    signingKeys: true,
  })
  const env = {
    SIGNET_STS__ALLOWED_ISSUER_HOSTS: JSON.stringify([issuer.host]),
    // So that the service below verifies them with public keys alone.
    SIGNET_STS__VERIFIABLE_SESSIONS: 'always',
  }
  nodes = [await startServer({ database, env }), await startServer({ database, env })]
  service = await startExample({ signet: url(0), service: 'orders' })
})
afterAll(async () => {
  await service.close()
  for (const each of nodes) {
    expect(each.complaints).toEqual([])
    await each.close()
  }
  await issuer.close()
  await database.close()
})

const url = (node: number): string => nodes[node]?.url ?? ''
const byToken = (sub: string) => world.byToken(url(0), sub)
const byAssertion = (nameId: string) => world.byAssertion(url(0), nameId)
const byFederation = (name: string) => world.byFederation(url(0), acme, name)
const chained = (by: TestCredentials) => world.chained(url(0), by, acme.roleArn)
const at = (node: number, by: TestCredentials) =>
  outcome(world.client(url(node), by).send(new GetCallerIdentityCommand({})))
/** What the service says, which holds nothing but public keys and the feed. */
async function atService(by: SessionCredentials): Promise<string> {
  const request = {
    method: 'GET',
    rawUrl: '/orders',
    headers: [['host', new URL(service.url).host] as const],
    body: new Uint8Array(),
  }
  const headers = signHeadersV4a(request, by, { at: systemClock(), service: 'orders', regionSet: '*' })
  const answer = await fetch(`${service.url}/orders`, {
    headers: headers
      .filter(([name]) => name !== 'host')
      .map(([name, value]): [string, string] => [name, value]),
  })
  return answer.status === 200 ? 'accepted' : ((await answer.json()) as { code: string }).code
}
const revoke = (body: object, by: TestCredentials = acme) =>
  callApi({ url: url(0) }, by, 'POST', '/revocations', body)

describe('one federated person', () => {
  const strange = 'a b/ä*?:"\'<>&\u{1f600}'
  it.each([
    ['of a web identity', byToken, 'repo:acme/app', 'repo:acme/App', () => world.oidcArn],
    ['of a web identity, with odd characters', byToken, strange, 'a b/ä*?:', () => world.oidcArn],
    ['of an assertion', byAssertion, 'alice@acme.test', 'bob@acme.test', () => world.samlArn],
  ] as const)('%s is out everywhere, and nobody else is', async (_what, take, who, other, provider) => {
    const [session, sibling] = [await take(who), await take(other)]
    const next = await chained(session)
    for (const by of [session, next, sibling]) {
      expect([await at(0, by), await at(1, by), await atService(by)]).toEqual(Array(3).fill('accepted'))
    }

    expect(await revoke({ kind: 'federated', id: who, provider: provider() })).toMatchObject({
      status: 200,
      body: { kind: 'federated', arn: expect.stringContaining(`:federated/`) as string },
    })

    for (const by of [session, next]) {
      expect(await at(0, by)).toBe('ExpiredToken')
      await vi.waitFor(async () => expect(await at(1, by)).toBe('ExpiredToken'), patiently)
      await vi.waitFor(async () => expect(await atService(by)).toBe('ExpiredToken'), patiently)
    }
    expect(await outcome(chained(session))).toBe('ExpiredToken')
    expect([await at(0, sibling), await at(1, sibling), await atService(sibling)]).toEqual(
      Array(3).fill('accepted'),
    )
    // Who may still come in may begin anew: that is for the trust policy to say.
    const again = await take(who)
    expect([await at(0, again), await at(1, again)]).toEqual(['accepted', 'accepted'])
  })

  it('is another one at another provider, though the name is the same', async () => {
    const [token, assertion] = [await byToken('carol-1'), await byAssertion('carol-1')]
    await revoke({ kind: 'federated', id: 'carol-1', provider: world.samlArn })
    expect([await at(0, token), await at(0, assertion)]).toEqual(['accepted', 'ExpiredToken'])
  })

  it('and one who got a federation token is named by the ARN', async () => {
    const [dave, erin] = [await byFederation('dave'), await byFederation('erin')]
    expect([await at(1, dave), await at(1, erin)]).toEqual(['accepted', 'accepted'])
    const arn = `arn:aws:sts::${home}:federated-user/dave`
    expect(await revoke({ kind: 'federated', id: arn })).toMatchObject({ status: 200, body: { arn } })
    await vi.waitFor(async () => expect(await at(1, dave)).toBe('ExpiredToken'), patiently)
    expect([await at(0, erin), await at(0, acme)]).toEqual(['accepted', 'accepted'])
  })
})

describe('ending them', () => {
  it('is in the audit log, in the same transaction', async () => {
    await revoke({ kind: 'federated', id: 'frank', provider: world.oidcArn })
    const [event] = (await listEvents(database, { name: 'Revoke' }))
      .map(({ body }) => JSON.parse(body) as { requestParameters: object; resources: object[] })
      .filter(({ requestParameters }) => JSON.stringify(requestParameters).includes('frank'))
    expect(event).toMatchObject({
      requestParameters: { kind: 'federated', id: 'frank', provider: world.oidcArn },
      resources: [
        {
          ARN: `arn:aws:signet::${home}:federated/${world.oidcArn.split(':').slice(5).join(':')}/frank`,
        },
      ],
    })
  })

  it('takes the permission, and a provider that there is', async () => {
    const body = { kind: 'federated', id: 'alice', provider: world.samlArn }
    expect((await revoke(body, reader)).status).toBe(403)
    expect((await revoke({ ...body, provider: `${world.samlArn}-2` })).status).toBe(404)
    expect((await revoke({ ...body, provider: 'corp' })).status).toBe(404)
    expect((await revoke({ kind: 'federated', id: 'alice' })).status).toBe(400)
    expect((await revoke({ kind: 'user', id: 'alice', provider: world.samlArn })).status).toBe(400)
    expect(
      (await revoke({ kind: 'federated', id: 'arn:aws:sts::999999999999:federated-user/dave' })).status,
    ).toBe(404)
  })
})
