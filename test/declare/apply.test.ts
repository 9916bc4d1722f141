import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { findOidcClient, findServiceProvider, listApps } from '#apps'
import { createAudit, listEvents } from '#audit'
import { createPasswordHasher, openVault } from '#crypto'
import type { Database } from '#database'
import { apply, type ApplyNeeds } from '#declare'
import {
  checkPassword,
  findAccessKey,
  findPasswordPolicy,
  findUserByName,
  groupsOf,
  putPasswordPolicy,
  setPasswordHash,
} from '#directory'
import { listConnections } from '#federation'
import {
  findOrganization,
  findRole,
  listOidcProviders,
  listSamlProviders,
  policiesOf,
  readBuiltInPolicies,
} from '#iam'
import { isFailure, Secret } from '#kernel'
import { factorsOf } from '#mfa'
import { testDatabase } from '../support/database.ts'

const root = join(import.meta.dirname, '../..')
const clock = () => Temporal.Instant.from('2026-11-22T10:00:00Z')
const account = '111122223333'

let database: Database
let needs: ApplyNeeds
async function open() {
  database = await testDatabase()
  needs = {
    database,
    clock,
    vault: openVault(new Secret('v'.repeat(43))),
    audit: createAudit({ database, clock }),
    builtInPolicies: readBuiltInPolicies(join(root, 'config/policies')),
    hasher: await createPasswordHasher(
      { clock },
      { memoryKib: 64, passes: 1, slots: 2, queue: 50, waitMilliseconds: 2_000 },
    ),
  }
}
const close = () => database.close()

type Extra = { env?: Record<string, string>; files?: Record<string, string> }
const applyText = (text: string, { env = {}, files = {} }: Extra = {}) =>
  apply(
    needs,
    {
      text,
      fileName: '/x/signet.yaml',
      env: (name) => env[name],
      readFile: (path) => {
        const content = files[path]
        if (content === undefined) throw Object.assign(new Error('gone'), { code: 'ENOENT' })
        return content
      },
    },
    ['sts'],
  )
const problemsOf = async (text: string, extra: Extra = {}): Promise<string[]> => {
  try {
    await applyText(text, extra)
    return []
  } catch (thrown) {
    if (!isFailure(thrown) || thrown.reason !== 'config/invalid') throw thrown
    return thrown.message.replaceAll('/x/signet.yaml', 'signet.yaml').split('\n')
  }
}
const rowsIn = async (table: string) =>
  (await database.query<{ rows: number }>({ chunks: [`select count(*) as rows from ${table}`], values: [] }))
    .rows[0]?.rows
const eventNames = async () =>
  (await listEvents(database)).map(({ body }) => (JSON.parse(body) as { eventName: string }).eventName)

const company = `organization: Acme
accounts:
  - name: acme
    id: "${account}"
`

const acme = readFileSync(join(root, 'config/examples/acme.yaml'), 'utf8')
const acmeExtra = {
  env: {
    ACME_ALICE_PASSWORD: 'alice-password-1',
    ACME_BOB_PASSWORD: 'bob-password-1',
    ACME_CAROL_PASSWORD: 'carol-password-1',
    ACME_ORDERS_SECRET: 'o'.repeat(32),
    ACME_GRAFANA_SECRET: 'g'.repeat(32),
  },
  files: {
    '/x/acme-partner-idp.xml': readFileSync(join(root, 'config/examples/acme-partner-idp.xml'), 'utf8'),
  },
}

describe('policies in the file', () => {
  beforeEach(open)
  afterEach(close)

  it('that allow what is probably not meant are applied, and told with their places', async () => {
    const { counts, notes } = await applyText(`${company}policies:
  - name: Deploy
    document:
      Version: '2012-10-17'
      Statement:
        - Effect: Allow
          Action: iam:PassRole
          Resource: '*'
        - Effect: Allow
          Action: orders:Get
          Resource: '*'
          Condition:
            StringEquals: { 'aws:PrincipalArn': 'arn:aws:iam::*:role/x' }
`)
    expect(counts.created).toBe(3)
    expect(notes.map(({ where, path }) => `${where.replace('/x/', '')} ${path}`)).toEqual([
      'signet.yaml:12:21 policies.0.document $.Statement[0].Resource',
      'signet.yaml:17:49 policies.0.document $.Statement[1].Condition.StringEquals["aws:PrincipalArn"]',
    ])
  })

  it('that name a key which does not exist are refused with the place', async () => {
    const text = `${company}policies:
  - name: Deploy
    document:
      Version: '2012-10-17'
      Statement:
        - Effect: Allow
          Action: orders:Get
          Resource: '*'
          Condition:
            StringEquals: { 'aws:PrincipelArn': 'x' }
`
    expect(await problemsOf(text)).toEqual([
      'signet.yaml:14:49 policies.0.document $.Statement[0].Condition.StringEquals["aws:PrincipelArn"]: There is no key "aws:PrincipelArn".',
    ])
  })
})

