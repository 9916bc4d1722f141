/**
 * The IAM API on PostgreSQL, without the HTTP part: `scripts/with-postgres.sh node bench/iam.ts`.
 *
 * - Writes: CreateUser, PutUserPolicy, AttachUserPolicy, TagUser and DeleteUserPolicy, decoded, validated, authorized by
 *   the policy engine and audited, against the same statements with the same values sent by a bare pg client. Rounds
 *   alternate; the median of the ratios is to be at least 0.5.
 * - ListUsers over 100,000 users: the last pages are to cost at most 1.5 × of the first.
 * - GetAccountAuthorizationDetails over 10,000 principals: memory is to grow by at most 16 MB over all pages.
 */
import { randomBytes } from 'node:crypto'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import pg from 'pg'

import { createAudit } from '#audit'
import { readParameters } from '#aws-wire'
import { createPasswordHasher, openVault, passwordHashing, passwordSettings } from '#crypto'
import { migrate, openPostgres, readMigrations, sql, type Database, type Sql } from '#database'
import { createUser } from '#directory'
import { attachPolicy, readBuiltInPolicies, userCaller } from '#iam'
import { createIamApi, iamSettings } from '#iam-api'
import { Secret, systemClock } from '#kernel'
import { textOf } from '#src/database/sql.ts'
import { bind } from '#src/database/types.ts'

const rounds = 7
const perRound = 60
const account = '111122223333'

const admin = process.env['TEST_DATABASE_URL']
if (admin === undefined) {
  console.error('Run it under scripts/with-postgres.sh: it needs TEST_DATABASE_URL.')
  process.exit(1)
}
const url = new URL(admin)
const setup = await openPostgres(new Secret(url.href), { poolSize: 1, pipelines: 1 })
await setup.query(sql`create database bench_iam`)
await setup.close()
url.pathname = '/bench_iam'
const database = await openPostgres(new Secret(url.href), { poolSize: 4, pipelines: 1 })
await migrate(database, await readMigrations(new URL('../migrations', import.meta.url).pathname))
await database.query(
  sql`insert into account (account_id, name, created_at) values (${account}, ${'Bench'}, ${systemClock()})`,
)
const operator = await createUser(database, systemClock, { accountId: account, name: 'operator' })
await attachPolicy(database, operator.userId, 'arn:aws:iam::aws:policy/AdministratorAccess')

// What the API sends inside its transactions, as it sends it.
let recorded: Sql[][] = []
const recording: Database = {
  ...database,
  transaction: (work) =>
    database.transaction((tx) => {
      const statements: Sql[] = []
      recorded.push(statements)
      return work({
        ...tx,
        query: (statement) => {
          statements.push(statement)
          return tx.query(statement)
        },
      })
    }),
}
const vault = openVault(new Secret(randomBytes(32).toString('base64')))
const api = createIamApi({
  database: recording,
  builtInPolicies: readBuiltInPolicies(new URL('../config/policies', import.meta.url).pathname),
  vault,
  publicUrl: new URL('http://localhost:4000/'),
  hasher: await createPasswordHasher(
    { clock: systemClock },
    passwordHashing(passwordSettings.parse({ memory_kib: 19_456, passes: 2 })),
  ),
  clock: systemClock,
  audit: createAudit({ database, clock: systemClock }),
  settings: iamSettings.parse({ users_per_account: 1_000_000 }),
  log: { warn: console.warn },
})
const caller = userCaller(operator, { accessKeyId: 'AKIABENCHBENCHBENCH2' })
const signed = {
  caller,
  accessKeyId: 'AKIABENCHBENCHBENCH2',
  region: 'us-east-1',
  service: 'iam',
  algorithm: 'AWS4-HMAC-SHA256',
} as const
const from = { id: 'bench', at: systemClock(), ip: '203.0.113.9', userAgent: 'bench', secure: true }

const call = (action: string, parameters: Readonly<Record<string, string>> = {}): Promise<string> =>
  api.call({
    signed,
    name: { action, version: '2010-05-08' },
    parameters: readParameters(new URLSearchParams(parameters).toString()),
    from,
    format: 'xml',
  })

const document = JSON.stringify({
  Version: '2012-10-17',
  Statement: [
    { Effect: 'Allow', Action: ['s3:GetObject', 's3:ListBucket'], Resource: 'arn:aws:s3:::orders/*' },
  ],
})
const bare = new pg.Client({ connectionString: url.href, options: '-c TimeZone=UTC' })
await bare.connect()

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0

