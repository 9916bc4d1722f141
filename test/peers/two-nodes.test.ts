/**
 * Two nodes on one PostgreSQL: what one does, the other knows. Prints how long that took.
 */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import {
  CreateAccessKeyCommand,
  CreateUserCommand,
  DeleteAccessKeyCommand,
  GetUserCommand,
  IAMClient,
  PutUserPolicyCommand,
  UpdateAccessKeyCommand,
} from '@aws-sdk/client-iam'
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'

import { putApp } from '#apps'
import { openVault } from '#crypto'
import { type Database, migrate, openPostgres, readMigrations, sql } from '#database'
import { putInlinePolicy } from '#iam'
import { Secret, systemClock } from '#kernel'

import { startExample } from '../../clients/verify/example.ts'
import { acme, seedAcme } from '../support/acme.ts'
import { callApi } from '../support/api-call.ts'
import { federatedWorld, type FederatedWorld } from '../support/federated.ts'
import { home } from '../support/fixtures.ts'
import { freePort, type SignetRun, startSignet } from '../support/signet-process.ts'
import { startTokenIssuer, type TokenIssuer } from '../support/token-issuer.ts'
import { startPostgres } from './support/postgres.ts'

vi.setConfig({ testTimeout: 600_000, hookTimeout: 240_000 })

const masterKey = 'a key for this test, thirty-two bytes or more'
const tries = 200
type Credentials = { accessKeyId: string; secretAccessKey: string; sessionToken?: string }

let folder: string
let postgres: Awaited<ReturnType<typeof startPostgres>>
let database: Database
let outside: TokenIssuer
let federated: FederatedWorld
let nodes: { run: SignetRun; url: string }[]

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'signet-two-'))
  postgres = await startPostgres()
  database = await openPostgres(new Secret(postgres.url), { poolSize: 2, pipelines: 1 })
  await migrate(database, await readMigrations(new URL('../../migrations', import.meta.url).pathname))
  const alice = await seedAcme(database, openVault(new Secret(masterKey)))
  const all = { Effect: 'Allow', Action: '*', Resource: '*' }
  await putInlinePolicy(
    database,
    alice.userId,
    'all',
    JSON.stringify({ Version: '2012-10-17', Statement: [all] }),
  )
  await putApp(database, systemClock, {
    accountId: home,
    kind: 'oidc',
    name: 'Shop',
    servicePrefix: 'orders',
    signingKeys: true,
  })
  outside = await startTokenIssuer()
  federated = await federatedWorld(database, outside)
  // One public URL, as behind a proxy; each node is asked at its own port.
  const publicUrl = `http://localhost:${await freePort()}`
  nodes = await Promise.all(
    ['one', 'two'].map(async (name) => {
      const port = await freePort()
      const run = startSignet(['serve'], {
        PORT: String(port),
        PUBLIC_URL: publicUrl,
        DATA_DIR: join(folder, name),
        DATABASE_URL: postgres.url,
        SECRET_KEY: masterKey,
        SIGNET_STS__ALLOWED_ISSUER_HOSTS: JSON.stringify([outside.host]),
      })
      await run.says('"ready"')
      return { run, url: `http://localhost:${port}` }
    }),
  )
})
afterAll(async () => {
  for (const { run } of nodes) {
    run.child.kill('SIGTERM')
    await run.ended
  }
  await outside.close()
  await database.close()
  postgres.stop()
  rmSync(folder, { recursive: true, force: true })
})

const at = (node: number, credentials: Credentials = acme) => ({
  endpoint: nodes[node]?.url ?? '',
  region: 'us-east-1',
  credentials,
  maxAttempts: 1,
})
const who = (node: number, credentials: Credentials) =>
  new STSClient(at(node, credentials)).send(new GetCallerIdentityCommand({}))
const take = async (node: number, by: Credentials): Promise<Credentials> => {
  const { Credentials: given } = await new STSClient(at(node, by)).send(
    new AssumeRoleCommand({ RoleArn: acme.roleArn, RoleSessionName: 'two' }),
  )
  return {
    accessKeyId: given?.AccessKeyId ?? '',
    secretAccessKey: given?.SecretAccessKey ?? '',
    sessionToken: given?.SessionToken ?? '',
  }
}
const percentile = (values: readonly number[], part: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.ceil(values.length * part) - 1)] ?? 0
const report = (what: string, values: readonly number[]) =>
  process.stdout.write(
    `${what}: median ${percentile(values, 0.5).toFixed(0)} ms, p99 ${percentile(values, 0.99).toFixed(0)} ms, ` +
      `most ${Math.max(...values).toFixed(0)} ms of ${values.length} tries\n`,
  )

