import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readActionCatalogue } from '#analyzer'
import { putApp, putAppResources, putRegistration } from '#apps'
import { createAccessKey, createUser } from '#directory'
import {
  attachGuardRail,
  createAccount,
  createGuardRail,
  createRole,
  removeInlinePolicy,
  putInlinePolicy,
} from '#iam'
import { Secret, systemClock } from '#kernel'
import { signHeaders, type HeaderPairs } from '#sigv4'
import { claim, home } from '../support/fixtures.ts'
import { startServer, type TestServer } from '../support/server.ts'

const keys = {
  admin: { accessKeyId: 'AKIAADMINADMINADMIN2', secretAccessKey: 'admin-secret-access-key-for-tests-forty0' },
  carol: { accessKeyId: 'AKIACAROLCAROLCAROL2', secretAccessKey: 'carol-secret-access-key-for-tests-forty0' },
  // Everything in another account of the organization.
  dave: { accessKeyId: 'AKIADAVEDAVEDAVEDAV2', secretAccessKey: 'dave-secret-access-key-for-tests-forty00' },
}
const other = '444455556666'
const arnOf = (name: string) => `arn:aws:iam::${home}:user/${name}`
const policy = (...statements: readonly object[]) =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: statements.map((each) => ({ Effect: 'Allow', ...each })),
  })

let server: TestServer
beforeAll(async () => {
  server = await startServer()
  const { database, vault } = server
  await claim(database, systemClock)
  await database.transaction(async (tx) => {
    const make = async (
      name: string,
      document: string,
      key?: { accessKeyId: string; secretAccessKey: string },
      accountId = home,
    ) => {
      const { userId } = await createUser(tx, systemClock, { accountId, name })
      await putInlinePolicy(tx, userId, 'own', document)
      if (key) {
        const secret = new Secret(key.secretAccessKey)
        await createAccessKey(
          tx,
          { vault, clock: systemClock },
          { accountId, userId, accessKeyId: key.accessKeyId, secret },
        )
      }
    }
    await make('admin', policy({ Action: '*', Resource: '*' }), keys.admin)
    await make('bob', policy({ Action: 'orders:Get*', Resource: 'arn:aws:orders:::a/*' }))
    await make(
      'carol',
      policy({ Action: ['iam:GetUser', 'iam:ListUsers', 'signet:ValidatePolicy'], Resource: '*' }),
      keys.carol,
    )
    await createAccount(tx, systemClock, { name: 'other', accountId: other })
    await make('dave', policy({ Action: '*', Resource: '*' }), keys.dave, other)
    await createRole(tx, systemClock, {
      accountId: home,
      name: 'deploy',
      trustDocument: policy({ Principal: { AWS: arnOf('admin') }, Action: 'sts:AssumeRole' }),
    })
  })
})
afterAll(() => server.close())

async function call(path: string, body?: object, as: keyof typeof keys = 'admin'): Promise<Response> {
  const url = new URL(`/api/v1${path}`, server.url)
  const payload = body === undefined ? '' : JSON.stringify(body)
  const pairs: HeaderPairs = [
    ['Host', url.host],
    ...(body === undefined ? [] : [['Content-Type', 'application/json'] as const]),
  ]
  const signed = signHeaders(
    {
      method: body === undefined ? 'GET' : 'POST',
      rawUrl: url.pathname + url.search,
      headers: pairs,
      body: Buffer.from(payload),
    },
    keys[as],
    { region: 'us-east-1', service: 'signet', at: systemClock() },
  )
  return fetch(url, {
    method: body === undefined ? 'GET' : 'POST',
    headers: signed
      .filter(([name]) => name !== 'Host')
      .map(([name, value]): [string, string] => [name, value]),
    ...(body === undefined ? {} : { body: payload }),
  })
}
const answer = async (path: string, body?: object, as?: keyof typeof keys) => {
  const response = await call(path, body, as)
  const text = await response.text()
  if (!response.ok) throw new Error(`${response.status} ${text}`)
  return JSON.parse(text) as Record<string, never>
}

