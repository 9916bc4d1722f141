/**
 * What verifying and issuing cost: `scripts/with-postgres.sh node bench/aws-verify.ts`.
 *
 * 1. In process: SigV4, session token and principal of one request: of a session never seen (limit 60 µs), and of one that
 *    was (limit 12 µs); each request is a new one. Processor time, medians of rounds.
 * 2. Over HTTP, one process on PostgreSQL with audit: GetCallerIdentity against a Koa route that only hashes the body, by
 *    the processor time of either server (limit 0.6), AssumeRole and AssumeRoleWithWebIdentity (limit 1,500/s; p99 of 20 ms
 *    at half of that load).
 *
 * Rounds alternate; the load is made in a process of its own (bench/load.ts), on the same cores. Limits in time are judged in
 * the rounds in which the machine was calm (bench/calm.ts); the median of all is printed beside it.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { openVault } from '#crypto'
import { type Database, migrate, openPostgres, readMigrations, sql } from '#database'
import { createAccessKey, createUser } from '#directory'
import { createOrganization, createRole, openMemory, putInlinePolicy, putOidcProvider } from '#iam'
import { Secret, systemClock } from '#kernel'
import { openKeys } from '#keys'
import { openEpochs } from '#sessions'
import {
  dayKeyCache,
  type HeaderPairs,
  signHeaders,
  type SignableRequest,
  type SigningCredentials,
} from '#sigv4'
import { authenticate, openSts, sessionTokens, type StsNeeds } from '#sts'
import { exportJWK, SignJWT } from 'jose'
import { judge, median, pace, type Round, watchHost } from './calm.ts'
import { cpuSecondsOf, endGenerator, generate } from './load.ts'

const account = '111122223333'
const admin = process.env['TEST_DATABASE_URL']
if (admin === undefined) {
  console.error('Run it under scripts/with-postgres.sh: it needs TEST_DATABASE_URL.')
  process.exit(1)
}
const masterKey = randomBytes(32).toString('base64')
const vault = openVault(new Secret(masterKey))
const folder = mkdtempSync(join(tmpdir(), 'signet-bench-'))
const databaseUrl = new URL(admin)
databaseUrl.pathname = `/signet_bench_${randomBytes(4).toString('hex')}`
const root = await openPostgres(new Secret(admin), { poolSize: 1, pipelines: 1 })
await root.query({ chunks: [`create database ${databaseUrl.pathname.slice(1)}`], values: [] })
const database: Database = await openPostgres(new Secret(databaseUrl.href), { poolSize: 2, pipelines: 1 })
await migrate(database, await readMigrations(new URL('../migrations', import.meta.url).pathname))

// ── who there is ──
const issuerKey = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const jwks = { keys: [{ ...(await exportJWK(issuerKey.publicKey)), kid: 'k', alg: 'ES256', use: 'sig' }] }
const issuerServer = createServer((request, response) => {
  const host = `http://${request.headers.host}`
  const isKeys = request.url === '/keys'
  response.end(JSON.stringify(isKeys ? jwks : { issuer: host, jwks_uri: `${host}/keys` }))
}).listen(0, '127.0.0.1')
await new Promise((resolve) => issuerServer.once('listening', resolve))
const issuer = `http://127.0.0.1:${(issuerServer.address() as AddressInfo).port}`
await database.query(
  sql`insert into account (account_id, name, created_at) values (${account}, ${'Bench'}, ${systemClock()})`,
)
await createOrganization(database, systemClock, { name: 'Bench', homeAccountId: account })
const user = await createUser(database, systemClock, { accountId: account, name: 'bench' })
const allow = (...statements: object[]) => JSON.stringify({ Version: '2012-10-17', Statement: statements })
await putInlinePolicy(
  database,
  user.userId,
  'assume',
  allow({ Effect: 'Allow', Action: 'sts:AssumeRole', Resource: '*' }),
)
const made = await createAccessKey(
  database,
  { vault, clock: systemClock },
  { accountId: account, userId: user.userId },
)
const longTerm = { accessKeyId: made.accessKeyId, secretAccessKey: made.secret.reveal() }
const providerArn = await putOidcProvider(database, systemClock, {
  accountId: account,
  url: issuer,
  clientIds: ['sts'],
})
const role = await createRole(database, systemClock, {
  accountId: account,
  name: 'Bench',
  trustDocument: allow(
    { Effect: 'Allow', Principal: { AWS: account }, Action: 'sts:AssumeRole' },
    { Effect: 'Allow', Principal: { Federated: providerArn }, Action: 'sts:AssumeRoleWithWebIdentity' },
  ),
})

// ── 1. in process ──
const publicUrl = new URL('http://localhost:4000/')
const [keys, epochs, memory] = await Promise.all([
  openKeys({ database, vault, clock: systemClock, publicUrl }),
  openEpochs({ database }),
  openMemory({ database }),
])
const sts = openSts({
  database,
  memory,
  builtInPolicies: new Map(),
  vault,
  clock: systemClock,
  audit: { record: async () => {}, recordSoon: async () => {}, note: () => undefined, flush: async () => {} },
  epochs,
  keys,
  publicUrl,
  issuer: 'http://localhost:4000',
  samlEntityId: 'http://localhost:4000/saml/metadata',
  verifyMfa: async () => ({ at: systemClock() }),
  settings: { allowed_issuer_hosts: [], verifiable_sessions: 'never' },
  log: { warn: console.warn },
})
const plain = sessionTokens({ derive: vault.derive, random: randomBytes, clock: systemClock })
const body = Buffer.from('Action=GetCallerIdentity&Version=2011-06-15')

/** A session of its own. */
function session(): SigningCredentials {
  const issuedAt = systemClock().round({ smallestUnit: 'second', roundingMode: 'floor' })
  const minted = plain.mint({
    accountId: account,
    principal: { kind: 'role', roleId: role.roleId, roleName: role.name, sessionName: 'bench' },
    issuedAt,
    expiresAt: issuedAt.add({ hours: 1 }),
    epochs: [
      ['account', account, 0],
      ['role', role.roleId, 0],
      ['user', user.userId, 0],
    ],
    tags: [{ key: 'team', value: 'payments' }],
    transitiveTagKeys: [],
    sessionPolicyArns: [],
    federatedContext: [],
    chainDepth: 0,
  })
  return { ...minted, secretAccessKey: minted.secretAccessKey.reveal() }
}

