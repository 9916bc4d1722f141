/**
 * kill -9 in the middle of sign-ins and role sessions: what was acknowledged is still there, and the server starts
 * clean. The embedded database here; PostgreSQL when TEST_DATABASE_URL is set. Neither is a power cut.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { openVault } from '#crypto'
import { lockDirectory, migrate, openEmbedded, openPostgres, readMigrations } from '#database'
import { Secret } from '#kernel'
import { acme, seedAcme } from '../support/acme.ts'
import { Browser } from '../support/browser.ts'
import { testPostgres } from '../support/database.ts'
import { freePort, runSignet, type SignetRun, startSignet } from '../support/signet-process.ts'

const masterKey = 'a key for this test, thirty-two bytes or more'
const wanted = 200

let folder: string
let env: Record<string, string>
let url: string
let drop: () => Promise<void> = async () => {}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'signet-kill-'))
  const port = await freePort()
  url = `http://localhost:${port}`
  const { postgres } = inject('template')
  const made = postgres === null ? undefined : await testPostgres(postgres)
  if (made !== undefined) drop = made.drop
  const database =
    made === undefined ? undefined : await openPostgres(made.url, { poolSize: 2, pipelines: 1 })
  const migrations = await readMigrations(new URL('../../migrations', import.meta.url).pathname)
  if (database === undefined) {
    const free = lockDirectory(folder)
    const embedded = await openEmbedded({ dataDir: join(folder, 'embedded') })
    await migrate(embedded, migrations)
    await seedAcme(embedded, openVault(new Secret(masterKey)))
    await embedded.close()
    free()
  } else {
    await seedAcme(database, openVault(new Secret(masterKey)))
    await database.close()
  }
  env = {
    PORT: String(port),
    PUBLIC_URL: url,
    DATA_DIR: folder,
    SECRET_KEY: masterKey,
    SIGNET_PASSWORDS__MEMORY_KIB: '19456',
    SIGNET_PASSWORDS__PASSES: '2',
    ...(made === undefined ? {} : { DATABASE_URL: made.url.reveal() }),
  }
}, 120_000)

afterAll(async () => {
  await drop()
  rmSync(folder, { recursive: true, force: true })
})

async function start(): Promise<SignetRun> {
  const run = startSignet(['serve'], env)
  await run.says('"ready"')
  return run
}

/** What the server had acknowledged when it was killed. */
type Acknowledged = { readonly browsers: Browser[]; readonly accessKeyIds: string[] }

/** Signs in and takes role sessions from six places at once until the server is gone. */
async function work(acknowledged: Acknowledged, enough: () => void): Promise<void> {
  const sts = new STSClient({
    endpoint: url,
    region: 'us-east-1',
    maxAttempts: 1,
    credentials: { accessKeyId: acme.accessKeyId, secretAccessKey: acme.secretAccessKey },
  })
  const count = () => {
    if (acknowledged.browsers.length + acknowledged.accessKeyIds.length === wanted) enough()
  }
  const untilGone = async (one: () => Promise<void>) => {
    try {
      for (;;) await one()
    } catch {
      // The server is gone: what was not acknowledged is nobody's.
    }
  }
  const signIn = async () => {
    const browser = new Browser()
    const identify = await browser.open(`${url}/portal`)
    const password = await browser.submit(identify, { identifier: 'alice' })
    const done = await browser.submit(password, { password: acme.password })
    if (!browser.cookies.has('session')) throw new Error(`not signed in: ${done.title}`)
    acknowledged.browsers.push(browser)
    count()
  }
  const take = async () => {
    const { Credentials } = await sts.send(
      new AssumeRoleCommand({ RoleArn: acme.roleArn, RoleSessionName: 'killed' }),
    )
    acknowledged.accessKeyIds.push(Credentials?.AccessKeyId ?? '')
    count()
  }
  await Promise.all([signIn, signIn, take, take, take, take].map(untilGone))
}

it(`loses nothing of ${wanted} acknowledged sign-ins and role sessions, and starts clean`, async () => {
  const acknowledged: Acknowledged = { browsers: [], accessKeyIds: [] }
  const server = await start()
  // The launcher becomes the server (execve), so this is the server's own process.
  await work(acknowledged, () => server.child.kill('SIGKILL'))
  await server.ended
  expect(acknowledged.browsers.length).toBeGreaterThan(3)
  expect(acknowledged.accessKeyIds.length).toBeGreaterThan(3)
  expect(acknowledged.browsers.length + acknowledged.accessKeyIds.length).toBeGreaterThanOrEqual(wanted)

  const again = await start()
  expect(again.err()).toBe('')
  const { out } = await runSignet(['audit', '--json'], env)
  const missing = acknowledged.accessKeyIds.filter((id) => !out.includes(id))
  expect(missing).toEqual([])
  for (const browser of acknowledged.browsers)
    expect((await browser.open(`${url}/portal`)).title).toBe('Your apps · Signet')
  const sts = new STSClient({
    endpoint: url,
    region: 'us-east-1',
    credentials: { accessKeyId: acme.accessKeyId, secretAccessKey: acme.secretAccessKey },
  })
  expect((await sts.send(new GetCallerIdentityCommand({}))).Arn).toContain('user/alice')
  again.child.kill('SIGTERM')
  expect(await again.ended).toBe(0)
}, 180_000)
