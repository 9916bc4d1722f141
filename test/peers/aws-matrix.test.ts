/**
 * Every AWS client of this machine × every way it gets credentials by itself, each cell a test, each client unmodified: it
 * is told the address of Signet (one variable, or for clients from before it the models that `signet aws-models` writes)
 * and nothing else. Prints the matrix; a client that is not installed is listed as missing.
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'

import { createRole, putInlinePolicy, putOidcProvider } from '#iam'
import { systemClock } from '#kernel'

import { acme, seedAcme } from '../support/acme.ts'
import { allow } from '../support/federated.ts'
import { home as account } from '../support/fixtures.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { startTokenIssuer, type TokenIssuer } from '../support/token-issuer.ts'
import { awsEnvironment, installedClis, overrideModels, type Ran, run } from './support/aws.ts'
import { describeWith } from './support/peer.ts'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

let server: TestServer
let issuer: TokenIssuer
let folder: string

const role = (name: string) => `arn:aws:iam::${account}:role/${name}`
const session = (name: string, as: RegExp | string = '.+') =>
  new RegExp(`^arn:aws:sts::${account}:assumed-role/${name}/${typeof as === 'string' ? as : as.source}$`)
const trusting = (Principal: object, Action: string, Condition: object = {}) =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal, Action, Condition }],
  })

/** A program that says who it is. */
type Client = {
  readonly name: string
  readonly knowsEndpointVariable: boolean
  readonly whoAmI: (env: Readonly<Record<string, string>>) => Promise<Ran>
}
const python = (path: string) => (env: Readonly<Record<string, string>>) =>
  run(path, ['-c', 'import boto3; print(boto3.client("sts").get_caller_identity()["Arn"])'], env)
const javascript = `
  import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
  console.log((await new STSClient({}).send(new GetCallerIdentityCommand({}))).Arn)`
const clis = installedClis()
const clients: readonly Client[] = [
  ...clis.map(({ path, version, knowsEndpointVariable }): Client => ({
    name: `aws ${version}`,
    knowsEndpointVariable,
    whoAmI: (env) => run(path, ['sts', 'get-caller-identity', '--query', 'Arn', '--output', 'text'], env),
  })),
  { name: 'boto3 of Debian', knowsEndpointVariable: false, whoAmI: python('/usr/bin/python3') },
  { name: 'boto3 of the path', knowsEndpointVariable: true, whoAmI: python('python3') },
  {
    name: 'JavaScript SDK 3',
    knowsEndpointVariable: true,
    whoAmI: (env) => run(process.execPath, ['--input-type=module', '-e', javascript], env),
  },
]
const missing = [
  ...(clis.some(({ version }) => /^2\.(?:[3-9]\d)\./.test(version)) ? [] : ['aws 2.32 or newer']),
  ...(clis.some(({ version }) => version.startsWith('2.9.')) ? [] : ['aws 2.9 of Debian']),
  ...(clis.some(({ version }) => version.startsWith('1.')) ? [] : ['aws 1']),
]

const keys = { AWS_ACCESS_KEY_ID: acme.accessKeyId, AWS_SECRET_ACCESS_KEY: acme.secretAccessKey }
const alice = new RegExp(`^arn:aws:iam::${account}:user/alice$`)
const profile = (name: string) => ({ AWS_PROFILE: name })