describe('simulations', () => {
  it('say what a user could do, and with which statement', async () => {
    const { results } = await answer('/simulations', {
      principal: arnOf('bob'),
      actions: ['orders:GetOrder', 'orders:PutOrder'],
      resources: ['arn:aws:orders:::a/1'],
    })
    expect(results).toMatchObject([
      {
        decision: 'allowed',
        matched_statements: [{ policy: 'inline:own', index: 0, start: { line: 1, column: 39 } }],
      },
      { decision: 'implicitDeny', matched_statements: [] },
    ])
  })

  it('name the line and column of a statement, in stored policies and in those that are given', async () => {
    const given = policy({ Sid: 'Put', Action: 'orders:Put*', Resource: '*' }).replace('[', '[\n  ')
    const found = await answer('/simulations', {
      principal: arnOf('bob'),
      actions: ['orders:PutOrder', 'iam:ListUsers'],
      policies: [given, JSON.parse(policy({ Action: 'iam:ListUsers', Resource: '*' })) as object],
    })
    const results = found['results'] as unknown as { matched_statements: object[] }[]
    const places = results.map((each) => each.matched_statements)
    expect(places).toEqual([
      [
        {
          policy: 'identity.1',
          layer: 'identity',
          sid: 'Put',
          index: 0,
          start: { line: 2, column: 4 },
          end: { line: 2, column: 71 },
        },
      ],
      // A document that came as an object is written out with two spaces to a level.
      [expect.objectContaining({ policy: 'identity.2', start: { line: 4, column: 6 } })],
    ])
  })

  it('take other policies, and judge a role by its trust policy', async () => {
    const put = policy({
      Action: 'orders:Put*',
      Resource: '*',
      Condition: { Bool: { 'aws:MultiFactorAuthPresent': 'true' } },
    })
    const ask = { principal: arnOf('bob'), actions: ['orders:PutOrder'], policies: [put] }
    const without = await answer('/simulations', ask)
    expect(without['results']).toMatchObject([
      { decision: 'implicitDeny', missing_context_values: ['aws:MultiFactorAuthPresent'] },
    ])
    const given = await answer('/simulations', { ...ask, context: { 'aws:MultiFactorAuthPresent': true } })
    expect(given['results']).toMatchObject([{ decision: 'allowed' }])
    const role = { actions: ['sts:AssumeRole'], resources: [`arn:aws:iam::${home}:role/deploy`] }
    expect((await answer('/simulations', { principal: arnOf('admin'), ...role }))['results']).toMatchObject([
      { decision: 'allowed' },
    ])
    expect((await answer('/simulations', { principal: arnOf('bob'), ...role }))['results']).toMatchObject([
      { decision: 'implicitDeny' },
    ])
  })

  it.each<[string, object, number]>([
    ['a principal that is none', { principal: 'bob', actions: ['a:B'] }, 400],
    ['a principal that is not there', { principal: arnOf('nobody'), actions: ['a:B'] }, 404],
    ['a policy with an error', { principal: arnOf('bob'), actions: ['a:B'], policies: ['{}'] }, 400],
    [
      'too many results',
      {
        principal: arnOf('bob'),
        actions: Array.from({ length: 200 }, (_, at) => `a:B${at}`),
        resources: Array.from({ length: 60 }, (_, at) => `r${at}`),
      },
      400,
    ],
    [
      'a principal of an account that is not ours',
      { principal: `arn:aws:iam::999900001111:user/x`, actions: ['a:B'] },
      404,
    ],
  ])('refuse %s', async (_, body, status) => {
    const response = await call('/simulations', body)
    expect([response.status, response.headers.get('content-type')]).toEqual([
      status,
      expect.stringContaining('problem+json'),
    ])
  })

  it('are refused to who may not simulate', async () => {
    expect((await call('/simulations', { principal: arnOf('bob'), actions: ['a:B'] }, 'carol')).status).toBe(
      403,
    )
  })
})