describe('the example company', () => {
  beforeEach(open)
  afterEach(close)

  it('is made from its file, with one audit event for each thing', async () => {
    const { counts, notes } = await applyText(acme, acmeExtra)
    expect(notes).toEqual([])
    expect(counts).toEqual({ created: 20, updated: 0, unchanged: 0 })

    expect(await findOrganization(database)).toMatchObject({ name: 'Acme', homeAccountId: account })
    const bob = await findUserByName(database, account, 'bob')
    expect(bob).toMatchObject({ mail: 'bob@acme.example', mailVerified: true, tags: { team: 'support' } })
    expect((await groupsOf(database, bob?.userId ?? '')).map(({ name }) => name)).toEqual(['support'])
    const signedIn = await checkPassword(needs, {
      accountId: account,
      identifier: 'bob',
      password: 'bob-password-1',
    })
    expect(signedIn?.name).toBe('bob')

    const desk = await findRole(database, account, 'OrdersDesk')
    expect(desk?.permissionsBoundary).toBe(`arn:aws:iam::${account}:policy/OrdersBoundary`)
    const held = await policiesOf(database, needs.builtInPolicies, {
      id: desk?.roleId ?? '',
      permissionsBoundary: desk?.permissionsBoundary,
    })
    expect(held.identity.map(({ id }) => id)).toEqual([`arn:aws:iam::${account}:policy/OrdersDesk`])

    const apps = await listApps(database, account)
    expect(apps.map(({ name, kind, access }) => [name, kind, access])).toEqual([
      ['Grafana', 'oidc', 'policy'],
      ['Orders', 'oidc', 'everyone'],
      ['Wiki', 'saml', 'everyone'],
    ])
    expect((await findOidcClient(database, 'orders'))?.metadata).toMatchObject({
      redirect_uris: ['http://localhost:5001/callback'],
      grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
    })
    expect(
      (await findServiceProvider(database, { entityId: 'http://localhost:8080/saml/metadata' }))?.settings
        .acs,
    ).toEqual([{ url: 'http://localhost:8080/saml/acs', binding: 'post', index: 0, isDefault: true }])
    expect((await listOidcProviders(database, account)).map(({ url }) => url)).toEqual([
      'https://token.actions.githubusercontent.com',
    ])
    expect((await listSamlProviders(database, account)).map(({ name }) => name)).toEqual(['partner'])

    const names = await eventNames()
    for (const name of [
      'CreateAccount',
      'CreateOrganization',
      'CreatePolicy',
      'CreateGroup',
      'CreateUser',
      'CreateLoginProfile',
      'CreateRole',
      'CreateApp',
      'CreateOpenIDConnectProvider',
      'CreateSAMLProvider',
    ])
      expect(names, name).toContain(name)
  })

  it('applied again changes nothing and writes no event', async () => {
    await applyText(acme, acmeExtra)
    const before = await rowsIn('audit_event')
    const { counts } = await applyText(acme, acmeExtra)
    expect(counts).toEqual({ created: 0, updated: 0, unchanged: 20 })
    expect(await rowsIn('audit_event')).toBe(before)
  })

  it('keeps no secret of it in clear', async () => {
    await applyText(acme, acmeExtra)
    for (const table of [
      'users',
      'user_password',
      'oidc_client',
      'declared_thing',
      'audit_event',
      'access_key',
    ]) {
      const { rows } = await database.query<{ text: string }>({
        chunks: [`select t::text as text from ${table} t`],
        values: [],
      })
      for (const secret of Object.values(acmeExtra.env))
        expect(rows.map(({ text }) => text).join('\n'), table).not.toContain(secret)
    }
  })
})