/** What each way needs in the environment, and who comes out. */
const flows: readonly (readonly [
  flow: string,
  env: () => Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>,
  expected: RegExp,
])[] = [
  ['keys in the environment', () => keys, alice],
  ['keys in a profile', () => profile('alice'), alice],
  [
    'a session in the environment',
    async () => {
      const { Credentials: given } = await new STSClient({
        endpoint: server.url,
        region: 'us-east-1',
        credentials: acme,
      }).send(new AssumeRoleCommand({ RoleArn: acme.roleArn, RoleSessionName: 'given' }))
      return {
        AWS_ACCESS_KEY_ID: given?.AccessKeyId ?? '',
        AWS_SECRET_ACCESS_KEY: given?.SecretAccessKey ?? '',
        AWS_SESSION_TOKEN: given?.SessionToken ?? '',
      }
    },
    session('OrdersReader', 'given'),
  ],
  ['role_arn and source_profile', () => profile('reader'), session('OrdersReader', 'by-profile')],
  ['role_arn over another role', () => profile('second'), session('Second')],
  ['role_arn with external_id', () => profile('agreed'), session('Agreed')],
  [
    'a token file in the environment',
    () => ({
      AWS_ROLE_ARN: role('Web'),
      AWS_WEB_IDENTITY_TOKEN_FILE: join(folder, 'token'),
      AWS_ROLE_SESSION_NAME: 'pod',
    }),
    session('Web', 'pod'),
  ],
  ['a token file in a profile', () => profile('web'), session('Web')],
  ['credential_process', () => profile('process'), session('OrdersReader', 'by-process')],
]
/** Shown in full where the agent and the browser stand beside. */
const elsewhere = {
  'container endpoint, instance metadata': 'aws-logins.test.ts, test/agent/agent.test.ts',
  'aws sso login, cached SSO token': 'aws-logins.test.ts, test/aws-sso/aws-sso.test.ts',
  'aws login': 'test/aws-login/aws-login.test.ts (JavaScript SDK; a client of our own)',
  SigV4A: 'aws-sigv4a.test.ts (boto3 of Debian), test/sts/sigv4a.test.ts (JavaScript SDK)',
  'Terraform, provider 5.100': 'terraform.test.ts',
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'signet-matrix-'))
  issuer = await startTokenIssuer()
  server = await startServer({ env: { SIGNET_STS__ALLOWED_ISSUER_HOSTS: JSON.stringify([issuer.host]) } })
  const { database } = server
  const user = await seedAcme(database)
  await putInlinePolicy(database, user.userId, 'agreed', allow('sts:AssumeRole'))
  const provider = await putOidcProvider(database, systemClock, {
    accountId: account,
    url: issuer.url,
    clientIds: ['sts'],
  })
  const reader = await database.transaction(async (tx) => {
    for (const [name, trustDocument] of [
      ['Second', trusting({ AWS: acme.roleArn }, 'sts:AssumeRole')],
      [
        'Agreed',
        trusting({ AWS: account }, 'sts:AssumeRole', { StringEquals: { 'sts:ExternalId': 'a-secret-42' } }),
      ],
      [
        'Web',
        trusting({ Federated: provider }, 'sts:AssumeRoleWithWebIdentity', {
          StringEquals: { [`${issuer.url.slice('http://'.length)}:sub`]: 'repo:acme/app' },
        }),
      ],
    ] as const)
      await createRole(tx, systemClock, { accountId: account, name, trustDocument })
    return new STSClient({ endpoint: server.url, region: 'us-east-1', credentials: acme })
  })
  // With the newline that a file has.
  writeFileSync(join(folder, 'token'), `${await issuer.mint({ sub: 'repo:acme/app', aud: 'sts' }, 3_600)}\n`)
  const { Credentials: given } = await reader.send(
    new AssumeRoleCommand({ RoleArn: acme.roleArn, RoleSessionName: 'by-process' }),
  )
  const program = join(folder, 'credentials')
  const printed = {
    Version: 1,
    AccessKeyId: given?.AccessKeyId,
    SecretAccessKey: given?.SecretAccessKey,
    SessionToken: given?.SessionToken,
    Expiration: given?.Expiration?.toISOString(),
  }
  writeFileSync(program, `#!/bin/sh\ncat <<'END'\n${JSON.stringify(printed)}\nEND\n`)
  chmodSync(program, 0o700)
  mkdirSync(join(folder, '.aws'))
  writeFileSync(
    join(folder, '.aws/credentials'),
    `[alice]\naws_access_key_id = ${acme.accessKeyId}\naws_secret_access_key = ${acme.secretAccessKey}\n`,
  )
  const sections: Record<string, readonly string[]> = {
    alice: [],
    reader: [`role_arn = ${acme.roleArn}`, 'source_profile = alice', 'role_session_name = by-profile'],
    second: [`role_arn = ${role('Second')}`, 'source_profile = reader'],
    agreed: [`role_arn = ${role('Agreed')}`, 'source_profile = alice', 'external_id = a-secret-42'],
    web: [`role_arn = ${role('Web')}`, `web_identity_token_file = ${join(folder, 'token')}`],
    process: [`credential_process = ${program}`],
  }
  writeFileSync(
    join(folder, '.aws/config'),
    Object.entries(sections)
      .map(([name, lines]) => [`[profile ${name}]`, 'region = us-east-1', ...lines, ''].join('\n'))
      .join('\n'),
  )
  // For clients from before the variable; the others have theirs below.
  await overrideModels(folder, server.url)
})

const results = new Map<string, 'ok' | 'FAILED'>()
const cell = (client: string, flow: string): string => `${client} × ${flow}`

afterAll(async () => {
  expect(server.complaints).toEqual([])
  await server.close()
  await issuer.close()
  rmSync(folder, { recursive: true, force: true })
  const width = Math.max(...flows.map(([flow]) => flow.length))
  const lines = [
    `${''.padEnd(width)} | ${clients.map(({ name }) => name).join(' | ')}`,
    ...flows.map(
      ([flow]) =>
        `${flow.padEnd(width)} | ${clients
          .map(({ name }) => (results.get(cell(name, flow)) ?? 'not run').padEnd(name.length))
          .join(' | ')}`,
    ),
    `${[...results.values()].filter((each) => each === 'ok').length} of ${clients.length * flows.length} cells; missing here: ${missing.join(', ') || 'no client'}`,
    ...Object.entries(elsewhere).map(([flow, where]) => `${flow}: ${where}`),
  ]
  process.stdout.write(`\n${lines.join('\n')}\n`)
})

describeWith('awscli', 'python3-boto3')('AWS clients × ways to get credentials', () => {
  const cells = clients.flatMap((client) => flows.map(([flow, env, who]) => ({ client, flow, env, who })))
  it.each(cells.map((each) => [each.client.name, each.flow, each] as const))(
    '%s × %s',
    async (name, flow, { client, env, who }) => {
      results.set(cell(name, flow), 'FAILED')
      const { out, err } = await client.whoAmI({
        ...awsEnvironment(folder),
        AWS_REGION: 'us-east-1',
        ...(client.knowsEndpointVariable ? { AWS_ENDPOINT_URL: server.url } : {}),
        ...(await env()),
      })
      expect(out.trim(), err).toMatch(who)
      results.set(cell(name, flow), 'ok')
    },
  )
})