describe('another account', () => {
  const dave = `arn:aws:iam::${other}:user/dave`

  it('is looked at from the home account, which manages it', async () => {
    const { results } = await answer('/simulations', { principal: dave, actions: ['orders:Get'] })
    expect(results).toMatchObject([{ decision: 'allowed' }])
  })

  it.each<[string, object]>([
    ['/simulations', { principal: arnOf('bob'), actions: ['orders:Get'] }],
    ['/access-matrix', { principals: [dave, arnOf('bob')], actions: ['orders:Get'] }],
    ['/who-can', { action: 'orders:Get', resource: '*', account_id: home }],
    ['/what-can', { principal: arnOf('bob') }],
    ['/generated-policies', { principal: arnOf('bob') }],
  ])('does not look at the home account: %s', async (path, body) => {
    expect((await call(path, body, 'dave')).status).toBe(403)
  })

  it('looks at its own', async () => {
    expect((await call('/simulations', { principal: dave, actions: ['orders:Get'] }, 'dave')).status).toBe(
      200,
    )
  })
})

describe('a matrix', () => {
  it('comes line by line with its progress', async () => {
    const response = await call('/access-matrix', {
      principals: [arnOf('bob'), arnOf('gone'), arnOf('admin')],
      actions: ['orders:GetOrder', 'orders:PutOrder'],
      resources: ['arn:aws:orders:::a/1', 'arn:aws:orders:::b/1'],
    })
    expect(response.headers.get('content-type')).toContain('application/x-ndjson')
    const lines = (await response.text())
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(lines.map(({ type }) => type)).toEqual([
      'started',
      'row',
      'row',
      'unknown-principal',
      'row',
      'row',
      'done',
    ])
    expect(lines[1]).toEqual({
      type: 'row',
      principal: arnOf('bob'),
      action: 'orders:GetOrder',
      decisions: ['allowed', 'implicitDeny'],
    })
    expect(lines.at(-1)).toEqual({ type: 'done', done: 12, total: 12 })
  })

  it('is refused while four are worked on, and ends when its reader hangs up', async () => {
    // Nobody reads these, so each stops where the connection is full.
    const large = {
      principals: [arnOf('admin')],
      actions: Array.from({ length: 1000 }, (_, at) => `a:B${at}`),
      resources: Array.from({ length: 1000 }, (_, at) => `arn:aws:orders:::a/${at}`),
    }
    const open = await Promise.all(Array.from({ length: 4 }, () => call('/access-matrix', large)))
    const small = { principals: [arnOf('bob')], actions: ['a:B'] }
    const busy = await call('/access-matrix', small)
    expect([busy.status, busy.headers.get('content-type')]).toEqual([
      429,
      expect.stringContaining('problem+json'),
    ])
    await open[0]?.body?.cancel()
    await expect.poll(async () => (await call('/access-matrix', small)).status, { timeout: 60_000 }).toBe(200)
    await Promise.all(open.slice(1).map(async (each) => each.body?.cancel()))
  })

  it('of too many decisions is refused', async () => {
    const many = (length: number, each: (at: number) => string) => Array.from({ length }, (_, at) => each(at))
    const body = {
      actions: many(1000, (at) => `a:B${at}`),
      resources: many(1000, (at) => `r${at}`),
    }
    expect((await call('/access-matrix', { ...body, principals: [arnOf('a'), arnOf('b')] })).status).toBe(400)
  })
})

