/**
 * Ending the sessions of one person who comes from an identity provider, or of one federated user: on two nodes over one
 * database, down the chain, and at a service that verifies by itself. The role and everybody else go on.
 */
import { AssumeRoleCommand, GetCallerIdentityCommand, GetFederationTokenCommand } from '@aws-sdk/client-sts'
import { AssumeRoleWithSAMLCommand, AssumeRoleWithWebIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

import { listEvents } from '#audit'
import { putApp } from '#apps'
import type { Database } from '#database'
import { createAccessKey, createUser } from '#directory'
import { createRole, putInlinePolicy, putOidcProvider, putSamlProvider } from '#iam'
import { Secret, systemClock } from '#kernel'
import { signHeadersV4a } from '#sigv4'

import { startExample } from '../../clients/verify/example.ts'
import { acme, seedAcme } from '../support/acme.ts'
import { callApi, type TestCredentials as Credentials } from '../support/api-call.ts'
import { testDatabase } from '../support/database.ts'
import { home, testVault } from '../support/fixtures.ts'
import { foreignIdp } from '../support/saml-idp.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { startTokenIssuer, type TokenIssuer } from '../support/token-issuer.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const idp = foreignIdp()
let database: Database
let nodes: TestServer[]
let issuer: TokenIssuer
let oidcArn: string
let samlArn: string
let service: { url: string; close(): Promise<void> }
const roleArn = `arn:aws:iam::${home}:role/Pipeline`
const reader: Credentials = {
  accessKeyId: 'AKIAREADERREADERREAD',
  secretAccessKey: 'reader-secret-access-key-for-tests-forty',
}

const allow = (Action: string | string[], more: object = {}) =>
  JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action, Resource: '*', ...more }] })

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
  oidcArn = await putOidcProvider(database, systemClock, {
    accountId: home,
    url: issuer.url,
    clientIds: ['sts'],
  })
  samlArn = `arn:aws:iam::${home}:saml-provider/corp`
  await putSamlProvider(database, systemClock, { accountId: home, name: 'corp', metadata: idp.metadata })
  const role = await createRole(database, systemClock, {
    accountId: home,
    name: 'Pipeline',
    trustDocument: JSON.stringify({
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Principal: { Federated: oidcArn },
          Action: 'sts:AssumeRoleWithWebIdentity',
          Condition: { StringLike: { [`${issuer.url.slice(7)}:sub`]: '*' } },
        },
        { Effect: 'Allow', Principal: { Federated: samlArn }, Action: 'sts:AssumeRoleWithSAML' },
      ],
    }),
  })
  await putInlinePolicy(database, role.roleId, 'chain', allow('sts:AssumeRole'))
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
  service = await startExample({ signet: node(0).url, service: 'orders' })
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

const node = (at: number): TestServer => nodes[at] ?? nodes[0]!
const client = (at: number, by: Credentials) =>
  new STSClient({ endpoint: node(at).url, region: 'us-east-1', credentials: by, maxAttempts: 1 })
const credentialsOf = (answer: {
  Credentials?:
    | {
        AccessKeyId?: string | undefined
        SecretAccessKey?: string | undefined
        SessionToken?: string | undefined
      }
    | undefined
}): Required<Credentials> => ({
  accessKeyId: answer.Credentials?.AccessKeyId ?? '',
  secretAccessKey: answer.Credentials?.SecretAccessKey ?? '',
  sessionToken: answer.Credentials?.SessionToken ?? '',
})
const nobody: Credentials = { accessKeyId: '', secretAccessKey: '' }

const byToken = async (sub: string) =>
  credentialsOf(
    await client(0, nobody).send(
      new AssumeRoleWithWebIdentityCommand({
        RoleArn: roleArn,
        RoleSessionName: 'run',
        WebIdentityToken: await issuer.mint({ sub, aud: 'sts' }),
      }),
    ),
  )
