import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createAudit, listEvents } from '#audit'
import { createPasswordHasher } from '#crypto'
import { apply } from '#declare'
import { findUserByName, updateUser } from '#directory'
import { readBuiltInPolicies } from '#iam'
import { systemClock } from '#kernel'
import { signHeaders, type HeaderPairs } from '#sigv4'
import { startOrdersService } from '../support/orders-service.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { patiently } from '../support/patience.ts'
import { tampered } from '../support/tampered.ts'

const root = join(import.meta.dirname, '../..')
const account = '111122223333'
const ordersSecret = 'orders+secret/with=signs&of:all%kinds'
const bobSecret = 'bob-secret-access-key-for-tests-forty000'
const more = `
  - name: dora
    mail: dora@acme.example
    mail_verified: true
    inline_policies:
      refund-own:
        Version: '2012-10-17'
        Statement:
          - Sid: SmallOwnOrders
            Effect: Allow
            Action: orders:Refund
            Resource: arn:aws:orders::${account}:order/*
            Condition:
              StringEquals: { 'orders:resource/owner': dora }
              NumericLessThan: { 'orders:context/amount': '100' }
          - Sid: AfterSecondFactor
            Effect: Allow
            Action: orders:Close
            Resource: '*'
            Condition: { Bool: { 'aws:MultiFactorAuthPresent': 'true' } }
          - Sid: FromHome
            Effect: Allow
            Action: orders:Export
            Resource: '*'
            Condition: { IpAddress: { 'aws:SourceIp': ['127.0.0.0/8', '::1/128'] } }
`

let server: TestServer
let orders: { url: string; close(): Promise<void> }
let session: { accessKeyId: string; secretAccessKey: string; sessionToken: string }

beforeAll(async () => {
  server = await startServer()
  const text = readFileSync(join(root, 'config/examples/acme.yaml'), 'utf8')
    .replace(
      '    password: ${ACME_BOB_PASSWORD}\n',
      '    access_keys: [{ id: AKIABOBBOBBOBBOBBOBB, secret: "${BOB_SECRET}" }]\n',
    )
    .replace('\nroles:\n', `${more}\nroles:\n`)
  const env: Record<string, string> = {
    ACME_ALICE_PASSWORD: 'alice-password-1',
    ACME_CAROL_PASSWORD: 'carol-password-1',
    ACME_ORDERS_SECRET: ordersSecret,
    ACME_GRAFANA_SECRET: 'g'.repeat(32),
    BOB_SECRET: bobSecret,
  }
  const { database, vault } = server
  const clock = systemClock
  await apply(
    {
      database,
      vault,
      clock,
      audit: createAudit({ database, clock }),
      builtInPolicies: readBuiltInPolicies(join(root, 'config/policies')),
      hasher: await createPasswordHasher(
        { clock },
        { memoryKib: 64, passes: 1, slots: 2, queue: 50, waitMilliseconds: 2_000 },
      ),
    },
    {
      text,
      fileName: join(root, 'config/examples/acme.yaml'),
      env: (name) => env[name],
      readFile: (path) => readFileSync(path, 'utf8'),
    },
  )
  orders = await startOrdersService({ signet: server.url, clientId: 'orders', clientSecret: ordersSecret })
  const sts = new STSClient({
    endpoint: server.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'AKIABOBBOBBOBBOBBOBB', secretAccessKey: bobSecret },
  })
  const { Credentials } = await sts.send(
    new AssumeRoleCommand({ RoleArn: `arn:aws:iam::${account}:role/OrdersDesk`, RoleSessionName: 'bob' }),
  )
  session = {
    accessKeyId: Credentials?.AccessKeyId ?? '',
    secretAccessKey: Credentials?.SecretAccessKey ?? '',
    sessionToken: Credentials?.SessionToken ?? '',
  }
}, 120_000)

afterAll(async () => {
  await orders.close()
  await server.close()
})

/** Decisions are written down within a moment of the answer. */
const eventOf = (decisionId: string) =>
  vi.waitFor(
    async () => (await findEvent(decisionId)) ?? Promise.reject(new Error('not written yet')),
    patiently,
  )
const findEvent = async (decisionId: string) => {
  for (const { body } of await listEvents(server.database, { limit: 10_000 })) {
    const event = JSON.parse(body) as { responseElements: { decisionId?: string } | null }
    if (event.responseElements?.decisionId === decisionId) return event
  }
  return undefined
}

type Sent = {
  method?: string
  path: string
  body?: string
  service?: string
  tamper?: (headers: HeaderPairs) => HeaderPairs
  at?: Temporal.Instant
}

