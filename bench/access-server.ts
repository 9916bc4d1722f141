/**
 * One of the two servers that bench/access.ts compares, in a process of its own: `signet`, the whole application on
 * PostgreSQL, or `bare`, a Koa route that parses the same JSON and answers a constant of the same size. Tells its port, its
 * CPU time when asked, and where its time went while it was told to look.
 */
import { readFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import Koa from 'koa'
import { readConfig } from '#config'
import { openVault } from '#crypto'
import { openPostgres } from '#database'
import { Secret, systemClock as clock } from '#kernel'
import { createApp, sections } from '../src/app.ts'
import { type Shares, startProfile } from './profile.ts'

const [kind, databaseUrl = ''] = process.argv.slice(2)
let answer = '{}'
const root = join(import.meta.dirname, '..')
const server = createServer()
server.listen(0, '127.0.0.1')
await new Promise((resolve) => server.once('listening', resolve))
const { port } = server.address() as AddressInfo

function bare(): RequestListener {
  const koa = new Koa()
  koa.use(async (ctx) => {
    const chunks: Buffer[] = []
    for await (const chunk of ctx.req) chunks.push(chunk as Buffer)
    JSON.parse(Buffer.concat(chunks).toString())
    ctx.type = 'application/json'
    ctx.body = answer
  })
  const listener = koa.callback()
  return (request, response) => void listener(request, response)
}

async function signet(): Promise<RequestListener> {
  const name = 'config/default.yaml'
  const config = readConfig({
    env: { PORT: String(port), PUBLIC_URL: `http://127.0.0.1:${port}`, DATABASE_URL: databaseUrl },
    cwd: root,
    sections,
    things: [],
    defaults: { name, text: readFileSync(join(root, name), 'utf8') },
  })
  const log = { info: () => {}, warn: console.error, error: console.error, child: () => log }
  const database = await openPostgres(new Secret(databaseUrl))
  const vault = openVault(new Secret('a key for benchmarks, thirty-two bytes or more'))
  const app = await createApp({ config, database, vault, clock, log, packageDir: root })
  process.on('disconnect', () => void app.close().then(() => database.close()))
  return app.handler
}

server.on('request', kind === 'bare' ? bare() : await signet())
let finish: (() => Promise<Shares>) | undefined
process.on('message', (message: { answer?: string; profile?: 'start' | 'stop' }) => {
  if (message.answer !== undefined) answer = message.answer
  else if (message.profile === 'start')
    void startProfile().then((stop) => {
      finish = stop
      process.send?.({ looking: true })
    })
  else if (message.profile === 'stop') void finish?.().then((shares) => process.send?.({ shares }))
  else process.send?.({ cpuMicroseconds: process.cpuUsage() })
})
process.on('disconnect', () => server.close())
process.send?.({ port })
