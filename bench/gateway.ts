/**
 * What passing through the gateway costs: `npm run bench:gateway`.
 *
 * Signet on PostgreSQL, with audit, before a plain HTTP server that stands for the store, against a reverse proxy of
 * node:http that verifies, decides, signs and writes nothing: objects of 1 KiB per second of the processor, and large ones
 * both ways in MB per second of the processor. Rounds alternate; medians.
 */
import { type ChildProcess, fork, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openPostgres } from '#database'
import { Secret, systemClock } from '#kernel'
import { signHeaders } from '#sigv4'
import { sam, storeDeclaration, storeEnv } from '../test/support/store-behind-gateway.ts'
import { cpuSecondsOf, endGenerator, generate } from './load.ts'

const large = 16 * 1_048_576

/** Answers every GET with an object, small or large, and takes every PUT. */
function serveStore(): void {
  const small = randomBytes(1_024)
  const big = randomBytes(large)
  const server = createServer((asked, answer) => {
    asked.resume()
    asked.once('end', () => {
      const body =
        asked.method === 'PUT' ? Buffer.alloc(0) : asked.url?.endsWith('big') === true ? big : small
      answer.writeHead(200, { 'content-length': body.length, etag: '"e"' }).end(body)
    })
  }).listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))
}

/** Passes everything on as it is. */
function serveProxy(port: number): void {
  const agent = new Agent({ keepAlive: true })
  const server = createServer((asked, answer) => {
    const { method, url, headers } = asked
    const further = request({ host: '127.0.0.1', port, method, path: url, headers, agent }, (found) => {
      answer.writeHead(found.statusCode ?? 502, found.headers)
      found.pipe(answer)
    })
    asked.pipe(further)
  }).listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))
}