describe('an environment made again exactly', () => {
  beforeEach(open)
  afterEach(close)

  const text = `${company}    root_access_keys:
      - id: AKIAROOTROOTROOTROOT
        secret: \${ROOT_SECRET}
users:
  - name: ci
    path: /machines/
    access_keys:
      - id: AKIACICICICICICICICI
        secret_file: keys/ci
    totp_seed: \${CI_SEED}
    inline_policies:
      only-this:
        Version: '2012-10-17'
        Statement: { Effect: Allow, Action: 's3:Get*', Resource: '*' }
`
  const extra = {
    env: { ROOT_SECRET: 'root-secret-root-secret', CI_SEED: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP' },
    files: { '/x/keys/ci': 'ci-secret-ci-secret-ci\n' },
  }

  it('has its account id, its keys with their secrets, and its authenticator app', async () => {
    await applyText(text, extra)
    const rootKey = await findAccessKey(database, needs.vault, 'AKIAROOTROOTROOTROOT')
    expect(rootKey).toMatchObject({ accountId: account, userId: undefined, status: 'Active' })
    expect(rootKey?.secret?.reveal()).toBe('root-secret-root-secret')
    const ci = await findUserByName(database, account, 'ci')
    const key = await findAccessKey(database, needs.vault, 'AKIACICICICICICICICI')
    expect(key?.userId).toBe(ci?.userId)
    expect(key?.secret?.reveal()).toBe('ci-secret-ci-secret-ci')
    expect((await factorsOf(database, ci?.userId ?? '')).totp).toHaveLength(1)
    expect((await applyText(text, extra)).counts.unchanged).toBe(3)
  })

  it('gets another secret and another seed when the file has others', async () => {
    await applyText(text, extra)
    const { counts } = await applyText(text, {
      env: { ...extra.env, CI_SEED: 'KRUGS4ZANFZSAYJAONSWG4TFOQQHGZLF' },
      files: { '/x/keys/ci': 'another-secret-another' },
    })
    expect(counts).toEqual({ created: 0, updated: 1, unchanged: 2 })
    const key = await findAccessKey(database, needs.vault, 'AKIACICICICICICICICI')
    expect(key?.secret?.reveal()).toBe('another-secret-another')
    const ci = await findUserByName(database, account, 'ci')
    expect((await factorsOf(database, ci?.userId ?? '')).totp).toHaveLength(1)
  })
})

describe('what people changed since', () => {
  beforeEach(open)
  afterEach(close)

  const text = `${company}users:
  - name: bob
    password: \${PW}
`
  it('stays: a start does not bring back the first password', async () => {
    await applyText(text, { env: { PW: 'first-password' } })
    const bob = await findUserByName(database, account, 'bob')
    const phc = await needs.hasher.hash('chosen by bob')
    await database.transaction((tx) => setPasswordHash(tx, clock, { userId: bob?.userId ?? '', phc }))
    expect((await applyText(text, { env: { PW: 'first-password' } })).counts.updated).toBe(0)
    const check = (password: string) =>
      checkPassword(needs, { accountId: account, identifier: 'bob', password })
    expect(await check('chosen by bob')).toBeDefined()
    expect((await applyText(text, { env: { PW: 'second-password' } })).counts.updated).toBe(1)
    expect(await check('second-password')).toBeDefined()
  })
})

describe('the account’s password policy', () => {
  beforeEach(open)
  afterEach(close)

  it('is made what the file says, holds for the passwords of the same file, and is taken away by null', async () => {
    const text = (rules: string) => `${company}    password_policy: ${rules}
users:
  - name: bob
    password: \${PW}
`
    const env = { PW: 'First-password' }
    const strict = text(
      '{ minimum_length: 20, require_symbols: true, max_age_days: 90, reuse_prevention: 5 }',
    )
    expect(await problemsOf(strict, { env })).toEqual([
      expect.stringContaining("The account's password policy asks for at least 20 characters.") as string,
    ])
    // Nothing of a file with a problem stays.
    expect(await findPasswordPolicy(database, account)).toBeUndefined()

    const milder = text(
      '{ minimum_length: 12, require_symbols: true, max_age_days: 90, reuse_prevention: 5 }',
    )
    await applyText(milder, { env })
    const policy = {
      minimumLength: 12,
      requireSymbols: true,
      requireNumbers: false,
      requireUppercase: false,
      requireLowercase: false,
      allowUsersToChange: false,
      maxAgeDays: 90,
      reusePrevention: 5,
      hardExpiry: false,
    }
    expect(await findPasswordPolicy(database, account)).toEqual(policy)
    expect((await applyText(milder, { env })).counts).toMatchObject({ created: 0, updated: 0 })
    // What is left out goes back to its default; a file that does not speak of it leaves it alone.
    expect((await applyText(text('{ minimum_length: 12 }'), { env })).counts.updated).toBe(1)
    const least = { ...policy, requireSymbols: false, maxAgeDays: undefined, reusePrevention: undefined }
    expect(await findPasswordPolicy(database, account)).toEqual(least)
    await applyText(company)
    expect(await findPasswordPolicy(database, account)).toEqual(least)
    expect((await applyText(text('null'), { env })).counts.updated).toBe(1)
    expect(await findPasswordPolicy(database, account)).toBeUndefined()
    expect((await applyText(text('null'), { env })).counts.updated).toBe(0)

    const events = await listEvents(database, { name: 'UpdateAccountPasswordPolicy' })
    expect(events).toHaveLength(2)
    expect(await listEvents(database, { name: 'DeleteAccountPasswordPolicy' })).toHaveLength(1)
  })

  it('that cannot be is refused with its place', async () => {
    const [length, unknown, expiry] = await problemsOf(`${company}    password_policy:
      minimum_length: 5
      require_symbol: true
      hard_expiry: yes please
`)
    expect(length).toBe(
      'signet.yaml:6:23 accounts.0.password_policy.minimum_length: Write a whole number from 6 to 128.',
    )
    for (const key of ['require_symbol', 'hard_expiry'])
      expect([unknown, expiry].join('\n')).toContain(`password_policy.${key}`)
    expect(await problemsOf(`${company}    password_policy: { hard_expiry: true }\n`)).toEqual([
      expect.stringContaining('Write max_age_days too.') as string,
    ])
  })

  it('holds for passwords of the file, those used before included', async () => {
    const text = `${company}users:
  - name: bob
    password: \${PW}
`
    await applyText(text, { env: { PW: 'First-password' } })
    await putPasswordPolicy(database, account, {
      minimumLength: 12,
      requireSymbols: true,
      requireNumbers: false,
      requireUppercase: true,
      requireLowercase: true,
      allowUsersToChange: true,
      maxAgeDays: undefined,
      reusePrevention: 3,
      hardExpiry: false,
    })
    expect((await applyText(text, { env: { PW: 'First-password' } })).counts.updated).toBe(0)
    for (const [PW, why] of [
      ['Short-one', 'at least 12 characters'],
      ['second-password', 'a capital letter'],
      ['Secondpassword', 'a symbol'],
    ] as const)
      expect((await problemsOf(text, { env: { PW } }))[0]).toContain(why)
    await applyText(text, { env: { PW: 'Second-password' } })
    expect((await problemsOf(text, { env: { PW: 'First-password' } }))[0]).toContain('the last 3 passwords')
  })
})

describe('a connection', () => {
  beforeEach(open)
  afterEach(close)
  const text = `${company}connections:
  - name: google
    preset: google
    client_id: signet
    secret: \${GOOGLE_SECRET}
    hosted_domains: [acme.example]
    groups: { eng: engineers }
`
  it('is made with the preset’s issuer, its secret sealed, and set again only when the secret is another', async () => {
    const first = { env: { GOOGLE_SECRET: 'google-secret-1' } }
    expect((await applyText(text, first)).counts.created).toBe(3)
    const [made] = await listConnections(database)
    expect(made).toMatchObject({
      clientId: 'signet',
      settings: { issuer: 'https://accounts.google.com', label: 'google', hosted_domains: ['acme.example'] },
    })
    expect((await applyText(text, first)).counts.unchanged).toBe(3)
    expect((await applyText(text, { env: { GOOGLE_SECRET: 'google-secret-2' } })).counts.updated).toBe(1)
    const { rows } = await database.query<{ text: string }>({
      chunks: ['select c::text as text from connection c'],
      values: [],
    })
    expect(rows[0]?.text).not.toContain('google-secret')
  })
})

describe('a changed file', () => {
  beforeEach(open)
  afterEach(close)

  it('updates what it names and leaves alone what it does not mention', async () => {
    await applyText(acme, acmeExtra)
    const { counts, things } = await applyText(
      `users:
  - name: bob
    groups: [admins, support]
    policies: [OrdersRead]
roles:
  - name: OrdersDesk
    max_session_seconds: 7200
    trust: { Version: '2012-10-17', Statement: { Effect: Allow, Principal: { AWS: 'arn:aws:iam::${account}:user/bob' }, Action: 'sts:AssumeRole' } }
`,
    )
    expect(counts).toEqual({ created: 0, updated: 2, unchanged: 0 })
    expect(things.map(({ name }) => name)).toEqual(['bob', 'OrdersDesk'])
    const bob = await findUserByName(database, account, 'bob')
    expect(bob).toMatchObject({ mail: 'bob@acme.example', displayName: 'Bob Brown' })
    expect((await groupsOf(database, bob?.userId ?? '')).map(({ name }) => name)).toEqual([
      'admins',
      'support',
    ])
    const role = await findRole(database, account, 'OrdersDesk')
    expect(role).toMatchObject({ maxSessionSeconds: 7200, description: 'Work on orders.' })
  })

  it('may let two roles trust each other', async () => {
    const trusting = (name: string, other: string) => `  - name: ${name}
    trust: { Version: '2012-10-17', Statement: { Effect: Allow, Principal: { AWS: 'arn:aws:iam::${account}:role/${other}' }, Action: 'sts:AssumeRole' } }
`
    const text = `${company}roles:\n${trusting('One', 'Two')}${trusting('Two', 'One')}`
    expect((await applyText(text)).counts).toEqual({ created: 4, updated: 0, unchanged: 0 })
    expect((await applyText(text)).counts).toEqual({ created: 0, updated: 0, unchanged: 4 })
    expect((await findRole(database, account, 'One'))?.trustDocument).toContain('role/Two')
  })
})

describe('an OIDC app', () => {
  beforeEach(open)
  afterEach(close)

  it('may be a client that proves itself by keys, has its tokens bound and hears of sign-outs', async () => {
    const file = (more: string) =>
      `${company}apps:
  - name: Bank
    oidc:
      client_id: bank
      redirect_uris: [https://bank.example/cb]
      backchannel_logout_uri: https://bank.example/signed-out
      dpop_bound_access_tokens: true
      require_pushed_authorization_requests: true
      ${more}
`
    await applyText(file('jwks: { keys: [{ kty: EC, crv: P-256, x: a, y: b, kid: k }] }'))
    expect((await findOidcClient(database, 'bank'))?.metadata).toMatchObject({
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [{ kty: 'EC', crv: 'P-256', x: 'a', y: 'b', kid: 'k' }] },
      dpop_bound_access_tokens: true,
      require_pushed_authorization_requests: true,
      backchannel_logout_uri: 'https://bank.example/signed-out',
      backchannel_logout_session_required: true,
    })
    await applyText(file('jwks_uri: https://bank.example/jwks'))
    const { metadata } = (await findOidcClient(database, 'bank')) ?? {}
    expect(metadata).toMatchObject({ jwks_uri: 'https://bank.example/jwks' })
    expect(metadata).not.toHaveProperty('jwks')
  })

  it.each([
    ['keys', 'jwks_uri: https://shop.example/jwks'],
    ['none', 'grants: [authorization_code]'],
  ])('that goes from a secret to %s keeps no secret, and is not changed again', async (_, line) => {
    const file = (proof: string) =>
      `${company}apps:
  - name: Shop
    oidc:
      client_id: shop
      redirect_uris: [https://shop.example/cb]
      ${proof}
`
    await applyText(file('secret: "${S}"'), { env: { S: 'a-secret-that-is-long-enough' } })
    expect((await findOidcClient(database, 'shop'))?.secretHash).toBeInstanceOf(Buffer)
    expect((await applyText(file(line))).counts.updated).toBe(1)
    expect((await findOidcClient(database, 'shop'))?.secretHash).toBeUndefined()
    expect((await applyText(file(line))).counts.updated).toBe(0)
  })
})

