/**
 * A client's token (client_credentials, ES256 JWT) from Signet on PostgreSQL with every token in the audit log, against
 * the same request to a bare oidc-provider with its memory adapter. Both run in child processes of this run; rounds
 * alternate; medians, of the ratios too. Limit: at least 0.8 of the bare one.
 *
 * scripts/with-postgres.sh node bench/oidc.ts
 */
import { type ChildProcess, fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import autocannon from 'autocannon'
import { migrate, openPostgres, readMigrations, sql } from '#database'
import { Secret } from '#kernel'

const rounds = 15
const seconds = 1
const connections = 64
const limit = 0.8

const admin = process.env['TEST_DATABASE_URL']
if (admin === undefined) {
  console.error('Run it under scripts/with-postgres.sh: it needs TEST_DATABASE_URL.')
  process.exit(1)
}

type Contender = { readonly name: string; readonly child: ChildProcess; readonly port: number }
type Round = { readonly perSecond: number; readonly perCpuSecond: number }

async function contender(name: string, kind: string, databaseUrl = ''): Promise<Contender> {
  const child = fork(new URL('./oidc-server.ts', import.meta.url), [kind, databaseUrl], {
    execArgv: ['--disable-warning=ExperimentalWarning'],
  })
  const [{ port }] = (await once(child, 'message')) as [{ port: number }]
  return { name, child, port }
}

async function cpuSeconds({ child }: Contender): Promise<number> {
  child.send('cpu')
  const [{ cpuMicroseconds }] = (await once(child, 'message')) as [{ cpuMicroseconds: NodeJS.CpuUsage }]
  return (cpuMicroseconds.user + cpuMicroseconds.system) / 1e6
}

async function round(of: Contender, duration: number): Promise<Round> {
  const before = await cpuSeconds(of)
  const result = await autocannon({
    url: `http://127.0.0.1:${of.port}/${of.name === 'bare' ? 'token' : 'oauth2/token'}`,
    method: 'POST',
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      authorization: `Basic ${Buffer.from('bench:a-client-secret-that-is-random-and-long').toString('base64')}`,
    },
    body: 'grant_type=client_credentials',
    connections,
    duration,
  })
  if (result.non2xx > 0 || result.errors > 0)
    throw new Error(`${of.name}: ${result.non2xx} refused, ${result.errors} errors`)
  const cpu = (await cpuSeconds(of)) - before
  return { perSecond: result['2xx'] / result.duration, perCpuSecond: result['2xx'] / cpu }
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0

const name = `signet_bench_${randomBytes(6).toString('hex')}`
const url = new URL(admin)
url.pathname = `/${name}`
const postgres = await openPostgres(new Secret(admin), { poolSize: 1, pipelines: 1 })
await postgres.query({ chunks: [`create database ${name}`], values: [] })
const database = await openPostgres(new Secret(url.href), { poolSize: 1, pipelines: 1 })
await migrate(database, await readMigrations(new URL('../migrations', import.meta.url).pathname))

const contenders = [await contender('bare', 'bare'), await contender('signet', 'signet', url.href)]
const found = new Map<string, Round[]>(contenders.map((each) => [each.name, []]))
try {
  for (const each of contenders) await round(each, 2)
  for (let index = 0; index < rounds; index++)
    for (const each of contenders) found.get(each.name)?.push(await round(each, seconds))

  const of = (who: string, what: keyof Round) => median((found.get(who) ?? []).map((each) => each[what]))
  const events = await database.query<{ count: number }>(sql`select count(*) as count from audit_event`)
  console.log(
    `client_credentials, ES256 JWT, ${connections} connections, ${rounds} rounds of ${seconds} s, medians`,
  )
  for (const { name: who } of contenders)
    console.log(
      `${who.padEnd(8)} ${of(who, 'perSecond').toFixed(0).padStart(6)}/s ${of(who, 'perCpuSecond').toFixed(0).padStart(6)}/CPU-s`,
    )
  // Of each pair of neighbouring rounds: what else the machine does meanwhile meets both.
  const ratio = (what: keyof Round) =>
    median(
      (found.get('signet') ?? []).map(
        (each, index) => each[what] / (found.get('bare')?.[index]?.[what] ?? NaN),
      ),
    )
  console.log(`events written: ${events.rows[0]?.count}`)
  console.log(`ratio by CPU  ${ratio('perCpuSecond').toFixed(2)} (limit ${limit})`)
  console.log(`ratio by wall ${ratio('perSecond').toFixed(2)}`)
  if (ratio('perCpuSecond') < limit) process.exitCode = 1
} finally {
  for (const { child } of contenders) child.disconnect()
  await database.close()
  await postgres.query({ chunks: [`drop database ${name} with (force)`], values: [] })
  await postgres.close()
}