describe('policies', () => {
  it('are validated with places', async () => {
    const document = '{"Version":"2012-10-17",\n"Statement":{"Effect":"Alow","Action":"*","Resource":"*"}}'
    const found = await answer('/policy-validations', { document, type: 'identity' }, 'carol')
    expect(found).toMatchObject({ valid: false, findings: [{ code: 'INVALID_EFFECT', line: 2 }] })
  })

  it('are compared', async () => {
    const narrow = policy({ Action: 'orders:Get', Resource: '*' })
    const wide = policy({ Action: 'orders:*', Resource: '*' })
    const check = (existing: string, now: string) =>
      answer('/policy-checks/no-new-access', { existing: [existing], new: [now] })
    expect(await check(wide, narrow)).toEqual({ result: 'PASS' })
    expect(await check(narrow, wide)).toMatchObject({
      result: 'FAIL',
      counterexample: { resource: expect.any(String) as string },
    })
    const granted = { policies: [wide], actions: ['orders:Delete*'] }
    expect(await answer('/policy-checks/access-not-granted', granted)).toMatchObject({ result: 'FAIL' })
    const open = policy({ Principal: '*', Action: 'orders:Get', Resource: '*' })
    expect(await answer('/policy-checks/no-public-access', { type: 'resource', policy: open })).toMatchObject(
      { result: 'FAIL' },
    )
    const twice = policy({ Action: 'orders:*', Resource: '*' }, { Action: 'orders:Get', Resource: '*' })
    expect(
      await answer('/policy-checks/redundant-statements', { type: 'identity', policy: twice }),
    ).toMatchObject({ redundant: [{ index: 1 }] })
  })
})

