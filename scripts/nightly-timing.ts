/**
 * Whether a wrong password for a user who exists takes as long as one for a name that nobody has: `npm run nightly:timing`, or
 * with another count of tries for each: `npm run nightly:timing -- 2000`. The check of a sign-in is called as a page calls it
 * (limits, look-ups, hash, audit event), the two kinds in random order, with the cheapest hash that the settings allow: beside
 * a longer one a difference would be harder to see. On the embedded database, or on PostgreSQL under scripts/with-postgres.sh.
 *
 * Ends with 1 when the medians differ by 1 ms or more, or when whoever sees the times alone tells the two kinds apart better than by
 * chance: an area under the curve (AUC) beyond 0.50 ± 0.02. With fewer than 10,000 tries chance itself goes beyond that at times.
 */
import { randomInt } from 'node:crypto'
import { createAudit } from '#audit'
import { createPasswordHasher, openVault } from '#crypto'
import { migrate, openEmbedded, openPostgres, readMigrations, sql } from '#database'
import { createUser, setPasswordHash } from '#directory'
import { Secret, uuid } from '#kernel'
import { createBuckets, tryPassword } from '#signin'

const tries = Number(process.argv[2] ?? 10_000)
const users = 200
const accountId = '111122223333'

const admin = process.env['TEST_DATABASE_URL']
const root =
  admin === undefined ? undefined : await openPostgres(new Secret(admin), { poolSize: 1, pipelines: 1 })
const name = `signet_timing_${uuid().slice(0, 8)}`
await root?.query({ chunks: [`create database ${name}`], values: [] })
const database =
  admin === undefined
    ? await openEmbedded({ dataDir: 'memory://' })
    : await openPostgres(new Secret(Object.assign(new URL(admin), { pathname: name }).href), {
        poolSize: 2,
        pipelines: 1,
      })
await migrate(database, await readMigrations(new URL('../migrations', import.meta.url).pathname))

// An hour goes by between two tries: the limits of guessing are not what is measured.
let now = Temporal.Now.instant()
const clock = () => now
const vault = openVault(new Secret(Buffer.alloc(32, 7).toString('base64')))
const needs = {
  database,
  clock,
  vault,
  audit: createAudit({ database, clock }),
  buckets: createBuckets({ database, vault, clock }),
  hasher: await createPasswordHasher(
    { clock },
    { memoryKib: 19_456, passes: 2, slots: 2, queue: 8, waitMilliseconds: 1_000 },
  ),
}
await database.query(
  sql`insert into account (account_id, name, created_at) values (${accountId}, ${'Timing'}, ${now})`,
)
const phc = await needs.hasher.hash('the right one of them all')
for (let index = 0; index < users; index++) {
  const { userId } = await createUser(database, clock, { accountId, name: `person-${index}` })
  await setPasswordHash(database, clock, { userId, phc })
}

type Kind = 'known' | 'unknown'
const taken: Record<Kind, number[]> = { known: [], unknown: [] }

async function once(kind: Kind): Promise<number> {
  now = now.add({ hours: 1 })
  const index = randomInt(users)
  const began = performance.now()
  await tryPassword(needs, {
    accountId,
    identifier: kind === 'known' ? `person-${index}` : `nobody-${index}`,
    password: 'a wrong one',
    device: undefined,
    from: { id: uuid(), at: now, ip: '192.0.2.1', userAgent: '', secure: true },
  })
  return performance.now() - began
}

for (let index = 0; index < 200; index++) await once(index % 2 === 0 ? 'known' : 'unknown')
const began = performance.now()
while (taken.known.length + taken.unknown.length < tries * 2) {
  const left = { known: tries - taken.known.length, unknown: tries - taken.unknown.length }
  const kind = randomInt(left.known + left.unknown) < left.known ? 'known' : 'unknown'
  taken[kind].push(await once(kind))
  const done = taken.known.length + taken.unknown.length
  if (done % 2_000 === 0)
    console.log(`${done} of ${tries * 2}, ${((performance.now() - began) / 60_000).toFixed(1)} min`)
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN

/** How often a try for a known user took longer than one for an unknown name (Mann and Whitney's U over its greatest value). */
function areaUnderCurve(): number {
  const all = [
    ...taken.known.map((time) => ({ time, known: true })),
    ...taken.unknown.map((time) => ({ time, known: false })),
  ].toSorted((a, b) => a.time - b.time)
  let [smaller, won] = [0, 0]
  for (const { known } of all) {
    if (known) won += smaller
    else smaller++
  }
  return won / (taken.known.length * taken.unknown.length)
}

const [known, unknown, area] = [median(taken.known), median(taken.unknown), areaUnderCurve()]
console.log(
  `${tries} tries each: median ${known.toFixed(3)} ms for users, ${unknown.toFixed(3)} ms for nobody`,
)
console.log(`difference ${(known - unknown).toFixed(3)} ms (1), AUC ${area.toFixed(4)} (0.50 ± 0.02)`)
await database.close()
await root?.query({ chunks: [`drop database if exists ${name} with (force)`], values: [] })
await root?.close()
process.exitCode = Math.abs(known - unknown) < 1 && Math.abs(area - 0.5) <= 0.02 ? 0 : 1