/** Calls the orders service with a signed request. */
async function call({
  method = 'GET',
  path,
  body = '',
  service = 'orders',
  tamper = (same) => same,
  at,
}: Sent) {
  const { host } = new URL(orders.url)
  const headers = signHeaders(
    { method, rawUrl: path, headers: [['host', host]], body: Buffer.from(body) },
    session,
    { at: at ?? systemClock(), region: 'us-east-1', service },
  )
  const answer = await fetch(`${orders.url}${path}`, {
    method,
    headers: tamper(headers)
      .filter(([name]) => name !== 'host')
      .map(([name, value]): [string, string] => [name, value]),
    ...(body === '' ? {} : { body }),
  })
  return { status: answer.status, body: (await answer.json()) as Record<string, string> }
}

describe('an internal service that is called with a role session', () => {
  it('does what the decision allows, for the principal that signed', async () => {
    const { status, body } = await call({
      method: 'POST',
      path: '/orders/17/refund',
      body: '{"reason":"late"}',
    })
    expect(status).toBe(200)
    expect(body).toMatchObject({ refunded: true, by: `arn:aws:sts::${account}:assumed-role/OrdersDesk/bob` })
    const event = await eventOf(body['decision_id'] ?? '')
    expect(event).toMatchObject({
      eventName: 'AuthorizeRequest',
      userIdentity: { type: 'AssumedRole', invokedBy: 'orders' },
      requestParameters: { action: 'orders:Refund', resource: `arn:aws:orders::${account}:order/17` },
      responseElements: {
        decision: 'Allow',
        statements: [{ policy: `arn:aws:iam::${account}:policy/OrdersDesk`, sid: 'WorkOnOrders' }],
      },
    })
  })

  it('refuses what a statement denies, and says which one in the log', async () => {
    const { status, body } = await call({ method: 'POST', path: '/orders/large/18/refund' })
    expect(status).toBe(403)
    expect(body['code']).toBe('AccessDenied')
    expect(body['message']).toContain('is not authorized to perform: orders:Refund')
    expect(await eventOf(body['decision_id'] ?? '')).toMatchObject({
      errorCode: 'AccessDenied',
      responseElements: { decision: 'Deny', explicit: true, statements: [{ sid: 'NoLargeRefunds' }] },
    })
  })

  const forged: readonly [string, Sent, string][] = [
    [
      'a changed signature',
      {
        path: '/orders/17',
        tamper: (all) =>
          all.map(([name, value]) => [
            name,
            name === 'authorization' ? value.replace(/.$/, (last) => (last === '0' ? '1' : '0')) : value,
          ]),
      },
      'SignatureDoesNotMatch',
    ],
    ['a signature for another service', { path: '/orders/17', service: 'billing' }, 'SignatureDoesNotMatch'],
    [
      'a clock that is 16 minutes off',
      { path: '/orders/17', at: systemClock().subtract({ minutes: 16 }) },
      'SignatureDoesNotMatch',
    ],
    [
      'a session token with a changed letter',
      {
        path: '/orders/17',
        tamper: (all) =>
          all.map(([name, value]) => [name, name === 'x-amz-security-token' ? tampered(value) : value]),
      },
      'InvalidClientTokenId',
    ],
    ['no signature', { path: '/orders/17', tamper: () => [] }, 'MissingAuthenticationToken'],
  ]
  for (const [title, sent, code] of forged)
    it(`refuses ${title}`, async () => {
      const { status, body } = await call(sent)
      expect([status, body['code']]).toEqual([403, code])
      expect(await eventOf(body['decision_id'] ?? '')).toMatchObject({
        errorCode: code,
        userIdentity: { type: 'Client', principalId: 'orders' },
      })
    })

  it('refuses a request whose body is not the signed one', async () => {
    const path = '/orders/17/refund'
    const { host } = new URL(orders.url)
    const headers = signHeaders(
      { method: 'POST', rawUrl: path, headers: [['host', host]], body: Buffer.from('{"amount":1}') },
      session,
      { at: systemClock(), region: 'us-east-1', service: 'orders' },
    )
    const answer = await fetch(`${orders.url}${path}`, {
      method: 'POST',
      body: '{"amount":1000}',
      headers: headers
        .filter(([name]) => name !== 'host')
        .map(([name, value]): [string, string] => [name, value]),
    })
    expect(answer.status).toBe(403)
    expect(await answer.json()).toMatchObject({ code: 'SignatureDoesNotMatch' })
  })
})

