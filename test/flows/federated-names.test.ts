/**
 * People from outside who call themselves like somebody inside: they are never more than the role they were let into
 * (lesson 1 of what went wrong elsewhere). Principals are typed ids, so no name can collide.
 */
import { IAMClient, ListUsersCommand } from '@aws-sdk/client-iam'
import { GetCallerIdentityCommand } from '@aws-sdk/client-sts'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

import type { User } from '#directory'
import { createRole, putInlinePolicy, type Role } from '#iam'
import { systemClock } from '#kernel'

import { acme, seedAcme } from '../support/acme.ts'
import type { TestCredentials } from '../support/api-call.ts'
import {
  allow,
  federatedWorld,
  outcome,
  type FederatedWorld,
  type SessionCredentials,
} from '../support/federated.ts'
import { home } from '../support/fixtures.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { startTokenIssuer, type TokenIssuer } from '../support/token-issuer.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

let server: TestServer
let issuer: TokenIssuer
let world: FederatedWorld
let alice: User
let onlyAlice: Role

const trusting = (Principal: object, Condition: object = {}) =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal, Action: 'sts:AssumeRole', Condition }],
  })

beforeAll(async () => {
  issuer = await startTokenIssuer()
  server = await startServer({ env: { SIGNET_STS__ALLOWED_ISSUER_HOSTS: JSON.stringify([issuer.host]) } })
  const { database } = server
  alice = await seedAcme(database)
  await putInlinePolicy(database, alice.userId, 'all', allow('*'))
  world = await federatedWorld(database, issuer)
  onlyAlice = await createRole(database, systemClock, {
    accountId: home,
    name: 'OnlyAlice',
    trustDocument: trusting({ AWS: alice.arn }),
  })
  const root = `arn:aws:iam::${home}:root`
  const named = ['alice', 'root', 'OrdersReader', home, acme.accessKeyId, alice.userId]
  // Whoever passes for a user, for root or for another role by name may list the users.
  for (const [name, Condition] of Object.entries({
    username: { StringEqualsIgnoreCase: { 'aws:username': named } },
    userid: { StringEquals: { 'aws:userid': named } },
    arn: { ArnEquals: { 'aws:PrincipalArn': [alice.arn, root, acme.roleArn] } },
    kind: { StringEquals: { 'aws:PrincipalType': ['User', 'Account'] } },
  }))
    await putInlinePolicy(database, world.role.roleId, name, allow('iam:ListUsers', { Condition }))
})
afterAll(async () => {
  expect(server.complaints).toEqual([])
  await server.close()
  await issuer.close()
})

const identityOf = (by: TestCredentials) =>
  world.client(server.url, by).send(new GetCallerIdentityCommand({}))
const listUsers = (by: TestCredentials) =>
  outcome(
    new IAMClient({ endpoint: server.url, region: 'us-east-1', credentials: by, maxAttempts: 1 }).send(
      new ListUsersCommand({}),
    ),
  )
const takeOnlyAlice = (by: TestCredentials) => outcome(world.chained(server.url, by, onlyAlice.arn))

/** What such a session may do: nothing that the name's owner may. */
async function expectNobody(session: SessionCredentials): Promise<void> {
  expect(await listUsers(session)).toMatch(/^AccessDenied/)
  expect(await takeOnlyAlice(session)).toMatch(/^AccessDenied/)
}

it('alice herself may do what is tried below', async () => {
  expect([await listUsers(acme), await takeOnlyAlice(acme)]).toEqual(['accepted', 'accepted'])
})

describe.each([
  ['root'],
  ['ROOT'],
  [home],
  [acme.accessKeyId],
  ['alice'],
  ['ALICE'],
  ['OrdersReader'],
  ['Pipeline'],
  ['AIDA'],
])('%s', (name) => {
  it('as the name of a session', async () => {
    for (const take of [world.byToken, world.byAssertion]) {
      const session = await take(server.url, 'somebody@outside', name)
      expect(await identityOf(session)).toMatchObject({
        Arn: `arn:aws:sts::${home}:assumed-role/Pipeline/${name}`,
        UserId: `${world.role.roleId}:${name}`,
      })
      await expectNobody(session)
    }
  })

  it('as the name of a federated user, who has the rights of who asked and calls no IAM', async () => {
    const session = await world.byFederation(server.url, acme, name)
    expect(await identityOf(session)).toMatchObject({
      Arn: `arn:aws:sts::${home}:federated-user/${name}`,
      UserId: `${home}:${name}`,
    })
    await expectNobody(session)
  })
})

describe('as a subject', () => {
  it.each([
    `arn:aws:iam::${home}:root`,
    `arn:aws:iam::${home}:user/alice`,
    acme.accessKeyId,
    'alice@acme.test',
    'ALICE@ACME.TEST',
    'root\u200b\u200b\u200b',
    '\uff52\uff4f\uff4f\uff54\uff52\uff4f\uff4f\uff54',
    '******',
    '${aws:username}',
  ])('%s', async (subject) => {
    await expectNobody(await world.byToken(server.url, subject))
    await expectNobody(await world.byAssertion(server.url, subject))
  })

  it('the unique id of a user', async () => {
    await expectNobody(await world.byToken(server.url, alice.userId))
    await expectNobody(await world.byAssertion(server.url, alice.userId))
  })
})

it.each(['\uff41\uff4c\uff49\uff43\uff45', 'alic\u0435', 'alice\u200b', 'alice/..', '../root', 'alice bob'])(
  'names that look like another are none: %s',
  async (name) => {
    expect(await outcome(world.byToken(server.url, 'somebody@outside', name))).toBe('ValidationError')
    expect(await outcome(world.byAssertion(server.url, 'somebody@outside', name))).toBe(
      'InvalidIdentityTokenException',
    )
    expect(await outcome(world.byFederation(server.url, acme, name))).toBe('ValidationError')
  },
)