let requests = 0
/** A request that was never signed before. */
function request(credentials = session()): SignableRequest {
  const unsigned: SignableRequest = {
    method: 'POST',
    rawUrl: '/',
    headers: [
      ['host', 'localhost:4000'],
      ['content-type', 'application/x-www-form-urlencoded'],
      ['amz-sdk-invocation-id', String(requests++)],
    ],
    body,
  }
  const scope = { at: systemClock(), region: 'us-east-1', service: 'sts' }
  return { ...unsigned, headers: signHeaders(unsigned, credentials, scope) }
}

const perRound = 2_000
/** Empties the young generation: what is alive grows old at the second time. Needs `--expose-gc`. */
const collect = (): void => {
  globalThis.gc?.({ type: 'minor' })
}
/** Each round begins with nothing to collect and ends when its own garbage is collected. */
async function microseconds(needs: () => StsNeeds, requests: readonly SignableRequest[]): Promise<number> {
  const own = needs()
  collect()
  collect()
  const before = process.cpuUsage()
  for (let index = 0; index < perRound; index++) {
    const next = requests[index % requests.length]
    if (next !== undefined) await authenticate(own, next, { services: ['sts'] })
  }
  collect()
  const { user: inUser, system } = process.cpuUsage(before)
  return (inUser + system) / perRound
}
const known = session()
const [cold, warm]: [Round[], Round[]] = [[], []]
/** The best pace until now: a calm round has at most a quarter more, before and after. */
let best = Infinity
const calmRounds = (rounds: readonly Round[]): number =>
  rounds.filter(({ disturbed }) => disturbed <= best * slowest).length