const basic = (id: string, secret: string) =>
  `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString('base64')}`

const post = async (path: string, body: unknown, headers: Record<string, string> = {}) => {
  const answer = await fetch(`${server.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: basic('orders', ordersSecret), ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  return { status: answer.status, headers: answer.headers, body: (await answer.json()) as never }
}

const question = (changes: object = {}) => ({
  subject: { type: 'user', id: 'dora' },
  action: { name: 'Refund' },
  resource: { type: 'order', id: '17', properties: { owner: 'dora' } },
  context: { amount: 20 },
  ...changes,
})

describe('AuthZEN evaluation', () => {
  it('decides for a user by name, unique id, ARN and verified mail, with what the service knows of the order', async () => {
    const dora = await findUserByName(server.database, account, 'dora')
    for (const id of ['dora', dora?.userId, dora?.arn, 'dora@acme.example']) {
      const { status, body } = await post(
        '/access/v1/evaluation',
        question({ subject: { type: 'user', id } }),
      )
      expect(status).toBe(200)
      expect(body, id).toMatchObject({
        decision: true,
        context: { reason_admin: { layer: 'identity', statements: [{ sid: 'SmallOwnOrders' }] } },
      })
    }
  })

  const denied: readonly [string, object, object?][] = [
    ['an order of somebody else', { resource: { type: 'order', id: '17', properties: { owner: 'bob' } } }],
    ['a property that is absent', { resource: { type: 'order', id: '17' } }],
    ['a property that is null', { context: { amount: null } }],
    [
      'a subject that does not exist',
      { subject: { type: 'user', id: 'nobody' } },
      { context: { reason_user: { code: 'unknown-subject' } } },
    ],
    ['a subject of an unknown type', { subject: { type: 'robot', id: 'dora' } }],
    ['an action of another service', { action: { name: 'iam:CreateUser' } }],
    ['an address that only the service has', { action: { name: 'Export' } }],
  ]
  for (const [title, changes, expected = {}] of denied)
    it(`says no, with status 200, for ${title}`, async () => {
      const { status, body } = await post('/access/v1/evaluation', question(changes))
      expect(status).toBe(200)
      expect(body).toMatchObject({ decision: false, ...expected })
    })

  it('says that only a second factor is missing; the service cannot claim one', async () => {
    for (const context of [
      {},
      { 'aws:MultiFactorAuthPresent': 'true' },
      { '../aws:MultiFactorAuthPresent': true },
    ]) {
      const { body } = await post('/access/v1/evaluation', question({ action: { name: 'Close' }, context }))
      expect(body).toMatchObject({
        decision: false,
        context: { reason_user: { code: 'needs-mfa' }, acr_values: 'urn:signet:aal:2' },
      })
    }
  })

  it('a resource id of * is an id, not a wildcard', async () => {
    const { body } = await post(
      '/access/v1/evaluation',
      question({ resource: { type: 'order', id: '*', properties: { owner: 'dora' } } }),
    )
    const id = (body as { context: { decision_id: string } }).context.decision_id
    expect(await eventOf(id)).toMatchObject({
      requestParameters: { resource: `arn:aws:orders::${account}:order/%2A` },
    })
  })

  it('a resource type of odd characters is a literal too', async () => {
    const { body } = await post(
      '/access/v1/evaluation',
      question({ resource: { type: 'or*/er:x', id: '17', properties: { owner: 'dora' } } }),
    )
    const { decision, context } = body as { decision: boolean; context: { decision_id: string } }
    expect(decision).toBe(false)
    expect(await eventOf(context.decision_id)).toMatchObject({
      requestParameters: { resource: `arn:aws:orders::${account}:or%2A%2Fer%3Ax/17` },
    })
  })

  it('a user who was disabled may do nothing', async () => {
    const carol = await findUserByName(server.database, account, 'carol')
    await server.database.transaction((tx) => updateUser(tx, carol?.userId ?? '', { status: 'disabled' }))
    const { body } = await post('/access/v1/evaluation', question({ subject: { type: 'user', id: 'carol' } }))
    expect(body).toMatchObject({ decision: false, context: { reason_user: { code: 'unknown-subject' } } })
  })

  it('echoes the request id of the caller', async () => {
    const { headers } = await post('/access/v1/evaluation', question(), { 'x-request-id': 'their-id-1' })
    expect(headers.get('x-request-id')).toBe('their-id-1')
  })

  it('is found by its discovery document', async () => {
    const answer = await fetch(`${server.url}/.well-known/authzen-configuration`)
    const document = await answer.json()
    expect(document).toMatchObject({
      policy_decision_point: server.url,
      access_evaluation_endpoint: `${server.url}/access/v1/evaluation`,
    })
    // No app keeps an inventory here.
    expect(document).not.toHaveProperty('search_resource_endpoint')
  })
})

describe('who may ask', () => {
  it('a service with an access token of its own', async () => {
    const token = await fetch(`${server.url}/oauth2/token`, {
      method: 'POST',
      headers: { authorization: basic('orders', ordersSecret) },
      body: new URLSearchParams({ grant_type: 'client_credentials' }),
    })
    const { access_token } = (await token.json()) as { access_token: string }
    const { status, body } = await post('/access/v1/evaluation', question(), {
      authorization: `Bearer ${access_token}`,
    })
    expect(status).toBe(200)
    expect(body).toMatchObject({ decision: true })
  })

  const refused: readonly [string, Record<string, string>, number][] = [
    ['nobody', { authorization: '' }, 401],
    ['a wrong secret', { authorization: basic('orders', 'wrong') }, 401],
    ['an unknown client', { authorization: basic('nobody', ordersSecret) }, 401],
    ['a header that is no base64', { authorization: 'Basic ***' }, 401],
    ['a forged token', { authorization: 'Bearer eyJhbGciOiJub25lIn0.e30.' }, 401],
    ['a client that is no service', { authorization: basic('grafana', 'g'.repeat(32)) }, 403],
  ]
  for (const [title, headers, status] of refused)
    for (const path of ['/access/v1/evaluation', '/access/v1/authorize-request'])
      it(`not ${title} at ${path}`, async () => {
        const answer = await post(path, question(), headers)
        expect(answer.status).toBe(status)
        expect(answer.body).toBeTypeOf('string')
        if (status === 401) expect(answer.headers.get('www-authenticate')).toContain('Basic')
      })

  it('a service does not decide about the actions of another', async () => {
    const answer = await post('/access/v1/authorize-request', {
      request: { method: 'GET', url: '/', headers: {} },
      action: 'iam:CreateUser',
      resource: `arn:aws:iam::${account}:user/x`,
    })
    expect([answer.status, answer.body]).toEqual([
      403,
      'This service decides about orders:… actions only, not about iam:….',
    ])
  })
})

describe('a request that is not well formed gets 400 and a message', () => {
  const ask = {
    request: { method: 'GET', url: '/', headers: {} },
    action: 'orders:Get',
    resource: 'arn:aws:orders::111122223333:order/1',
  }
  const bad: readonly [string, string, unknown, Record<string, string>?][] = [
    ['no JSON', '/access/v1/evaluation', '{'],
    ['an empty body', '/access/v1/evaluation', ''],
    ['another content type', '/access/v1/evaluation', question(), { 'content-type': 'text/plain' }],
    ['no subject', '/access/v1/evaluation', question({ subject: undefined })],
    ['a subject without an id', '/access/v1/evaluation', question({ subject: { type: 'user' } })],
    ['an action as a text', '/access/v1/evaluation', question({ action: 'Refund' })],
    ['a NUL character', '/access/v1/evaluation', question({ subject: { type: 'user', id: 'a\0b' } })],
    ['deep nesting', '/access/v1/evaluation', `${'['.repeat(40)}${']'.repeat(40)}`],
    ['no request', '/access/v1/authorize-request', { ...ask, request: undefined }],
    ['an action without prefix', '/access/v1/authorize-request', { ...ask, action: 'Refund' }],
    [
      'a wildcard resource',
      '/access/v1/authorize-request',
      { ...ask, resource: 'arn:aws:orders::111122223333:order/*' },
    ],
    ['a resource that is no ARN', '/access/v1/authorize-request', { ...ask, resource: 'order/1' }],
    [
      'a hash that is none',
      '/access/v1/authorize-request',
      { ...ask, request: { ...ask.request, body_sha256: 'x' } },
    ],
  ]
  for (const [title, path, body, headers] of bad)
    it(title, async () => {
      const answer = await post(path, body, headers)
      expect(answer.status).toBe(400)
      expect(answer.body).toBeTypeOf('string')
    })

  it('lone surrogates and other odd text end in a decision, not in a bug', async () => {
    const { status } = await post(
      '/access/v1/evaluation',
      question({ resource: { type: 'order', id: '\ud800 %$?' } }),
    )
    expect(status).toBe(200)
    expect(server.complaints).toEqual([])
  })
})