async function measure(admin: string): Promise<void> {
  const children: ChildProcess[] = []
  const begin = async (args: readonly string[]) => {
    const child = fork(new URL(import.meta.url), args, {
      execArgv: ['--disable-warning=ExperimentalWarning'],
    })
    children.push(child)
    const [port] = (await once(child, 'message')) as [number]
    return { port, pid: child.pid ?? 0 }
  }
  const freePort = (): Promise<number> =>
    new Promise((resolve) => {
      const probe = createServer().listen(0, '127.0.0.1', () => {
        const { port } = probe.address() as AddressInfo
        probe.close(() => resolve(port))
      })
    })
  const folder = mkdtempSync(join(tmpdir(), 'signet-bench-'))
  const databaseUrl = new URL(admin)
  databaseUrl.pathname = `/signet_bench_${randomBytes(4).toString('hex')}`
  const name = databaseUrl.pathname.slice(1)
  const root = await openPostgres(new Secret(admin), { poolSize: 1, pipelines: 1 })
  await root.query({ chunks: [`create database ${name}`], values: [] })

  try {
    const store = await begin(['store'])
    const proxy = await begin(['proxy', String(store.port)])
    const [port, passing] = [await freePort(), await freePort()]
    const host = `s3.localhost:${passing}`
    writeFileSync(
      join(folder, 'signet.yaml'),
      storeDeclaration({
        store: `http://127.0.0.1:${store.port}`,
        origins: [`http://${host}`],
        statements: [{ Effect: 'Allow', Action: 's3:*', Resource: 'arn:aws:s3:::photos/*' }],
      }),
    )
    const gateway = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', 'src/main.ts', 'serve'],
      {
        cwd: new URL('..', import.meta.url).pathname,
        env: {
          ...process.env,
          PORT: String(port),
          PUBLIC_URL: `http://localhost:${port}`,
          DATA_DIR: folder,
          DATABASE_URL: databaseUrl.href,
          SECRET_KEY: randomBytes(32).toString('base64'),
          SIGNET_CONFIG: join(folder, 'signet.yaml'),
          SIGNET_GATEWAY__PORT: String(passing),
          ...storeEnv,
          LOG_LEVEL: 'warn',
        },
        stdio: ['ignore', 'ignore', 'inherit'],
      },
    )
    children.push(gateway)
    const end = performance.now() + 60_000
    for (;;) {
      const ready = await fetch(`http://localhost:${port}/healthz/ready`).catch(() => undefined)
      if (ready?.ok === true) break
      if (performance.now() > end) throw new Error('Signet is not ready within a minute')
      await new Promise((resolve) => setTimeout(resolve, 50))
    }

    const headersOf = (method: string, path: string, said: string) =>
      signHeaders(
        {
          method,
          rawUrl: path,
          headers: [
            ['host', host],
            ['x-amz-content-sha256', said],
            ['amz-sdk-invocation-id', randomBytes(8).toString('hex')],
          ],
          body: new Uint8Array(),
        },
        sam,
        { at: systemClock(), region: 'us-east-1', service: 's3' },
      )
    const nothing = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
    const gets = Array.from({ length: 256 }, (_, index) => {
      const path = `/photos/${index}`
      const headers = headersOf('GET', path, nothing).map(([key, value]) => `${key}: ${value}\r\n`)
      return `GET ${path} HTTP/1.1\r\n${headers.join('')}\r\n`
    })
    type Server = { readonly port: number; readonly pid: number }
    const [ours, bare]: [Server, Server] = [{ port: passing, pid: gateway.pid ?? 0 }, proxy]

    const small = async (server: Server) => {
      const before = cpuSecondsOf(server.pid)
      const { answered } = await generate({ port: server.port, connections: 32, seconds: 4, requests: gets })
      return answered / (cpuSecondsOf(server.pid) - before)
    }
    const agent = new Agent({ keepAlive: true, maxSockets: 4 })
    const body = randomBytes(large)
    const move = (server: Server, method: 'GET' | 'PUT') =>
      new Promise<void>((resolve, reject) => {
        const path = '/photos/big'
        const headers = Object.fromEntries(
          headersOf(method, path, method === 'GET' ? nothing : 'UNSIGNED-PAYLOAD'),
        )
        const length = method === 'PUT' ? { 'content-length': String(large) } : {}
        const call = request(
          {
            host: '127.0.0.1',
            port: server.port,
            method,
            path,
            agent,
            setHost: false,
            headers: { ...headers, ...length },
          },
          (answer) => {
            answer.resume()
            if (answer.statusCode === 200) answer.once('end', resolve)
            else reject(new Error(`${method} was answered with ${answer.statusCode}`))
          },
        )
        call.on('error', reject)
        call.end(method === 'PUT' ? body : undefined)
      })
    const big = (method: 'GET' | 'PUT') => async (server: Server) => {
      const before = cpuSecondsOf(server.pid)
      for (let times = 0; times < 8; times++)
        await Promise.all(Array.from({ length: 4 }, () => move(server, method)))
      return (32 * large) / 1e6 / (cpuSecondsOf(server.pid) - before)
    }
    const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN
    const compare = async (what: string, once: (server: Server) => Promise<number>, unit: string) => {
      const [mine, theirs]: [number[], number[]] = [[], []]
      for (let round = -1; round < 5; round++) {
        const [a, b] = [await once(ours), await once(bare)]
        if (round < 0) continue
        mine.push(a)
        theirs.push(b)
      }
      const [a, b] = [median(mine), median(theirs)]
      console.log(
        `${what.padEnd(26)} ${a.toFixed(0)} ${unit}, the proxy ${b.toFixed(0)}: ${(a / b).toFixed(2)} ×`,
      )
    }
    await compare('1 KiB read', small, 'a CPU-second')
    await compare('16 MiB read', big('GET'), 'MB a CPU-second')
    await compare('16 MiB written', big('PUT'), 'MB a CPU-second')
    agent.destroy()
  } finally {
    endGenerator()
    const ended = children.map((child) => new Promise((resolve) => child.once('exit', resolve)))
    for (const child of children) child.kill('SIGTERM')
    await Promise.all(ended)
    await root.query({ chunks: [`drop database if exists ${name} with (force)`], values: [] })
    await root.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

const [, , part, argument] = process.argv
const admin = process.env['TEST_DATABASE_URL']
if (part === 'store') serveStore()
else if (part === 'proxy') serveProxy(Number(argument))
else if (admin !== undefined) await measure(admin)
else {
  console.error('Run it under scripts/with-postgres.sh: it needs TEST_DATABASE_URL.')
  process.exitCode = 1
}