async function writes(round: number): Promise<void> {
  for (let index = 0; index < perRound; index++) {
    const UserName = `round-${round}-${index}`
    const PolicyArn = 'arn:aws:iam::aws:policy/ReadOnlyAccess'
    await call('CreateUser', { UserName, Path: '/bench/' })
    await call('PutUserPolicy', { UserName, PolicyName: 'own', PolicyDocument: document })
    await call('AttachUserPolicy', { UserName, PolicyArn })
    await call('TagUser', { UserName, 'Tags.member.1.Key': 'team', 'Tags.member.1.Value': 'orders' })
    await call('DeleteUserPolicy', { UserName, PolicyName: 'own' })
  }
}

async function replay(transactions: readonly (readonly Sql[])[]): Promise<void> {
  const names = new Map<string, string>()
  for (const statements of transactions) {
    await bare.query('begin')
    for (const statement of statements) {
      const text = textOf(statement)
      const name = names.get(text) ?? `s${names.size}`
      names.set(text, name)
      await bare.query({ name, text, values: statement.values.map(bind) })
    }
    await bare.query('commit')
  }
}

async function forget(): Promise<void> {
  await database.query(
    sql`delete from policy_attachment where principal_id in (select user_id from users where path = '/bench/')`,
  )
  await database.query(sql`delete from users where path = '/bench/'`)
  await database.query(sql`truncate audit_event`)
}

async function writeRatio(): Promise<number> {
  const ratios: number[] = []
  for (let round = 0; round <= rounds; round++) {
    recorded = []
    const begin = performance.now()
    await writes(round)
    const ours = performance.now() - begin
    const transactions = recorded
    await forget()
    const middle = performance.now()
    await replay(transactions)
    const theirs = performance.now() - middle
    await forget()
    // The first round warms both up.
    if (round === 0) continue
    ratios.push(theirs / ours)
    const each = (milliseconds: number): string => ((milliseconds * 1_000) / perRound / 5).toFixed(0)
    console.log(
      `writes: ${each(ours)} µs, the same statements bare ${each(theirs)} µs, ratio ${(theirs / ours).toFixed(2)}`,
    )
  }
  return median(ratios)
}

/** Reads every page, and tells of each how long it took and how much memory is in use after it. */
async function pages(
  action: string,
  size: number,
): Promise<readonly { readonly milliseconds: number; readonly heap: number }[]> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const seen = []
  let marker: string | undefined
  do {
    const begin = performance.now()
    const answer = await call(action, {
      MaxItems: String(size),
      ...(marker === undefined ? {} : { Marker: marker }),
    })
    const milliseconds = performance.now() - begin
    marker = /<Marker>([^<]+)<\/Marker>/.exec(answer)?.[1]
    collect()
    seen.push({ milliseconds, heap: process.memoryUsage().heapUsed })
  } while (marker !== undefined)
  return seen
}

const ratio = await writeRatio()

await database.query(
  sql`insert into users (user_id, account_id, name, name_key, path, created_at)
      select 'AIDA' || lpad(n::text, 17, 'A'), ${account}, 'user-' || lpad(n::text, 6, '0'), 'user-' || lpad(n::text, 6, '0'), '/', now()
      from generate_series(1, 100000) as n`,
)
await database.query(sql`analyze users`)
const listed = await pages('ListUsers', 1_000)
const share = listed.length / 4
const cost = (some: typeof listed): number => median(some.map(({ milliseconds }) => milliseconds))
// The first page pays for compiling.
const [first, last] = [cost(listed.slice(2, 2 + share)), cost(listed.slice(-share - 1, -1))]

await database.query(sql`delete from users where name like 'user-%' and name > 'user-010000'`)
await database.query(
  sql`insert into inline_policy (principal_id, name, name_key, document)
      select user_id, 'own', 'own', ${document} from users where name like 'user-%'`,
)
const details = await pages('GetAccountAuthorizationDetails', 500)
const growth = (Math.max(...details.map(({ heap }) => heap)) - (details[1]?.heap ?? 0)) / 1_048_576

console.table([
  { what: 'writes, ratio to the same statements bare', wanted: '≥ 0.5', measured: ratio.toFixed(2) },
  {
    what: `ListUsers, 100,000 users, ${listed.length} pages: last quarter to first`,
    wanted: '≤ 1.5',
    measured: (last / first).toFixed(2),
  },
  {
    what: `GetAccountAuthorizationDetails, 10,000 users, ${details.length} pages: growth of the heap in MB`,
    wanted: '≤ 16',
    measured: growth.toFixed(1),
  },
])
await bare.end()
await database.close()
if (ratio < 0.5 || last / first > 1.5 || growth > 16) process.exitCode = 1
