/**
 * Every sealed or signed value of Signet, presented to every endpoint that takes another kind: none is accepted, and none
 * is an error of ours (lesson 2 of what went wrong elsewhere).
 */
import '@aws-sdk/signature-v4a'
import { IAMClient, ListUsersCommand } from '@aws-sdk/client-iam'
import {
  AssumeRoleCommand,
  AssumeRoleWithWebIdentityCommand,
  DecodeAuthorizationMessageCommand,
  GetCallerIdentityCommand,
  GetWebIdentityTokenCommand,
  STSClient,
} from '@aws-sdk/client-sts'
import { afterAll, beforeAll, expect, it } from 'vitest'

import { createUser } from '#directory'
import { enableOutboundFederation, putInlinePolicy, putOidcProvider } from '#iam'
import { systemClock } from '#kernel'
import { encodeAuthorizationMessage } from '#sts'

import { acme, seedAcme } from '../support/acme.ts'
import { Browser } from '../support/browser.ts'
import { home } from '../support/fixtures.ts'
import { startServer, type TestServer } from '../support/server.ts'

type Credentials = { accessKeyId: string; secretAccessKey: string; sessionToken: string }

let server: TestServer
let session: Credentials
const values = new Map<string, string>()

const sts = (
  credentials: Omit<Credentials, 'sessionToken'> & Partial<Credentials> = acme,
  more: object = {},
) => new STSClient({ endpoint: server.url, region: 'us-east-1', credentials, maxAttempts: 1, ...more })
const basic = `Basic ${Buffer.from(`${acme.clientId}:${acme.clientSecret}`).toString('base64')}`
const form = (fields: Record<string, string>, path = '/oauth2/token') =>
  fetch(`${server.url}${path}`, {
    method: 'POST',
    headers: { authorization: basic, 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(fields).toString(),
  })

beforeAll(async () => {
  server = await startServer()
  const { database, vault } = server
  const alice = await seedAcme(database)
  for (const name of ['bob', 'carol']) await createUser(database, systemClock, { accountId: home, name })
  const everything = { Effect: 'Allow', Action: '*', Resource: '*' }
  await putInlinePolicy(
    database,
    alice.userId,
    'all',
    JSON.stringify({ Version: '2012-10-17', Statement: [everything] }),
  )
  await enableOutboundFederation(database, systemClock, home)
  await putOidcProvider(database, systemClock, { accountId: home, url: server.url, clientIds: ['x'] })

  const assume = async (more: object = {}) => {
    const { Credentials: given } = await sts(acme, more).send(
      new AssumeRoleCommand({ RoleArn: acme.roleArn, RoleSessionName: 'sealed' }),
    )
    return {
      accessKeyId: given?.AccessKeyId ?? '',
      secretAccessKey: given?.SecretAccessKey ?? '',
      sessionToken: given?.SessionToken ?? '',
    }
  }
  session = await assume()
  values.set('a session token', (await assume()).sessionToken)
  values.set(
    'a session token of the signed form',
    (await assume({ authSchemePreference: ['sigv4a'], sigv4aSigningRegionSet: ['*'] })).sessionToken,
  )
  const { WebIdentityToken = '' } = await sts().send(
    new GetWebIdentityTokenCommand({ Audience: ['x'], SigningAlgorithm: 'RS256' }),
  )
  values.set('an identity token for outside', WebIdentityToken)
  values.set(
    'an authorization message',
    encodeAuthorizationMessage(
      { vault },
      {
        accountId: home,
        principal: { id: alice.userId, arn: alice.arn },
        action: 'iam:GetUser',
        resource: '*',
        context: new Map(),
        decision: {
          effect: 'Deny',
          explicit: false,
          layer: 'identity',
          because: 'Nothing allows it.',
          statements: [],
        } as never,
      },
    ) ?? '',
  )
  const feed = (await (await fetch(`${server.url}/access/v1/revocations`)).json()) as { message: string }
  values.set('a message of the revocations', feed.message)
  const token = (await (await form({ grant_type: 'client_credentials' })).json()) as { access_token: string }
  values.set("a client's access token", token.access_token)
  const { Marker = '' } = await new IAMClient({
    endpoint: server.url,
    region: 'us-east-1',
    credentials: acme,
  }).send(new ListUsersCommand({ MaxItems: 1 }))
  values.set('a marker', Marker)
  const browser = new Browser()
  const identify = await browser.open(`${server.url}/portal`)
  const password = await browser.submit(identify, { identifier: 'alice' })
  await browser.submit(password, { password: acme.password })
  values.set('a browser session', browser.cookies.get('session') ?? '')
  values.set('a sealed column', vault.seal('secret', 'access_key/secret/x').toString('base64url'))
  values.set('a MAC', vault.mac('forms', 'text'))
}, 120_000)
afterAll(() => server.close())

const status = async (answer: Promise<Response>) => (await answer).status
const refusal = async (call: Promise<unknown>) =>
  call.then(
    () => 200,
    (thrown: { $metadata?: { httpStatusCode?: number } }) => thrown.$metadata?.httpStatusCode ?? 0,
  )
const bearer = (path: string, method: string, value: string) =>
  status(
    fetch(`${server.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${value}`, 'content-type': 'application/json' },
      ...(method === 'POST' ? { body: '{}' } : {}),
    }),
  )