const slowest = 1.25
const [fewest, wanted, mostRounds] = [5, 11, 80]
/** Until the code is compiled as in a server that has run for a while. */
const unjudged = 12
for (let round = -unjudged; round < mostRounds; round++) {
  if (round >= wanted && calmRounds(cold) >= wanted && calmRounds(warm) >= wanted) break
  const fresh = Array.from({ length: perRound }, () => request())
  const more = Array.from({ length: perRound }, () => request(known))
  // The loop turns, as in a server: without it the process would hear of no revocation, and refuse after five seconds.
  await sleep(50)
  const paces = [pace()]
  const a = await microseconds(() => ({ ...sts, tokens: plain, dayKeys: dayKeyCache() }), fresh)
  paces.push(pace())
  const b = await microseconds(() => sts, more)
  paces.push(pace())
  best = Math.min(best, ...paces)
  if (round < 0) continue
  cold.push({ figure: a, disturbed: Math.max(...paces.slice(0, 2)) })
  warm.push({ figure: b, disturbed: Math.max(...paces.slice(1)) })
}
let missed = 0
function verdict(what: string, figure: string, kept: boolean): void {
  if (!kept) missed++
  console.log(`${what.padEnd(58)}${figure}  ${kept ? 'kept' : 'MISSED'}`)
}
for (const [what, rounds, limit] of [
  ['verify, a token never seen', cold, 60],
  ['verify, a token seen before', warm, 12],
] as const) {
  const { judged, calm, all } = judge(rounds, { most: best * slowest, fewest })
  const beside = `in ${calm} calm rounds of ${rounds.length}; ${all.toFixed(1)} in all`
  verdict(what, `${judged.toFixed(1)} µs (${beside}), limit ${limit}`, judged <= limit)
}
await Promise.all([epochs.close(), memory.close()])

// ── 2. over HTTP ──
const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo
      probe.close(() => resolve(port))
    })
  })
const children: ChildProcess[] = []
type Server = { readonly port: number; readonly pid: number }
async function start(args: readonly string[], env: Record<string, string>, probe: string): Promise<Server> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...args], {
    cwd: new URL('..', import.meta.url).pathname,
    env: { ...process.env, ...env },
    stdio: 'ignore',
  })
  children.push(child)
  const end = performance.now() + 60_000
  while (performance.now() < end) {
    if ((await fetch(probe).catch(() => undefined)) !== undefined)
      return { port: Number(new URL(probe).port), pid: child.pid ?? 0 }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`${probe} does not answer`)
}
const [port, barePort] = [await freePort(), await freePort()]
const ours = await start(
  [...(process.env['SERVER_ARGS']?.split(' ') ?? []), 'src/main.ts', 'serve'],
  {
    PORT: String(port),
    PUBLIC_URL: `http://localhost:${port}`,
    DATA_DIR: folder,
    DATABASE_URL: databaseUrl.href,
    SECRET_KEY: masterKey,
    TRUST_PROXY: '127.0.0.1,::1',
    LOG_LEVEL: 'warn',
    SIGNET_STS__ALLOWED_ISSUER_HOSTS: JSON.stringify([new URL(issuer).host]),
  },
  `http://localhost:${port}/healthz/ready`,
)
const bareSource = `
  import Koa from 'koa'
  import { createHash } from 'node:crypto'
  const koa = new Koa()
  koa.use(async (ctx) => {
    const chunks = []
    for await (const chunk of ctx.req) chunks.push(chunk)
    ctx.type = 'text/xml'
    ctx.body = createHash('sha256').update(Buffer.concat(chunks)).digest('hex')
  })
  koa.listen(${barePort}, '127.0.0.1')`
const bare = await start(['--input-type=module', '--eval', bareSource], {}, `http://127.0.0.1:${barePort}/`)

const formType = 'application/x-www-form-urlencoded'
const written = (headers: HeaderPairs, text: string): string =>
  `POST / HTTP/1.1\r\n${headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')}` +
  `content-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`
// Unsigned calls are bounded per address: the proxy that is trusted here tells of many.
const fromMany = ['x-forwarded-for', '{ip}'] as const
const host = ['host', `localhost:${port}`] as const

/** Requests of one caller, each signed for itself. */
const signed = (text: string, by: SigningCredentials): readonly string[] =>
  Array.from({ length: 256 }, (_, index) => {
    const unsigned: SignableRequest = {
      method: 'POST',
      rawUrl: '/',
      headers: [host, ['content-type', formType], ['amz-sdk-invocation-id', String(index)]],
      body: Buffer.from(text),
    }
    return written(
      signHeaders(unsigned, by, { at: systemClock(), region: 'us-east-1', service: 'sts' }),
      text,
    )
  })
const now = Math.floor(systemClock().epochMilliseconds / 1000)
const token = await new SignJWT({
  iss: issuer,
  sub: 'repo:bench/app',
  aud: 'sts',
  iat: now,
  exp: now + 3_600,
})
  .setProtectedHeader({ alg: 'ES256', kid: 'k' })
  .sign(issuerKey.privateKey)