/** A file of the company and these lines; the company has four lines, so the first of them is line 5. */
const mistakes: readonly [title: string, lines: string, told: string, extra?: Extra][] = [
  [
    'an unknown list',
    'user:\n  - name: a',
    'signet.yaml:5:1 user: There is no such list. Did you mean users?',
  ],
  [
    'an unknown key',
    'users:\n  - name: a\n    goups: [x]',
    'signet.yaml:7:5 users.0.goups: There is no such key. Did you mean groups?',
  ],
  [
    'a list that is none',
    'users: bob',
    'signet.yaml:5:8 users: Write a list: each entry on a line that begins with a dash.',
  ],
  [
    'a name that is none',
    'users:\n  - name: a b',
    'signet.yaml:6:11 users.0.name: Write a name of letters, digits and + = , . @ _ -, at most 64 characters.',
  ],
  [
    'a missing name',
    'users:\n  - path: /x/',
    'signet.yaml:6:5 users.0.name: This is missing. Write name: a text.',
  ],
  [
    'a mail address that is none',
    'users:\n  - name: a\n    mail: nobody',
    'signet.yaml:7:11 users.0.mail: Write a mail address.',
  ],
  [
    'a path without a slash at its end',
    'users:\n  - name: a\n    path: /staff',
    'signet.yaml:7:11 users.0.path: Write a path that begins and ends with a slash, such as /staff/.',
  ],
  [
    'a secret in the file',
    'users:\n  - name: a\n    password: hunter2',
    'signet.yaml:7:15 users.0.password: A secret does not stand in this file. Write ${NAME} for an environment variable, or use the key that ends in _file.',
  ],
  [
    'a variable that is not set',
    'users:\n  - name: a\n    password: ${PW}',
    'signet.yaml:7:15 users.0.password: The environment variable PW is not set. Set it, or write the value in another way.',
  ],
  [
    'a secret file that is not there',
    'users:\n  - name: a\n    password_file: pw',
    'signet.yaml:7:20 users.0.password_file: The file pw cannot be read (ENOENT). Write a path beside signet.yaml, or a full one.',
  ],
  [
    'an empty secret file',
    'users:\n  - name: a\n    password_file: pw',
    'signet.yaml:7:20 users.0.password_file: This file is empty. Write the secret into it.',
    { files: { '/x/pw': '\n' } },
  ],
  [
    'a secret given twice',
    'users:\n  - name: a\n    password: ${PW}\n    password_file: pw',
    'signet.yaml:8:5 users.0.password_file: Both password and password_file stand here. Keep one of the two.',
    { env: { PW: 'x' } },
  ],
  [
    'the same user twice',
    'users:\n  - name: a\n  - name: A',
    'signet.yaml:7:11 users.1.name: This stands in the list twice; the first is users.0. Keep one of the two.',
  ],
  [
    'a group that is not there',
    'groups:\n  - name: support\nusers:\n  - name: a\n    groups: [suport]',
    'signet.yaml:9:14 users.0.groups.0: There is no group suport. Did you mean support?',
  ],
  [
    'a policy that is not there',
    'users:\n  - name: a\n    policies: [AdministratorAcess]',
    'signet.yaml:7:16 users.0.policies.0: There is no policy AdministratorAcess. Did you mean AdministratorAccess?',
  ],
  [
    'a policy ARN that is not there',
    'users:\n  - name: a\n    policies: ["arn:aws:iam::111122223333:policy/x"]',
    'signet.yaml:7:16 users.0.policies.0: There is no policy arn:aws:iam::111122223333:policy/x. Declare it under policies:, or write the ARN of another.',
  ],
  [
    'an account that is not there',
    'users:\n  - name: a\n    account: acne',
    'signet.yaml:7:14 users.0.account: There is no account acne. Did you mean acme?',
  ],
  [
    'two users with one verified mail',
    'users:\n  - { name: a, mail: x@acme.example, mail_verified: true }\n  - { name: b, mail: x@acme.example, mail_verified: true }',
    'signet.yaml:7:22 users.1.mail: The mail address x@acme.example already belongs to another user.',
  ],
  [
    'a role without trust',
    'roles:\n  - name: r',
    'signet.yaml:6:5 roles.0.trust: This is missing. Write trust: a text or a mapping (key: value).',
  ],
  [
    'a trust in somebody who is not there',
    'roles:\n  - name: r\n    trust: { Version: "2012-10-17", Statement: { Effect: Allow, Principal: { AWS: "arn:aws:iam::111122223333:user/gone" }, Action: "sts:AssumeRole" } }',
    'signet.yaml:7:12 roles.0.trust: Invalid principal in policy: "AWS":"arn:aws:iam::111122223333:user/gone"',
  ],
  [
    'a session that is too long',
    'roles:\n  - name: r\n    max_session_seconds: 99999\n    trust: { Version: "2012-10-17", Statement: { Effect: Allow, Principal: { AWS: "111122223333" }, Action: "sts:AssumeRole" } }',
    'signet.yaml:7:26 roles.0.max_session_seconds: Write 43200 at most, not 99999.',
  ],
  [
    'an app that is neither',
    'apps:\n  - name: a',
    'signet.yaml:6:5 apps.0: An app is one of the three: write oidc:, saml:',
  ],
  [
    'a client without a way back',
    'apps:\n  - name: a\n    oidc: { client_id: a }',
    'signet.yaml:7:11 apps.0.oidc: People sign in to this client: write redirect_uris: [https://…].',
  ],
  [
    'a redirect URI with a star',
    'apps:\n  - name: a\n    oidc: { client_id: a, redirect_uris: ["https://*.example.com/cb"] }',
    'signet.yaml:7:43 apps.0.oidc.redirect_uris.0: Write a full address without * and #: https://app.example.com/callback, http://127.0.0.1/callback, or com.example.app:/callback.',
  ],
  [
    'a grant that there is not',
    'apps:\n  - name: a\n    oidc: { client_id: a, redirect_uris: ["https://a.example/cb"], grants: [implicit] }',
    'signet.yaml:7:77 apps.0.oidc.grants.0: Write "authorization_code" or "refresh_token" or "client_credentials" or "device_code", not "implicit".',
  ],
  [
    'keys that are not there',
    'apps:\n  - name: a\n    oidc: { client_id: a, grants: [client_credentials], token_endpoint_auth_method: private_key_jwt }',
    'signet.yaml:7:85 apps.0.oidc.token_endpoint_auth_method: Write the client’s public keys: jwks: or jwks_uri:.',
  ],
  [
    'a private key',
    'apps:\n  - name: a\n    oidc: { client_id: a, grants: [client_credentials], jwks: { keys: [{ kty: EC, d: x }] } }',
    'signet.yaml:7:72 apps.0.oidc.jwks.keys.0: Write a public JSON Web Key: RSA, EC or OKP, without d.',
  ],
  [
    'two ways of proving itself',
    'apps:\n  - name: a\n    oidc: { client_id: a, secret: "${S}", grants: [client_credentials], jwks_uri: "https://a.example/jwks" }',
    'signet.yaml:7:11 apps.0.oidc: A client has a secret, jwks: or jwks_uri:. Keep one of the three.',
    { env: { S: 'a-secret-that-is-long-enough' } },
  ],
  [
    'a public client with credentials',
    'apps:\n  - name: a\n    oidc: { client_id: a, grants: [client_credentials] }',
    'signet.yaml:7:35 apps.0.oidc.grants: A public client has no credentials of its own. Give it a secret, or take client_credentials away.',
  ],
  [
    'a weak client secret',
    'apps:\n  - name: a\n    oidc: { client_id: a, secret: "${S}", grants: [client_credentials] }',
    'signet.yaml:7:11 apps.0.oidc: This client secret is shorter than 16 characters. Make one with: openssl rand -hex 32',
    { env: { S: 'short' } },
  ],
  [
    'one prefix for two apps',
    'apps:\n  - { name: a, service_prefix: orders, oidc: { client_id: a, redirect_uris: ["https://a.example/cb"] } }\n  - { name: b, service_prefix: orders, oidc: { client_id: b, redirect_uris: ["https://b.example/cb"] } }',
    'signet.yaml:7:32 apps.1.service_prefix: Another app already has the service prefix orders.',
  ],
  [
    'encryption for a key that nobody named',
    'apps:\n  - name: a\n    saml: { entity_id: x, acs: "https://a.example/acs", encrypt: true }',
    'signet.yaml:7:66 apps.0.saml.encrypt: The key for encryption comes with the metadata: write metadata_file: PATH.',
  ],
  [
    'a service provider without an address',
    'apps:\n  - name: a\n    saml: { entity_id: x }',
    'signet.yaml:7:11 apps.0.saml: Write metadata_file: PATH, or entity_id: and acs:.',
  ],
  [
    'metadata that is none',
    'saml_providers:\n  - name: p\n    metadata_file: m.xml',
    'signet.yaml:7:20 saml_providers.0.metadata_file: This metadata cannot be used: ',
    { files: { '/x/m.xml': '<html/>' } },
  ],
  [
    'an account id as a number',
    'accounts: []',
    'signet.yaml:5:1: This key stands here a second time. Keep one of the two.',
  ],
  [
    'a TOTP seed that is none',
    'users:\n  - name: a\n    totp_seed: ${SEED}',
    'signet.yaml:7:16 users.0.totp_seed: This seed is not base32 of at least 26 characters (128 bits). Make one with: openssl rand 20 | base32',
    { env: { SEED: 'AAAA' } },
  ],
]