/** Where a value is presented, the kinds that belong there, and what says no. */
const endpoints: readonly (readonly [string, readonly string[], (value: string) => Promise<number>])[] = [
  [
    'a signed call, as its session token',
    [],
    (sessionToken) => refusal(sts({ ...session, sessionToken }).send(new GetCallerIdentityCommand({}))),
  ],
  [
    'AssumeRoleWithWebIdentity',
    [],
    (WebIdentityToken) =>
      refusal(
        sts().send(
          new AssumeRoleWithWebIdentityCommand({
            RoleArn: acme.roleArn,
            RoleSessionName: 'other',
            WebIdentityToken,
          }),
        ),
      ),
  ],
  [
    'DecodeAuthorizationMessage',
    ['an authorization message'],
    (EncodedMessage) => refusal(sts().send(new DecodeAuthorizationMessageCommand({ EncodedMessage }))),
  ],
  [
    'a list of IAM, as its marker',
    ['a marker'],
    (Marker) =>
      refusal(
        new IAMClient({
          endpoint: server.url,
          region: 'us-east-1',
          credentials: acme,
          maxAttempts: 1,
        }).send(new ListUsersCommand({ Marker })),
      ),
  ],
  ['the JSON API, as bearer', [], (value) => bearer('/api/v1/role-sessions', 'POST', value)],
  ['revoking, as bearer', [], (value) => bearer('/api/v1/revocations', 'POST', value)],
  [
    'the decision point, as bearer',
    ["a client's access token"],
    (value) => bearer('/access/v1/evaluation', 'POST', value),
  ],
  ['userinfo, as bearer', [], (value) => bearer('/oauth2/userinfo', 'GET', value)],
  [
    'the token endpoint, as refresh token',
    [],
    (refresh_token) => status(form({ grant_type: 'refresh_token', refresh_token })),
  ],
  [
    'the token endpoint, as code',
    [],
    (code) =>
      status(
        form({
          grant_type: 'authorization_code',
          code,
          redirect_uri: acme.redirectUri,
          code_verifier: 'v'.repeat(43),
        }),
      ),
  ],
  [
    'a browser, as its session',
    ['a browser session'],
    async (value) => {
      const answer = await fetch(`${server.url}/portal`, {
        redirect: 'manual',
        headers: { cookie: `session=${encodeURIComponent(value)}` },
      })
      // Sent away to sign in: as good as a no.
      return answer.status === 200 ? 200 : answer.status < 400 ? 401 : answer.status
    },
  ],
]

it.each(endpoints)('%s takes only its own kind', async (_name, own, present) => {
  const answers: Record<string, number> = {}
  for (const [kind, value] of values) {
    expect(value.length, kind).toBeGreaterThan(20)
    if (!own.includes(kind)) answers[kind] = await present(value)
  }
  const wrong = Object.entries(answers).filter(([, code]) => code < 400 || code >= 500)
  expect(wrong).toEqual([])
  expect(server.complaints).toEqual([])
})
