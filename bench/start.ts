/**
 * How long from `npm start` to ready, and how much memory an idle server holds: `npm run bench:start`. Limits: first
 * start 4 s, later 2 s; idle 300 MB with the embedded database, 160 MB with PostgreSQL outside (TEST_DATABASE_URL, as
 * scripts/with-postgres.sh sets it). Three rounds, medians; every process that it starts it also ends. Linux only: memory
 * is read from /proc, and is that of our own processes without npm's.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { openPostgres } from '#database'
import { Secret } from '#kernel'

const rounds = 3
const idleSeconds = 10

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })

/** Resident memory of our processes at or below one, in MB. */
function residentMb(pid: number): number {
  const ours =
    readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('signet.cjs\0serve') ||
    readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('src/main.ts')
  const isShell = readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'sh'
  const own = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1_024
  const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  )
  return (ours && !isShell ? own : 0) + children.reduce((sum, child) => sum + residentMb(child), 0)
}

async function start(environment: Record<string, string>): Promise<{ child: ChildProcess; seconds: number }> {
  const port = await freePort()
  const before = performance.now()
  const child = spawn('npm', ['start', '--silent'], {
    cwd: new URL('..', import.meta.url).pathname,
    env: { ...process.env, PORT: String(port), PUBLIC_URL: `http://localhost:${port}`, ...environment },
    stdio: 'ignore',
    detached: true,
  })
  const deadline = before + 60_000
  while (performance.now() < deadline) {
    const answer = await fetch(`http://localhost:${port}/healthz/ready`).catch(() => undefined)
    if (answer?.ok === true) return { child, seconds: (performance.now() - before) / 1_000 }
    await sleep(20)
  }
  throw new Error('not ready within a minute')
}

async function stop(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once('exit', resolve))
  // npm, the launcher and the server are one process group, and it is ours.
  if (child.pid !== undefined) process.kill(-child.pid, 'SIGTERM')
  await ended
  await sleep(500)
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0

type Place = { readonly env: Record<string, string>; drop(): Promise<void> }

async function measure(
  name: string,
  limits: { first: number; later: number; idle: number },
  newPlace: () => Promise<Place>,
): Promise<void> {
  const first: number[] = []
  const later: number[] = []
  const idle: number[] = []
  for (let round = 0; round < rounds; round++) {
    const { env, drop } = await newPlace()
    const one = await start(env)
    first.push(one.seconds)
    await stop(one.child)
    const two = await start(env)
    later.push(two.seconds)
    await sleep(idleSeconds * 1_000)
    idle.push(residentMb(two.child.pid ?? 0))
    await stop(two.child)
    await drop()
  }
  const line = (what: string, values: readonly number[], limit: number, unit: string) =>
    console.log(
      `${name.padEnd(9)} ${what.padEnd(12)} ${median(values).toFixed(2)} ${unit}  limit ${limit} ${unit}  ratio ${(median(values) / limit).toFixed(2)}`,
    )
  line('first start', first, limits.first, 's')
  line('later start', later, limits.later, 's')
  line('idle memory', idle, limits.idle, 'MB')
}

await measure('embedded', { first: 4, later: 2, idle: 300 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'signet-bench-'))
  return {
    env: { DATA_DIR: folder, DATABASE_URL: '' },
    drop: async () => rmSync(folder, { recursive: true, force: true }),
  }
})

const postgres = process.env['TEST_DATABASE_URL']
if (postgres === undefined) console.log('postgres  not measured: run with scripts/with-postgres.sh')
else
  await measure('postgres', { first: 4, later: 2, idle: 160 }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'signet-bench-'))
    const name = `signet_bench_${randomBytes(4).toString('hex')}`
    const statement = async (text: string) => {
      const admin = await openPostgres(new Secret(postgres), { poolSize: 1, pipelines: 1 })
      await admin.query({ chunks: [text], values: [] })
      await admin.close()
    }
    await statement(`create database ${name}`)
    const url = new URL(postgres)
    url.pathname = `/${name}`
    return {
      env: { DATA_DIR: folder, DATABASE_URL: url.href },
      drop: async () => {
        rmSync(folder, { recursive: true, force: true })
        await statement(`drop database if exists ${name} with (force)`)
      },
    }
  })