const version = 'Version=2011-06-15'
const named = `RoleArn=${encodeURIComponent(role.arn)}&RoleSessionName=bench`

/** What the host may take of the cores in a round that counts as calm. */
const mostTaken = 0.01

/** As many requests as are answered; per second, and per second of the server's processor time. */
async function saturate(server: Server, requests: readonly string[], seconds: number) {
  const before = cpuSecondsOf(server.pid)
  const { answered, perSecond } = await generate({
    port: server.port,
    connections: 32,
    seconds,
    requests,
  })
  return { perSecond, perCpuSecond: answered / (cpuSecondsOf(server.pid) - before) }
}

try {
  const theirs: number[] = []
  const identity = `Action=GetCallerIdentity&${version}`
  const callers: readonly (readonly [string, SigningCredentials])[] = [
    ['a role session', session()],
    ['a long-term key', longTerm],
  ]
  for (const [who, credentials] of callers) {
    const requests = signed(identity, credentials)
    const [ratios, rates]: [number[], number[]] = [[], []]
    for (let round = -1; round < 15; round++) {
      // The first one lets both servers' code be compiled.
      const seconds = round < 0 ? 6 : 1.5
      const a = await saturate(ours, requests, seconds)
      const b = await saturate(bare, requests, seconds)
      if (round < 0) continue
      ratios.push(a.perCpuSecond / b.perCpuSecond)
      rates.push(a.perCpuSecond)
      theirs.push(b.perCpuSecond)
    }
    verdict(
      `GetCallerIdentity by ${who}, of the Koa route`,
      `${median(ratios).toFixed(2)} (${median(rates).toFixed(0)} a CPU-second), limit 0.6`,
      median(ratios) >= 0.6,
    )
  }
  console.log(`the Koa route that hashes the body: ${median(theirs).toFixed(0)} a CPU-second`)
  const webIdentity = `Action=AssumeRoleWithWebIdentity&${version}&${named}&WebIdentityToken=${token}`
  const issuing: readonly (readonly [string, readonly string[]])[] = [
    ['AssumeRole', signed(`Action=AssumeRole&${version}&${named}`, longTerm)],
    ['AssumeRoleWithWebIdentity', [written([host, fromMany, ['content-type', formType]], webIdentity)]],
  ]
  for (const [name, requests] of issuing) {
    await saturate(ours, requests, 4)
    const rates: Round[] = []
    for (let round = 0; round < 5; round++) {
      const taken = watchHost()
      const { perSecond } = await saturate(ours, requests, 3)
      rates.push({ figure: perSecond, disturbed: taken() })
    }
    const rate = judge(rates, { most: mostTaken, fewest: 3 })
    verdict(
      `${name}, audited`,
      `${rate.judged.toFixed(0)}/s (in ${rate.calm} calm rounds of ${rates.length}; ${rate.all.toFixed(0)} in all), limit 1500`,
      rate.judged >= 1_500,
    )
    const half: (Round & { readonly p50: number })[] = []
    const isEnough = (): boolean => half.filter(({ disturbed }) => disturbed <= mostTaken).length >= 5
    while (half.length < 5 || (half.length < 20 && !isEnough())) {
      const taken = watchHost()
      const { p99, p50 } = await generate({
        port: ours.port,
        connections: 64,
        seconds: 4,
        rate: 750,
        requests,
      })
      half.push({ figure: p99, p50, disturbed: taken() })
    }
    const slow = judge(half, { most: mostTaken, fewest: 3 })
    const p50 = median(half.map((each) => each.p50))
    verdict(
      `${name} at 750/s, p99`,
      `${slow.judged.toFixed(1)} ms (in ${slow.calm} calm rounds of ${half.length}; ${slow.all.toFixed(1)} in all, p50 ${p50.toFixed(1)}), limit 20`,
      slow.judged <= 20,
    )
  }
} finally {
  endGenerator()
  const ended = children.map((child) => new Promise((resolve) => child.once('exit', resolve)))
  for (const child of children) child.kill('SIGTERM')
  await Promise.all(ended)
  issuerServer.close()
  await database.close()
  await root.query({
    chunks: [`drop database if exists ${databaseUrl.pathname.slice(1)} with (force)`],
    values: [],
  })
  await root.close()
  rmSync(folder, { recursive: true, force: true })
}
process.exitCode = missed === 0 ? 0 : 1
