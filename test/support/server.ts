import { createServer } from 'node:net'
import { readFileSync } from 'node:fs'
import { type App, createApp, sections } from '../../src/app.ts'
import { readConfig } from '#config'
import type { Vault } from '#crypto'
import type { Database } from '#database'
import { listen, type RequestLog } from '#http'
import { type Clock, systemClock } from '#kernel'
import { testDatabase } from './database.ts'
import { testVault } from './fixtures.ts'

const packageDir = new URL('../../', import.meta.url).pathname

/** A whole Signet on a loopback port, in this process: the public URL is all that a test needs. */
export type TestServer = {
  readonly url: string
  /** Where the gateway listens, when `SIGNET_GATEWAY__PORT` is set. */
  readonly gatewayUrl: string
  readonly database: Database
  readonly vault: Vault
  /** Lines that the server logged as warnings or errors. */
  readonly complaints: readonly { fields: object; message: string }[]
  close(): Promise<void>
}

/** A port that was free a moment ago: the public URL must be known before the server is built. */
export async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const address = probe.address()
  await new Promise((resolve) => probe.close(resolve))
  if (typeof address !== 'object' || address === null) throw new Error('no port')
  return address.port
}

/**
 * Starts the server.
 *
 * @param env settings as the environment has them (`SIGNET_STS__…`); the password hash is at its floor unless set
 */
export async function startServer({
  env = {},
  clock = systemClock,
  database,
  hear = () => {},
}: {
  env?: Record<string, string>
  clock?: Clock
  database?: Database
  /** Gets every line that the server logs. */
  hear?: (fields: object, message: string) => void
} = {}): Promise<TestServer> {
  const own = database ?? (await testDatabase())
  const port = await freePort()
  const url = `http://localhost:${port}`
  const config = readConfig({
    env: {
      PORT: String(port),
      PUBLIC_URL: url,
      SIGNET_PASSWORDS__MEMORY_KIB: '19456',
      SIGNET_PASSWORDS__PASSES: '2',
      ...env,
    },
    cwd: packageDir,
    sections,
    things: [],
    defaults: {
      name: 'config/default.yaml',
      text: readFileSync(new URL('../../config/default.yaml', import.meta.url), 'utf8'),
    },
  })
  const complaints: { fields: object; message: string }[] = []
  const complain = (fields: object, message: string) => {
    complaints.push({ fields, message })
    hear(fields, message)
  }
  const log: RequestLog & { child(): RequestLog } = {
    info: hear,
    warn: complain,
    error: complain,
    child: () => log,
  }
  const app: App = await createApp({ config, database: own, vault: testVault, clock, log, packageDir })
  const listening = await listen(app.handler, { host: 'localhost', port })
  const passing =
    app.gateway &&
    (await listen(app.gateway.handler, { host: 'localhost', port: app.gateway.port }, app.gateway))
  return {
    url,
    gatewayUrl: `http://localhost:${passing?.port ?? 0}`,
    database: own,
    vault: testVault,
    complaints,
    close: async () => {
      app.hangUp()
      await passing?.drain(1)
      await listening.drain(1)
      await app.close()
      if (database === undefined) await own.close()
    },
  }
}
