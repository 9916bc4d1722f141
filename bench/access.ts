/**
 * The decision point over HTTP, one process on PostgreSQL with every decision in the audit log: single AuthZEN evaluations
 * and batches of a thousand, against a Koa route that parses the same JSON and answers a constant of the same size. Both run
 * in child processes of this run; rounds of a number of requests alternate, after a warm-up of two; medians, by the clock and
 * by the server's own CPU time. One more round, which is not measured, tells whose code the server's time goes into: what stands
 * between these figures and the wanted ones.
 *
 * Then two more processes on one database: how long after its commit a policy change is in force on the other one.
 *
 * scripts/with-postgres.sh node bench/access.ts
 */
import { type ChildProcess, fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import plainAutocannon from 'autocannon'
import { createAudit } from '#audit'
import { createPasswordHasher, openVault } from '#crypto'
import { migrate, openPostgres, readMigrations, sql } from '#database'
import { apply } from '#declare'
import { findUserByName } from '#directory'
import { putInlinePolicy, readBuiltInPolicies } from '#iam'
import { Secret, systemClock as clock } from '#kernel'
import type { Shares } from './profile.ts'

/** What of autocannon is used here beside bench/modules.d.ts: several bodies, and a number of requests instead of a time. */
const autocannon = plainAutocannon as unknown as (options: {
  readonly url: string
  readonly connections: number
  readonly amount: number
  readonly requests: readonly {
    readonly method: 'POST'
    readonly path: string
    readonly headers: Readonly<Record<string, string>>
    readonly body: string
  }[]
}) => Promise<{
  readonly '2xx': number
  readonly non2xx: number
  readonly errors: number
  /** Seconds. */
  readonly duration: number
  /** Milliseconds. */
  readonly latency: { readonly p99: number }
}>

const root = join(import.meta.dirname, '..')
const rounds = 5
const connections = 64
const batchSize = 1_000
const wanted = { single: 8_000, batch: 200_000, freshMilliseconds: 100 }

const admin = process.env['TEST_DATABASE_URL']
if (admin === undefined) {
  console.error('Run it under scripts/with-postgres.sh: it needs TEST_DATABASE_URL.')
  process.exit(1)
}
const name = `signet_bench_${randomBytes(6).toString('hex')}`
const url = new URL(admin)
url.pathname = `/${name}`
const postgres = await openPostgres(new Secret(admin), { poolSize: 1, pipelines: 1 })
await postgres.query({ chunks: [`create database ${name}`], values: [] })
const database = await openPostgres(new Secret(url.href), { poolSize: 2, pipelines: 1 })
await migrate(database, await readMigrations(join(root, 'migrations')))

// ── a company: 100 people in two of ten groups, each group with a policy of twenty statements ──
const account = '111122223333'
const secret = 'a-client-secret-that-is-random-and-long'
const verbs = ['Get', 'List', 'Refund', 'Close', 'Export', 'Archive', 'Reopen', 'Split', 'Merge', 'Print']
const declaration = {
  organization: 'Bench',
  accounts: [{ name: 'bench', id: account }],
  policies: Array.from({ length: 10 }, (_, group) => ({
    name: `Policy${group}`,
    document: {
      Version: '2012-10-17',
      Statement: Array.from({ length: 20 }, (__, index) => ({
        Sid: `S${index}`,
        Effect: index % 10 === 9 ? 'Deny' : 'Allow',
        Action: `orders:${verbs[(index + group) % 10]}`,
        Resource: `arn:aws:orders::${account}:order/${index % 10 === 9 ? 'sealed' : 'eu'}-${index % 7}/*`,
        ...(index % 4 === 0 ? { Condition: { StringEquals: { 'orders:resource/owner': 'team' } } } : {}),
      })),
    },
  })),
  groups: Array.from({ length: 10 }, (_, index) => ({ name: `group${index}`, policies: [`Policy${index}`] })),
  users: Array.from({ length: 100 }, (_, index) => ({
    name: `user${index}`,
    groups: [`group${index % 10}`, `group${(index + 3) % 10}`],
  })),
  apps: [
    {
      name: 'Orders',
      service_prefix: 'orders',
      oidc: { client_id: 'orders', secret: '${BENCH_SECRET}', grants: ['client_credentials'] },
    },
  ],
}
await apply(
  {
    database,
    vault: openVault(new Secret('a key for benchmarks, thirty-two bytes or more')),
    clock,
    audit: createAudit({ database, clock }),
    builtInPolicies: readBuiltInPolicies(join(root, 'config/policies')),
    hasher: await createPasswordHasher(
      { clock },
      { memoryKib: 64, passes: 1, slots: 1, queue: 10, waitMilliseconds: 1_000 },
    ),
  },
  {
    text: JSON.stringify(declaration),
    fileName: 'bench.yaml',
    env: (key) => (key === 'BENCH_SECRET' ? secret : undefined),
    readFile: () => '',
  },
)

const question = (index: number) => ({
  subject: { type: 'user', id: `user${index % 100}` },
  action: { name: verbs[index % 10] ?? '' },
  resource: {
    type: 'order',
    id: `${index % 9 === 8 ? 'sealed' : 'eu'}-${index % 7}/${index}`,
    properties: { owner: index % 2 === 0 ? 'team' : 'other' },
  },
})
const authorization = `Basic ${Buffer.from(`orders:${secret}`).toString('base64')}`
const singles = Array.from({ length: 500 }, (_, index) => JSON.stringify(question(index)))
const batches = Array.from({ length: 8 }, (_, batch) =>
  JSON.stringify({
    subject: question(batch).subject,
    evaluations: Array.from({ length: batchSize }, (__, index) => {
      const { action, resource } = question(batch * batchSize + index)
      return { action, resource }
    }),
  }),
)

type Server = { readonly child: ChildProcess; readonly port: number }
async function start(kind: string, answer = ''): Promise<Server> {
  const child = fork(new URL('./access-server.ts', import.meta.url), [kind, url.href], {
    execArgv: [
      '--disable-warning=ExperimentalWarning',
      ...(process.env['PROFILE'] === kind ? ['--cpu-prof'] : []),
    ],
  })
  const [{ port }] = (await once(child, 'message')) as [{ port: number }]
  if (answer !== '') child.send({ answer })
  return { child, port }
}
async function cpuSeconds({ child }: Server): Promise<number> {
  child.send({})
  const [{ cpuMicroseconds }] = (await once(child, 'message')) as [{ cpuMicroseconds: NodeJS.CpuUsage }]
  return (cpuMicroseconds.user + cpuMicroseconds.system) / 1e6
}

type Measured = { readonly perSecond: number; readonly perCpuSecond: number; readonly p99: number }
async function round(
  server: Server,
  path: string,
  bodies: readonly string[],
  amount: number,
): Promise<Measured> {
  const before = await cpuSeconds(server)
  const result = await autocannon({
    url: `http://127.0.0.1:${server.port}`,
    connections: bodies === batches ? 8 : connections,
    amount,
    requests: bodies.map((body) => ({
      method: 'POST',
      path,
      body,
      headers: { 'content-type': 'application/json', authorization },
    })),
  })
  if (result.non2xx > 0 || result.errors > 0)
    throw new Error(`${path}: ${result.non2xx} refused, ${result.errors} errors`)
  const cpu = (await cpuSeconds(server)) - before
  return {
    perSecond: result['2xx'] / result.duration,
    perCpuSecond: result['2xx'] / cpu,
    p99: result.latency.p99,
  }
}
/** Whose code the server's time goes into, in a round of its own. */
async function breakdown(
  server: Server,
  path: string,
  bodies: readonly string[],
  amount: number,
): Promise<void> {
  server.child.send({ profile: 'start' })
  await once(server.child, 'message')
  await round(server, path, bodies, amount)
  server.child.send({ profile: 'stop' })
  const [{ shares }] = (await once(server.child, 'message')) as [{ shares: Shares }]
  for (const [whose, share] of shares)
    if (share >= 0.005) console.log(`  ${whose.padEnd(36)} ${(share * 100).toFixed(1).padStart(5)} %`)
}

const post = async (port: number, path: string, body: string): Promise<string> => {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization },
    body,
  })
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`)
  return answer.text()
}
const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0

const servers: Server[] = []
try {
  const signet = await start('signet')
  servers.push(signet)
  for (const [title, path, bodies, per, limit, amount] of [
    ['single', '/access/v1/evaluation', singles, 1, wanted.single, 4_000],
    ['batch of 1,000', '/access/v1/evaluations', batches, batchSize, wanted.batch, 100],
  ] as const) {
    const answer = await post(signet.port, path, bodies[0] ?? '')
    if (per > 1) {
      // The same decisions as one by one, before anything is timed.
      const items = (JSON.parse(answer) as { evaluations: { decision: boolean }[] }).evaluations
      const { subject } = question(0)
      const alone = await Promise.all(
        Array.from({ length: 50 }, async (_, index) => {
          const text = await post(
            signet.port,
            '/access/v1/evaluation',
            JSON.stringify({ ...question(index), subject }),
          )
          return (JSON.parse(text) as { decision: boolean }).decision
        }),
      )
      if (alone.some((decision, index) => decision !== items[index]?.decision))
        throw new Error('a batch decides otherwise than single questions')
    }
    const bare = await start('bare', answer)
    const found: Record<'signet' | 'bare', Measured[]> = { signet: [], bare: [] }
    for (const server of [signet, bare]) await round(server, path, bodies, amount * 2)
    for (let index = 0; index < rounds; index++) {
      found.bare.push(await round(bare, path, bodies, amount))
      found.signet.push(await round(signet, path, bodies, amount))
    }
    bare.child.disconnect()
    const of = (who: 'signet' | 'bare', what: keyof Measured) => median(found[who].map((each) => each[what]))
    for (const who of ['bare', 'signet'] as const)
      console.log(
        `${title.padEnd(15)} ${who.padEnd(7)} ${(of(who, 'perSecond') * per).toFixed(0).padStart(8)} decisions/s ` +
          `${(of(who, 'perCpuSecond') * per).toFixed(0).padStart(8)} per CPU-s of the server, p99 ${of(who, 'p99')} ms`,
      )
    console.log(
      `${title.padEnd(15)} ratio   ${(of('signet', 'perCpuSecond') / of('bare', 'perCpuSecond')).toFixed(2)} by CPU; wanted ${limit} decisions/s`,
    )
    await breakdown(signet, path, bodies, amount)
  }

  // ── a policy change, from its commit to the first decision of the other process that follows it ──
  const other = await start('signet')
  servers.push(other)
  const user = await findUserByName(database, account, 'user7')
  const asked = JSON.stringify({
    subject: { type: 'user', id: 'user7' },
    action: { name: 'Dig' },
    resource: { type: 'garden', id: '1' },
  })
  const times: number[] = []
  for (let change = 0; change < 100; change++) {
    const effect = change % 2 === 0 ? 'Allow' : 'Deny'
    await database.transaction((tx) =>
      putInlinePolicy(
        tx,
        user?.userId ?? '',
        'dig',
        `{"Version":"2012-10-17","Statement":[{"Effect":"${effect}","Action":"orders:Dig","Resource":"*"}]}`,
      ),
    )
    const committed = performance.now()
    for (;;) {
      const begun = performance.now()
      const { decision } = JSON.parse(await post(other.port, '/access/v1/evaluation', asked)) as {
        decision: boolean
      }
      if (decision === (effect === 'Allow')) {
        times.push(begun - committed)
        break
      }
    }
  }
  const sorted = times.toSorted((a, b) => a - b)
  console.log(
    `policy change   in force elsewhere after p50 ${sorted[50]?.toFixed(1)} ms, p99 ${sorted[98]?.toFixed(1)} ms (wanted ${wanted.freshMilliseconds})`,
  )
  const events = await database.query<{ count: number }>(sql`select count(*) as count from audit_event`)
  console.log(`events written: ${events.rows[0]?.count}`)
} finally {
  for (const { child } of servers) child.disconnect()
  await Promise.all(servers.map(({ child }) => once(child, 'exit')))
  await database.close()
  await postgres.query({ chunks: [`drop database ${name} with (force)`], values: [] })
  await postgres.close()
}
