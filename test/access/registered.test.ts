/** What an application registers, and what the decision point makes of it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts'
import { listEvents } from '#audit'
import { systemClock } from '#kernel'
import { signHeaders } from '#sigv4'
import { startServer, type TestServer } from '../support/server.ts'
import { basic, declare, poster } from './world.ts'

const home = '111122223333'
const other = '444455556666'
const env = {
  ORDERS_SECRET: 'a-secret-for-the-orders-client',
  ADMIN_KEY: 'admin-secret-access-key-for-tests-forty0',
  DORA_KEY: 'dora-secret-access-key-for-tests-forty00',
}
const text = `
organization: Acme
accounts:
  - { name: acme, id: '${home}' }
  - { name: partner, id: '${other}' }
users:
  - name: admin
    policies: [AdministratorAccess]
    access_keys: [{ id: AKIAADMINADMINADMINA, secret: "\${ADMIN_KEY}" }]
  - name: dora
    tags: { team: blue }
    access_keys: [{ id: AKIADORADORADORADORA, secret: "\${DORA_KEY}" }]
    inline_policies:
      own:
        Version: '2012-10-17'
        Statement:
          - Sid: TheTeams
            Effect: Allow
            Action: orders:Read
            Resource: '*'
            Condition: { StringEquals: { 'orders:resource/team': '\${orders:subject/team}' } }
          - { Effect: Allow, Action: sts:AssumeRole, Resource: '*' }
          - Sid: FromHome
            Effect: Allow
            Action: orders:Export
            Resource: '*'
            Condition: { IpAddress: { 'aws:SourceIp': 10.0.0.0/8 } }
          - Sid: AfterSecondFactor
            Effect: Allow
            Action: orders:Close
            Resource: '*'
            Condition: { Bool: { 'aws:MultiFactorAuthPresent': 'true' } }
          - Sid: Tagged
            Effect: Allow
            Action: orders:Tagged
            Resource: '*'
            Condition: { StringEquals: { 'aws:PrincipalTag/team': red } }
          - Sid: Levelled
            Effect: Allow
            Action: orders:Levelled
            Resource: '*'
            Condition: { StringEquals: { 'aws:PrincipalTag/level': '3' } }
  - name: erik
  - name: petra
    account: partner
    inline_policies:
      orders:
        Version: '2012-10-17'
        Statement: [{ Effect: Allow, Action: orders:Read, Resource: '*' }]
  - name: paul
    account: partner
roles:
  - name: Reader
    trust:
      Version: '2012-10-17'
      Statement: [{ Effect: Allow, Principal: { AWS: 'arn:aws:iam::${home}:root' }, Action: sts:AssumeRole }]
    inline_policies:
      read:
        Version: '2012-10-17'
        Statement: [{ Effect: Allow, Action: 'orders:*', Resource: '*' }]
apps:
  - name: Orders
    service_prefix: orders
    oidc: { client_id: orders, secret: "\${ORDERS_SECRET}", grants: [client_credentials] }
    authority_for: [aws:SourceIp, aws:PrincipalTag/level, aws:PrincipalTag/team]
    actions: [Read, { name: Export, resource_types: [report] }]
    resource_types: [{ name: order, inventory: true }, report]
    resources:
      - { type: order, id: '1', properties: { team: blue } }
      - { type: order, id: '2', properties: { team: red } }
      - type: order
        id: shared/3
        policy:
          Version: '2012-10-17'
          Statement:
            - Sid: Erik
              Effect: Allow
              Principal: { AWS: ['arn:aws:iam::${home}:user/erik', 'arn:aws:iam::${other}:root'] }
              Action: orders:Read
              Resource: arn:aws:orders::${home}:order/shared/3
            - Sid: NeverClose
              Effect: Deny
              Principal: '*'
              Action: orders:Close
              Resource: arn:aws:orders::${home}:order/shared/3
`

let server: TestServer
let post: ReturnType<typeof poster>
beforeAll(async () => {
  server = await startServer()
  await declare(server.database, text, env)
  post = poster(server.url, basic('orders', env.ORDERS_SECRET))
}, 60_000)
afterAll(() => server.close())

type Answer = {
  decision: boolean
  context: {
    reason_admin: { statements: { sid?: string }[]; because: string }
    acr_values?: string
    max_age?: number
  }
}
const ask = async (id: string, name: string, resource: object, more: object = {}) =>
  (
    await post<Answer>('/access/v1/evaluation', {
      subject: { type: 'user', id },
      action: { name },
      resource,
      ...more,
    })
  ).body
const order = (id: string) => ({ type: 'order', id })

describe('stored resources in a decision', () => {
  it('their properties count, and nothing that is asserted stands over them', async () => {
    expect((await ask('dora', 'Read', order('1'))).decision).toBe(true)
    expect((await ask('dora', 'Read', { ...order('2'), properties: { team: 'blue' } })).decision).toBe(false)
    // Of what is not stored, the service says it.
    expect((await ask('dora', 'Read', { ...order('9'), properties: { team: 'blue' } })).decision).toBe(true)
  })

  it('a resource policy is enough in its own account', async () => {
    expect(await ask('erik', 'Read', order('shared/3'))).toMatchObject({
      decision: true,
      context: { reason_admin: { layer: 'resource', statements: [{ sid: 'Erik' }] } },
    })
    expect((await ask('erik', 'Read', order('1'))).decision).toBe(false)
  })

  it('from another account both sides must allow', async () => {
    const arn = (name: string) => `arn:aws:iam::${other}:user/${name}`
    expect((await ask(arn('petra'), 'Read', order('shared/3'))).decision).toBe(true)
    expect((await ask(arn('petra'), 'Read', order('1'))).decision).toBe(false)
    expect((await ask(arn('paul'), 'Read', order('shared/3'))).decision).toBe(false)
  })

  it('its Deny counts for a signed request too, whose resource is named by ARN', async () => {
    const sts = new STSClient({
      endpoint: server.url,
      region: 'us-east-1',
      credentials: { accessKeyId: 'AKIADORADORADORADORA', secretAccessKey: env.DORA_KEY },
    })
    const { Credentials: given } = await sts.send(
      new AssumeRoleCommand({ RoleArn: `arn:aws:iam::${home}:role/Reader`, RoleSessionName: 'dora' }),
    )
    const headers = signHeaders(
      { method: 'POST', rawUrl: '/orders', headers: [['host', 'orders.test']], body: Buffer.alloc(0) },
      {
        accessKeyId: given?.AccessKeyId ?? '',
        secretAccessKey: given?.SecretAccessKey ?? '',
        sessionToken: given?.SessionToken ?? '',
      },
      { at: systemClock(), region: 'us-east-1', service: 'orders' },
    )
    const asked = (action: string, resource: unknown) =>
      post<{ decision: boolean; statements: object[] }>('/access/v1/authorize-request', {
        request: { method: 'POST', url: '/orders', headers },
        action,
        resource,
      })
    const arn = `arn:aws:orders::${home}:order/shared/3`
    for (const resource of [arn, order('shared/3')]) {
      expect((await asked('orders:Close', resource)).body).toMatchObject({
        decision: false,
        statements: [{ sid: 'NeverClose' }],
      })
      expect((await asked('orders:Open', resource)).body.decision).toBe(true)
    }
  })
})

describe('a role session as subject', () => {
  it('is judged with its session policy; a token that is not its own is nobody', async () => {
    const sts = new STSClient({
      endpoint: server.url,
      region: 'us-east-1',
      credentials: { accessKeyId: 'AKIADORADORADORADORA', secretAccessKey: env.DORA_KEY },
    })
    const { Credentials: given } = await sts.send(
      new AssumeRoleCommand({
        RoleArn: `arn:aws:iam::${home}:role/Reader`,
        RoleSessionName: 'dora',
        Policy: JSON.stringify({
          Version: '2012-10-17',
          Statement: [{ Effect: 'Allow', Action: 'orders:Read', Resource: '*' }],
        }),
      }),
    )
    const subject = (access_key_id = given?.AccessKeyId) => ({
      type: 'role_session',
      id: given?.SessionToken ?? '',
      properties: { access_key_id },
    })
    const decide = async (name: string, who: object = subject()) =>
      (await post<Answer>('/access/v1/evaluation', { subject: who, action: { name }, resource: order('1') }))
        .body.decision
    expect(await decide('Read')).toBe(true)
    expect(await decide('Close')).toBe(false)
    expect(await decide('Read', subject('ASIAAAAAAAAAAAAAAAAA'))).toBe(false)
    expect(await decide('Read', { ...subject(), id: 'x' })).toBe(false)
  })
})

describe('keys of ours that a service asserts', () => {
  it('count where the app is an authority, and are nothing elsewhere', async () => {
    const inside = { context: { 'aws:SourceIp': '10.1.2.3' } }
    expect((await ask('dora', 'Export', order('1'))).decision).toBe(false)
    expect((await ask('dora', 'Export', order('1'), inside)).decision).toBe(true)
    expect(
      (await ask('dora', 'Export', order('1'), { context: { 'signet:sourceip': '10.1.2.3' } })).decision,
    ).toBe(true)
    const claimed = await ask('dora', 'Close', order('1'), {
      context: { 'aws:MultiFactorAuthPresent': 'true' },
    })
    expect(claimed).toMatchObject({
      decision: false,
      context: {
        acr_values: 'urn:signet:aal:2',
        max_age: 0,
        reason_admin: { ignored: ['context.aws:MultiFactorAuthPresent'] },
      },
    })
  })

  it('never stand over what Signet knows itself', async () => {
    const context = { 'aws:PrincipalTag/team': 'red', 'aws:PrincipalTag/level': '3' }
    expect((await ask('dora', 'Tagged', order('1'), { context })).decision).toBe(false)
    expect((await ask('dora', 'Levelled', order('1'), { context })).decision).toBe(true)
    expect((await ask('dora', 'Levelled', order('1'))).decision).toBe(false)
  })
})

describe('the JSON API for what an app registers', () => {
  const call = async (method: string, path: string, body?: unknown, who = 'admin') => {
    const sent = body === undefined ? '' : JSON.stringify(body)
    const { host } = new URL(server.url)
    const keys: Record<string, [string, string]> = {
      admin: ['AKIAADMINADMINADMINA', env.ADMIN_KEY],
      dora: ['AKIADORADORADORADORA', env.DORA_KEY],
    }
    const [accessKeyId = '', secretAccessKey = ''] = keys[who] ?? []
    const headers = signHeaders(
      { method, rawUrl: `/api/v1/apps/${path}`, headers: [['host', host]], body: Buffer.from(sent) },
      { accessKeyId, secretAccessKey },
      { at: systemClock(), region: 'us-east-1', service: 'signet' },
    )
    const answer = await fetch(`${server.url}/api/v1/apps/${path}`, {
      method,
      headers: [
        ['content-type', 'application/json'],
        ...headers
          .filter(([name]) => name !== 'host')
          .map(([name, value]): [string, string] => [name, value]),
      ],
      ...(sent === '' ? {} : { body: sent }),
    })
    const got = await answer.text()
    return { status: answer.status, body: (got === '' ? {} : JSON.parse(got)) as Record<string, unknown> }
  }

  it('shows and changes the catalogue, in force at the next search', async () => {
    const before = await call('GET', 'Orders/registration')
    expect(before).toMatchObject({
      status: 200,
      body: { service_prefix: 'orders', actions: [{ name: 'Export' }, { name: 'Read' }] },
    })
    const { actions, resource_types } = before.body as { actions: object[]; resource_types: object[] }
    const put = await call('PUT', 'orders/registration', {
      actions: [...actions, 'Close'],
      resource_types: [...resource_types, { name: 'invoice', inventory: true }],
    })
    expect(put.status).toBe(204)
    const { body } = await post<{ results: object[] }>('/access/v1/search/action', {
      subject: { type: 'user', id: 'admin' },
      resource: order('1'),
    })
    expect(body.results).toEqual([{ name: 'Close' }, { name: 'Read' }])
  })

  it('is one of several catalogues that are put at once, whole', async () => {
    const { body } = await call('GET', 'Orders/registration')
    const { resource_types } = body as { resource_types: object[] }
    const sets = Array.from({ length: 6 }, (_, set) => ['Common', `A${set}`, `B${set}`])
    const puts = await Promise.all(
      sets.map((actions) => call('PUT', 'Orders/registration', { actions, resource_types })),
    )
    expect(puts.map(({ status }) => status)).toEqual(sets.map(() => 204))
    const { actions } = (await call('GET', 'Orders/registration')).body as { actions: { name: string }[] }
    expect(sets.map((set) => set.toSorted())).toContainEqual(actions.map(({ name }) => name).toSorted())
    const { actions: before } = body as { actions: object[] }
    await call('PUT', 'Orders/registration', { actions: before, resource_types })
  })

  it('stores, lists and removes resources, which decisions and searches see at once', async () => {
    const stored = await call('PUT', 'Orders/resources', {
      resources: [
        { type: 'order', id: '4', properties: { team: 'blue' } },
        { type: 'order', id: '5', properties: { team: 'red' } },
      ],
    })
    expect(stored).toMatchObject({ status: 200, body: { stored: 2, findings: [] } })
    const found = await post<{ results: { id: string }[] }>('/access/v1/search/resource', {
      subject: { type: 'user', id: 'dora' },
      action: { name: 'Read' },
      resource: { type: 'order' },
    })
    expect(found.body.results.map(({ id }) => id)).toEqual(['1', '4'])
    const page = await call('GET', 'Orders/resources?type=order&limit=2&after=2')
    expect(page.body).toMatchObject({ resources: [{ id: '4' }, { id: '5' }], next_after: '5' })
    expect((await call('DELETE', 'Orders/resources/order/4')).status).toBe(204)
    expect((await call('DELETE', 'Orders/resources/order/4')).status).toBe(404)
    expect((await call('DELETE', 'Orders/resources/order/shared%2F7')).status).toBe(404)
  })

  it('a resource policy passes the validator or is not stored', async () => {
    const put = (policy: unknown) =>
      call('PUT', 'Orders/resources', { resources: [{ type: 'order', id: '6', policy }] })
    const wrong = await put({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: 'orders:Read', Resource: '*' }],
    })
    expect([wrong.status, wrong.body['title']]).toEqual([400, expect.stringContaining('Principal')])
    const open = await put({
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Principal: { AWS: `arn:aws:iam::${home}:user/erik` },
          Action: 'orders:Read',
          Resource: '*',
        },
      ],
    })
    expect(open.status).toBe(200)
    expect((await ask('erik', 'Read', order('6'))).decision).toBe(true)
    expect((await put(null)).status).toBe(200)
    expect((await ask('erik', 'Read', order('6'))).decision).toBe(false)
  })

  it('asks the policy engine each time, by the name as it is stored', async () => {
    for (const [method, path, body] of [
      ['GET', 'Orders/registration', undefined],
      ['PUT', 'Orders/resources', { resources: [order('8')] }],
      ['DELETE', 'Orders/resources/order/1', undefined],
      ['GET', 'Nowhere/registration', undefined],
    ] as const)
      expect((await call(method, path, body, 'dora')).status).toBe(403)
    expect((await call('GET', 'Nowhere/registration')).status).toBe(404)
    expect((await fetch(`${server.url}/api/v1/apps/Orders/registration`)).status).toBe(401)
  })

  it('refuses what is not well formed, and types that still have resources', async () => {
    for (const body of [
      { resources: [] },
      { resources: [{ type: 'or*er', id: '1' }] },
      { resources: [{ type: 'order', id: '1', properties: { nested: { a: 1 } } }] },
    ])
      expect((await call('PUT', 'Orders/resources', body)).status).toBe(400)
    expect((await call('PUT', 'Orders/resources', { resources: [{ type: 'boat', id: '1' }] })).status).toBe(
      404,
    )
    expect((await call('PUT', 'Orders/registration', { actions: [], resource_types: [] })).status).toBe(409)
  })

  it('each change is in the audit log', async () => {
    const names = (await listEvents(server.database, { limit: 10_000 }))
      .map(({ body }) => JSON.parse(body) as { eventSource: string; eventName: string })
      .filter(({ eventSource }) => eventSource === 'apps.signet')
      .map(({ eventName }) => eventName)
    expect(new Set(names)).toEqual(new Set(['PutAppRegistration', 'PutAppResources', 'DeleteAppResource']))
  })
})