describe('a mistake is told with its place and what to write instead:', () => {
  // Nothing of them stays, so one database serves them all.
  beforeAll(open)
  afterAll(close)

  for (const [title, lines, told, extra] of mistakes)
    it(title, async () => {
      const problems = await problemsOf(`${company}${lines}\n`, extra)
      expect(problems).toHaveLength(1)
      expect(problems[0]?.slice(0, told.length)).toBe(told)
      expect(await rowsIn('account')).toBe(0)
      expect(await rowsIn('audit_event')).toBe(0)
    })

  it('an account id without quotes', async () => {
    expect(await problemsOf('organization: A\naccounts:\n  - name: a\n    id: 111122223333\n')).toEqual([
      'signet.yaml:4:9 accounts.0.id: Write the 12 digits of the account id in quotes: "111122223333".',
    ])
  })

  it('things for an instance that nobody has claimed', async () => {
    expect(await problemsOf('users:\n  - name: a\n')).toEqual([
      'signet.yaml:1:1: Nobody has claimed this instance yet. Write organization: NAME and accounts:, or set this instance up in the browser first (signet setup-link).',
    ])
  })

  it('not a file of settings alone, whoever has claimed the instance', async () => {
    expect(await problemsOf('sts:\n  allowed_issuer_hosts: [idp.internal]\n')).toEqual([])
  })

  it('a policy written as YAML, at the line of the statement', async () => {
    const problems = await problemsOf(`${company}policies:
  - name: p
    document:
      Version: '2012-10-17'
      Statement:
        - Effect: Alow
          Action: s3:GetObject
          Resource: '*'
`)
    expect(problems).toHaveLength(1)
    expect(problems[0]).toMatch(/^signet\.yaml:10:19 policies\.0\.document \$\.Statement\[0\]\.Effect: /)
  })

  it('a policy written as JSON in a block, at its own line and column', async () => {
    const problems = await problemsOf(`${company}policies:
  - name: p
    document: |
      {
        "Version": "2012-10-17",
        "Statement": { "Effect": "Allow", "Acton": "s3:*", "Resource": "*" }
      }
`)
    expect(problems.length).toBeGreaterThan(0)
    for (const problem of problems) expect(problem).toMatch(/^signet\.yaml:10:\d+ policies\.0\.document /)
  })

  it('a policy in a file of its own, in that file', async () => {
    const problems = await problemsOf(`${company}policies:\n  - name: p\n    document: p.json\n`, {
      files: { '/x/p.json': '{\n  "Version": "2012-10-17",\n  "Statement": []\n}' },
    })
    expect(problems[0]).toMatch(/^p\.json:\d+:\d+ policies\.0\.document /)
  })

  it('all of them at once, the database’s own among them, and nothing is half applied', async () => {
    await applyText(acme, acmeExtra)
    const before = await rowsIn('audit_event')
    const problems = await problemsOf(
      `users:
  - name: dora
    mail: bob@acme.example
    mail_verified: true
  - name: erin
    groups: [nobodies]
  - name: frank
    mail: none
roles:
  - name: New
    policies: [Broken]
    trust: { Version: '2012-10-17', Statement: { Effect: Allow, Principal: { AWS: '${account}' }, Action: 'sts:AssumeRole' } }
policies:
  - name: Broken
    document: { Version: '2012-10-17' }
`,
    )
    expect(problems.map((line) => line.split(' ').slice(0, 2).join(' '))).toEqual([
      'signet.yaml:3:11 users.0.mail:',
      'signet.yaml:6:14 users.1.groups.0:',
      'signet.yaml:8:11 users.2.mail:',
      'signet.yaml:15:15 policies.0.document',
    ])
    expect(await findUserByName(database, account, 'erin')).toBeUndefined()
    expect(await findRole(database, account, 'New')).toBeUndefined()
    expect(await rowsIn('audit_event')).toBe(before)
  })
})

describe('two starts at once', () => {
  beforeEach(open)
  afterEach(close)

  it('make one of everything', async () => {
    const results = await Promise.all([applyText(acme, acmeExtra), applyText(acme, acmeExtra)])
    expect(results.map(({ counts }) => counts.created).toSorted((a, b) => a - b)).toEqual([0, 20])
    expect(results.map(({ counts }) => counts.unchanged).toSorted((a, b) => a - b)).toEqual([0, 20])
  })
})