describe('who and what', () => {
  it('who can', async () => {
    const found = await answer('/who-can', { action: 'orders:GetOrder', resource: 'arn:aws:orders:::a/1' })
    expect(found).toMatchObject({ count: 2, next_from: null })
    expect(JSON.stringify(found)).toContain(arnOf('bob'))
    const page = await answer('/who-can', {
      action: 'orders:GetOrder',
      resource: 'arn:aws:orders:::a/1',
      limit: 1,
    })
    expect(page['principals']).toHaveLength(1)
    expect(page['next_from']).not.toBeNull()
  })

  it('who can knows a change at once, and the guard-rails', async () => {
    const { database } = server
    const ask = { action: 'bills:Pay', resource: '*', account_id: other }
    expect(await answer('/who-can', ask)).toMatchObject({ count: 1 })
    const deny = { Effect: 'Deny', Action: 'bills:*', Resource: '*' }
    const { policyId } = await database.transaction((tx) =>
      createGuardRail(tx, systemClock, { type: 'scp', name: 'NoBills', document: policy(deny) }),
    )
    await database.transaction((tx) => attachGuardRail(tx, policyId, other))
    expect(await answer('/who-can', ask)).toMatchObject({ count: 0, principals: [] })
    const { userId } = await database.transaction(async (tx) => {
      const erin = await createUser(tx, systemClock, { accountId: home, name: 'erin' })
      await putInlinePolicy(tx, erin.userId, 'own', policy({ Action: 'bills:*', Resource: '*' }))
      return erin
    })
    const mine = { action: 'bills:Pay', resource: '*' }
    expect(JSON.stringify(await answer('/who-can', mine))).toContain(arnOf('erin'))
    await database.transaction((tx) => removeInlinePolicy(tx, userId, 'own'))
    expect(JSON.stringify(await answer('/who-can', mine))).not.toContain(arnOf('erin'))
  })

  it('who can knows what an app stored about a resource, and whom a role trusts', async () => {
    await server.database.transaction(async (tx) => {
      const { appId } = await putApp(tx, systemClock, {
        accountId: home,
        kind: 'oidc',
        name: 'Ledger',
        servicePrefix: 'ledger',
      })
      await putRegistration(tx, appId, { actions: [], resourceTypes: [{ name: 'book', inventory: false }] })
      const stored = policy(
        { Principal: { AWS: arnOf('bob') }, Action: 'ledger:Read', Resource: '*' },
        { Effect: 'Deny', Principal: { AWS: arnOf('admin') }, Action: 'ledger:Write', Resource: '*' },
      )
      await putAppResources(tx, systemClock, appId, [
        { type: 'book', id: '1', properties: { open: true }, policy: stored },
      ])
    })
    const named = async (action: string, resource: string) =>
      ((await answer('/who-can', { action, resource }))['principals'] as unknown as { arn: string }[]).map(
        ({ arn }) => arn,
      )
    const book = `arn:aws:ledger::${home}:book/1`
    expect(await named('ledger:Read', book)).toEqual([arnOf('admin'), arnOf('bob')])
    expect(await named('ledger:Read', book.replace('/1', '/2'))).toEqual([arnOf('admin')])
    expect(await named('ledger:Write', book)).toEqual([])
    // A simulation and a matrix say the same.
    const asked = { actions: ['ledger:Read'], resources: [book] }
    expect(await answer('/simulations', { principal: arnOf('bob'), ...asked })).toMatchObject({
      results: [
        { decision: 'allowed', layer: 'resource', matched_statements: [{ policy: `${book}#policy` }] },
      ],
    })
    const matrix = await call('/access-matrix', { principals: [arnOf('bob')], ...asked })
    expect(await matrix.text()).toContain('"decisions":["allowed"]')
    expect(await named('sts:AssumeRole', `arn:aws:iam::${home}:role/deploy`)).toEqual([arnOf('admin')])
  })

  it('what can', async () => {
    const found = await answer('/what-can', { principal: arnOf('carol') })
    expect(found).toMatchObject({
      result: 'COMPLETE',
      permissions: [
        { action: 'iam:GetUser', when: 'always' },
        { action: 'iam:ListUsers' },
        { action: 'signet:ValidatePolicy' },
      ],
    })
  })

  it('used, unused, and a policy for what was used', async () => {
    const region = 'us-east-1'
    const form = 'Action=GetUser&UserName=bob&Version=2010-05-08'
    const headers: HeaderPairs = [
      ['Host', new URL(server.url).host],
      ['Content-Type', 'application/x-www-form-urlencoded'],
    ]
    const signed = signHeaders(
      { method: 'POST', rawUrl: '/', headers, body: Buffer.from(form) },
      keys.carol,
      { region, service: 'iam', at: systemClock() },
    )
    const done = await fetch(server.url, {
      method: 'POST',
      headers: signed
        .filter(([name]) => name !== 'Host')
        .map(([name, value]): [string, string] => [name, value]),
      body: form,
    })
    expect(done.status).toBe(200)
    // A read is written to the audit log a moment after its answer.
    const last = () => answer(`/last-accessed?principal=${encodeURIComponent(arnOf('carol'))}`)
    await expect.poll(async () => JSON.stringify(await last())).toContain('"GetUser"')
    const generated = await answer('/generated-policies', { principal: arnOf('carol') })
    expect(generated).toMatchObject({ no_new_access: { result: 'PASS' }, complete: true })
    expect(JSON.stringify(generated['document'])).toContain('iam:GetUser')
    expect(JSON.stringify(generated['document'])).not.toContain('iam:ListUsers')
    // Everybody here is younger than the report's days.
    expect(await answer('/unused-access?days=90')).toMatchObject({ findings: [], next_after: 'role' })
  })
})

describe('the catalogue', () => {
  const text = (name: string) => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8')

  it('is what docs/actions.md tells', () => {
    const told = [...text('docs/actions.md').matchAll(/`((?:iam|sts|signet):[A-Z]\w*)`/g)].map(
      ([, name]) => name,
    )
    const folder = new URL('../../config/policies', import.meta.url).pathname
    expect(new Set(told)).toEqual(new Set(readActionCatalogue(folder)))
  })

  it('has every action of signet that the JSON API asks for', () => {
    const { actions } = JSON.parse(text('config/policies/catalogue.json')) as {
      actions: { signet: Record<string, unknown> }
    }
    const asked = ['analysis', 'apps', 'revocations'].flatMap((file) =>
      [...text(`src/api/${file}.ts`).matchAll(/(?:allowed\(.*, |'signet:)'?([A-Z]\w+)'/g)].map(
        ([, name]) => name,
      ),
    )
    expect(asked).toContain('SimulateAccess')
    expect(Object.keys(actions.signet)).toEqual(expect.arrayContaining([...new Set(asked)]))
  })
})