/** Switches a key off at one node; how long the other still takes it, and a session that was made with it. */
async function untilRefused(before: () => Promise<void> = async () => {}): Promise<number> {
  const iam = new IAMClient(at(0))
  const { AccessKey: made } = await iam.send(new CreateAccessKeyCommand({ UserName: 'robot' }))
  const key = { accessKeyId: made?.AccessKeyId ?? '', secretAccessKey: made?.SecretAccessKey ?? '' }
  // Made at one node, used at once at the other.
  const session = await take(1, key)
  await who(1, session)
  await before()
  await iam.send(
    new UpdateAccessKeyCommand({ UserName: 'robot', AccessKeyId: key.accessKeyId, Status: 'Inactive' }),
  )
  const done = performance.now()
  await Promise.all([refusedAs('ExpiredToken', session), refusedAs('InvalidClientTokenId', key)])
  const took = performance.now() - done
  await iam.send(new DeleteAccessKeyCommand({ UserName: 'robot', AccessKeyId: key.accessKeyId }))
  return took
}

/** Asks the second node until it refuses, which it must do with this very code. */
async function refusedAs(code: string, credentials: Parameters<typeof who>[1]): Promise<void> {
  for (;;) {
    const refused = await who(1, credentials).then(
      () => undefined,
      (thrown: Error) => thrown.name,
    )
    if (refused === code) return
    if (refused !== undefined) throw new Error(refused)
  }
}

it('what is made at one is known at the other at once', async () => {
  for (let index = 0; index < 20; index++) {
    const UserName = `made-${index}`
    await new IAMClient(at(0)).send(new CreateUserCommand({ UserName }))
    await new IAMClient(at(1)).send(new GetUserCommand({ UserName }))
    const { AccessKey: made } = await new IAMClient(at(1)).send(new CreateAccessKeyCommand({ UserName }))
    const key = { accessKeyId: made?.AccessKeyId ?? '', secretAccessKey: made?.SecretAccessKey ?? '' }
    expect((await who(0, key)).Arn).toBe(`arn:aws:iam::${home}:user/${UserName}`)
  }
})

it(`a key that is switched off at one ends with its sessions at the other within a second (p99 of ${tries})`, async () => {
  await new IAMClient(at(0)).send(new CreateUserCommand({ UserName: 'robot' }))
  await new IAMClient(at(0)).send(
    new PutUserPolicyCommand({
      UserName: 'robot',
      PolicyName: 'assume',
      PolicyDocument: JSON.stringify({
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', Resource: '*' }],
      }),
    }),
  )
  const took: number[] = []
  for (let index = 0; index < tries; index++) took.push(await untilRefused())
  report('with notifications', took)
  expect(percentile(took, 0.99)).toBeLessThanOrEqual(1_000)
})

it('a federated subject that is ended at one ends with its sessions at the other within a second, and nobody else', async () => {
  const url = (node: number): string => nodes[node]?.url ?? ''
  const other = await federated.byToken(url(1), 'repo:acme/other')
  const took: number[] = []
  for (let index = 0; index < 20; index++) {
    const subject = `repo:acme/app-${index}`
    // Opened at one node, taken further at the other.
    const session = await federated.byToken(url(index % 2), subject)
    const next = await take(1, session)
    await who(1, next)
    const told = await callApi({ url: url(0) }, acme, 'POST', '/revocations', {
      kind: 'federated',
      id: subject,
      provider: federated.oidcArn,
    })
    const done = performance.now()
    expect(told.status).toBe(200)
    await Promise.all([refusedAs('ExpiredToken', session), refusedAs('ExpiredToken', next)])
    took.push(performance.now() - done)
  }
  report('a federated subject', took)
  expect(Math.max(...took)).toBeLessThanOrEqual(1_000)
  expect((await who(1, other)).Arn).toContain('assumed-role/Pipeline/')
})

it('also when the connection for notifications is cut each time', async () => {
  const cut = async () => {
    await database.query(
      sql`select pg_terminate_backend(pid) from pg_stat_activity where query ilike 'listen %'`,
    )
  }
  const took: number[] = []
  for (let index = 0; index < 20; index++) took.push(await untilRefused(cut))
  report('with the connection cut', took)
  expect(Math.max(...took)).toBeLessThanOrEqual(5_000)
})

it('a service that verifies by itself takes curl as it is, and follows either node', async () => {
  const signet = await issuer()
  const realFetch = globalThis.fetch
  let turn = 0
  vi.stubGlobal('fetch', (url: string, init?: RequestInit) =>
    realFetch(url.replace(/^http:\/\/localhost:\d+\/access/, `${nodes[turn++ % 2]?.url ?? ''}/access`), init),
  )
  const service = await startExample({
    signet,
    service: 'orders',
    client: { id: acme.clientId, secret: acme.clientSecret },
  })
  try {
    const { stdout } = await promisify(execFile)('curl', [
      '-s',
      '--max-time',
      '20',
      '--aws-sigv4',
      'aws:amz:eu-central-1:orders',
      '--user',
      `${acme.accessKeyId}:${acme.secretAccessKey}`,
      '--data',
      'x=1',
      `${service.url}/o?q=1`,
    ])
    expect(JSON.parse(stdout)).toMatchObject({ hello: `arn:aws:iam::${home}:user/alice` })
  } finally {
    vi.unstubAllGlobals()
    await service.close()
  }
})

/** The public URL, as discovery tells it. */
async function issuer(): Promise<string> {
  const answer = await fetch(`${nodes[0]?.url ?? ''}/.well-known/authzen-configuration`)
  return ((await answer.json()) as { policy_decision_point: string }).policy_decision_point
}