const byAssertion = async (nameId: string) => {
  const named = 'https://aws.amazon.com/SAML/Attributes'
  return credentialsOf(
    await client(0, nobody).send(
      new AssumeRoleWithSAMLCommand({
        RoleArn: roleArn,
        PrincipalArn: samlArn,
        SAMLAssertion: idp.mint({
          recipient: `${node(0).url}/saml/aws`,
          now: systemClock(),
          nameId,
          assertionId: `_${crypto.randomUUID()}`,
          attributes: { [`${named}/Role`]: [`${roleArn},${samlArn}`], [`${named}/RoleSessionName`]: ['run'] },
        }),
      }),
    ),
  )
}
const byFederation = async (Name: string) =>
  credentialsOf(
    await client(0, acme).send(new GetFederationTokenCommand({ Name, Policy: allow('orders:Get') })),
  )
const chained = async (by: Credentials) =>
  credentialsOf(
    await client(0, by).send(new AssumeRoleCommand({ RoleArn: acme.roleArn, RoleSessionName: 'next' })),
  )

const outcome = (call: Promise<unknown>) =>
  call.then(
    () => 'accepted',
    (thrown: Error) => thrown.name,
  )
const at = (index: number, by: Credentials) =>
  outcome(client(index, by).send(new GetCallerIdentityCommand({})))
/** What the service says, which holds nothing but public keys and the feed. */
async function atService(by: Required<Credentials>): Promise<string> {
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
const revoke = (body: object, by: Credentials = acme) => callApi(node(0), by, 'POST', '/revocations', body)

describe('one federated person', () => {
  const strange = 'a b/ä*?:"\'<>&\u{1f600}'
  it.each([
    ['of a web identity', byToken, 'repo:acme/app', 'repo:acme/App', () => oidcArn],
    ['of a web identity, with odd characters', byToken, strange, 'a b/ä*?:', () => oidcArn],
    ['of an assertion', byAssertion, 'alice@acme.test', 'bob@acme.test', () => samlArn],
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
      await vi.waitFor(async () => expect(await at(1, by)).toBe('ExpiredToken'), { timeout: 1_000 })
      await vi.waitFor(async () => expect(await atService(by)).toBe('ExpiredToken'), { timeout: 1_000 })
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
    await revoke({ kind: 'federated', id: 'carol-1', provider: samlArn })
    expect([await at(0, token), await at(0, assertion)]).toEqual(['accepted', 'ExpiredToken'])
  })

  it('and one who got a federation token is named by the ARN', async () => {
    const [dave, erin] = [await byFederation('dave'), await byFederation('erin')]
    expect([await at(1, dave), await at(1, erin)]).toEqual(['accepted', 'accepted'])
    const arn = `arn:aws:sts::${home}:federated-user/dave`
    expect(await revoke({ kind: 'federated', id: arn })).toMatchObject({ status: 200, body: { arn } })
    await vi.waitFor(async () => expect(await at(1, dave)).toBe('ExpiredToken'), { timeout: 1_000 })
    expect([await at(0, erin), await at(0, acme)]).toEqual(['accepted', 'accepted'])
  })
})

describe('ending them', () => {
  it('is in the audit log, in the same transaction', async () => {
    await revoke({ kind: 'federated', id: 'frank', provider: oidcArn })
    const [event] = (await listEvents(database, { name: 'Revoke' }))
      .map(({ body }) => JSON.parse(body) as { requestParameters: object; resources: object[] })
      .filter(({ requestParameters }) => JSON.stringify(requestParameters).includes('frank'))
    expect(event).toMatchObject({
      requestParameters: { kind: 'federated', id: 'frank', provider: oidcArn },
      resources: [
        {
          ARN: `arn:aws:signet::${home}:federated/${oidcArn.split(':').slice(5).join(':')}/frank`,
        },
      ],
    })
  })

  it('takes the permission, and a provider that there is', async () => {
    const body = { kind: 'federated', id: 'alice', provider: samlArn }
    expect((await revoke(body, reader)).status).toBe(403)
    expect((await revoke({ ...body, provider: `${samlArn}-2` })).status).toBe(404)
    expect((await revoke({ ...body, provider: 'corp' })).status).toBe(404)
    expect((await revoke({ kind: 'federated', id: 'alice' })).status).toBe(400)
    expect((await revoke({ kind: 'user', id: 'alice', provider: samlArn })).status).toBe(400)
    expect(
      (await revoke({ kind: 'federated', id: 'arn:aws:sts::999999999999:federated-user/dave' })).status,
    ).toBe(404)
  })
})
