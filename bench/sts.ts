/**
 * What AssumeRoleWithWebIdentity costs with a known key: `node bench/sts.ts`. Limit: 3 × the raw cost of one ES256
 * verification, one chain of four HMACs and one AES-256-GCM seal, measured in the same run, alternating, medians.
 *
 * Without the HTTP part, and with a recorder in memory in the place of the audit log; database, role, provider, trust
 * policy, token and session are real. It prints one call that misses the caches too.
 */
import { createCipheriv, createHmac, generateKeyPairSync, randomBytes, sign, verify } from 'node:crypto'

import { createAudit } from '#audit'
import { openVault } from '#crypto'
import { openEmbedded, migrate, readMigrations, sql } from '#database'
import { createOrganization, createRole, openMemory, putOidcProvider } from '#iam'
import { Secret, systemClock } from '#kernel'
import { openKeys } from '#keys'
import { openEpochs } from '#sessions'
import { assumeRoleWithWebIdentity, openSts } from '#sts'
import { SignJWT } from 'jose'

const limit = 3
const rounds = 15
const perRound = 200

const database = await openEmbedded({ dataDir: 'memory://' })
await migrate(database, await readMigrations(new URL('../migrations', import.meta.url).pathname))
const account = '111122223333'
await database.query(
  sql`insert into account (account_id, name, created_at) values (${account}, ${'Bench'}, ${systemClock()})`,
)
await createOrganization(database, systemClock, { name: 'Bench', homeAccountId: account })
const vault = openVault(new Secret(randomBytes(32).toString('base64')))
const publicUrl = new URL('http://localhost:4000/')
const issuer = 'http://localhost:4000'
const [keys, epochs, memory] = await Promise.all([
  openKeys({ database, vault, clock: systemClock, publicUrl }),
  openEpochs({ database }),
  openMemory({ database }),
])
let recorded = 0
const sts = openSts({
  database,
  memory,
  builtInPolicies: new Map(),
  vault,
  clock: systemClock,
  audit: { ...createAudit({ database, clock: systemClock }), recordSoon: async () => void recorded++ },
  epochs,
  keys,
  publicUrl,
  issuer,
  samlEntityId: `${issuer}/saml/metadata`,
  verifyMfa: async () => ({ at: systemClock() }),
  settings: { allowed_issuer_hosts: [], verifiable_sessions: 'sigv4a' },
  log: { warn: console.warn },
})
const arn = await putOidcProvider(database, systemClock, {
  accountId: account,
  url: 'https://ci.example.com',
  clientIds: ['sts'],
})
const role = await createRole(database, systemClock, {
  accountId: account,
  name: 'Pipeline',
  trustDocument: JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { Federated: arn },
        Action: 'sts:AssumeRoleWithWebIdentity',
        Condition: {
          StringEquals: { 'ci.example.com:aud': 'sts' },
          StringLike: { 'ci.example.com:sub': 'repo:acme/*' },
        },
      },
    ],
  }),
})
const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const now = Math.floor(systemClock().epochMilliseconds / 1000)
const token = await new SignJWT({
  iss: 'https://ci.example.com',
  sub: 'repo:acme/app',
  aud: 'sts',
  iat: now,
  exp: now + 3600,
})
  .setProtectedHeader({ alg: 'ES256', kid: 'k' })
  .sign(pair.privateKey)
const needs = { ...sts, keysOf: async () => () => pair.publicKey }
const from = { id: 'bench', at: systemClock(), ip: '203.0.113.9', userAgent: 'bench', secure: true }

const message = Buffer.from(token.slice(0, token.lastIndexOf('.')))
const signature = sign('sha256', message, { key: pair.privateKey, dsaEncoding: 'ieee-p1363' })
const secret = randomBytes(30).toString('base64')
const key = randomBytes(32)
const claims = Buffer.alloc(250, 'x')

const hmacChain = (first: string, ...steps: readonly string[]): Buffer =>
  steps.reduce((each, step) => createHmac('sha256', each).update(step).digest(), Buffer.from(first))

function raw(): void {
  if (!verify('sha256', message, { key: pair.publicKey, dsaEncoding: 'ieee-p1363' }, signature))
    throw new Error('raw')
  hmacChain(secret, '20261122', 'us-east-1', 'sts', 'aws4_request')
  const cipher = createCipheriv('aes-256-gcm', key, randomBytes(12))
  Buffer.concat([cipher.update(claims), cipher.final(), cipher.getAuthTag()])
}
const whole = () => assumeRoleWithWebIdentity(needs, { from, roleArn: role.arn, sessionName: 'run-7', token })

type Cost = { readonly cpu: number; readonly wall: number }

/** Processor time (all threads) and wall time of one call, in µs. */
async function cost(work: () => unknown): Promise<Cost> {
  const [before, cpuBefore] = [performance.now(), process.cpuUsage()]
  for (let index = 0; index < perRound; index++) await work()
  const { user, system } = process.cpuUsage(cpuBefore)
  return { cpu: (user + system) / perRound, wall: ((performance.now() - before) * 1_000) / perRound }
}
const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0

const cold = performance.now()
await whole()
const first = (performance.now() - cold) * 1_000
const [rawRounds, wholeRounds]: [Cost[], Cost[]] = [[], []]
for (let round = -3; round < rounds; round++) {
  const [a, b] = [await cost(raw), await cost(whole)]
  if (round < 0) continue
  rawRounds.push(a)
  wholeRounds.push(b)
}
const line = (name: string, of: readonly Cost[]): string =>
  `${name.padEnd(44)}${median(of.map(({ cpu }) => cpu))
    .toFixed(0)
    .padStart(5)} µs processor, ${median(of.map(({ wall }) => wall)).toFixed(0)} µs wall`
// Of each round its own ratio: what else the machine does then weighs on both sides alike.
const ratios = (part: keyof Cost): number =>
  median(wholeRounds.map((of, round) => of[part] / (rawRounds[round]?.[part] ?? 1)))
const ratio = ratios('cpu')
console.log(line('raw: one ES256 verify, HMAC chain, seal', rawRounds))
console.log(line('AssumeRoleWithWebIdentity, known key', wholeRounds))
console.log(`first call, nothing remembered: ${first.toFixed(0)} µs wall; ${recorded} events recorded`)
console.log(
  `ratio of processor time ${ratio.toFixed(2)} (wall ${ratios('wall').toFixed(2)}), limit ${limit}: ${ratio <= limit ? 'kept' : 'MISSED'}`,
)
await Promise.all([epochs.close(), memory.close()])
await database.close()
process.exitCode = ratio <= limit ? 0 : 1
