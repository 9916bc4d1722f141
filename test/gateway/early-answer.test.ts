/** A store may answer before it has read an upload, and read no more of it: that answer is what the client gets. */
import { once } from 'node:events'
import { Agent, createServer as createHttpServer, request as httpRequest } from 'node:http'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createForwarding } from '#src/gateway/forward.ts'
import { systemClock } from '#kernel'
import { signHeaders } from '#sigv4'
import { declare } from '../access/world.ts'
import { freePort, startServer, type TestServer } from '../support/server.ts'

const env = {
  SAM_KEY: 'sam-secret-access-key-for-tests-forty-00',
  STORE_SECRET: 'the-secret-of-the-store-itself-01234567',
}
const sam = { accessKeyId: 'AKIASAMSAMSAMSAMSAM2', secretAccessKey: env.SAM_KEY }

const declaration = (store: string, port: number) => `
organization: Acme
accounts: [{ name: acme, id: '111122223333' }]
users:
  - name: sam
    access_keys: [{ id: ${sam.accessKeyId}, secret: "\${SAM_KEY}" }]
    inline_policies:
      photos:
        Version: '2012-10-17'
        Statement: [{ Effect: Allow, Action: 's3:*', Resource: '*' }]
apps:
  - name: Store
    proxy:
      origins: ['http://s3.localhost:${port}']
      protocol: s3
      upstream: { url: '${store}', access_key_id: STOREOWNKEY000000001, secret: "\${STORE_SECRET}" }
`

/** More than the buffers of all sockets on the way hold. */
const upload = Buffer.alloc(24_000_000, 'abcdefghij')
const said = Buffer.alloc(1_000_000, '0123456789')

let store: Server
const agent = new Agent({ keepAlive: true })
const sockets = new Set<Socket>()
let answering: (socket: Socket) => void
let server: TestServer
let host: string

beforeAll(async () => {
  store = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    // The head of the request and what came with it; after that nothing more is read.
    socket.once('data', () => {
      socket.pause()
      answering(socket)
    })
  })
  await new Promise<void>((resolve) => store.listen(0, '127.0.0.1', resolve))
  const port = await freePort()
  host = `s3.localhost:${port}`
  server = await startServer({ env: { SIGNET_GATEWAY__PORT: String(port) } })
  await declare(
    server.database,
    declaration(`http://127.0.0.1:${(store.address() as AddressInfo).port}`, port),
    env,
  )
}, 60_000)
afterAll(async () => {
  agent.destroy()
  for (const socket of sockets) socket.destroy()
  store.close()
  await server.close()
})

/** Uploads through the gateway, and reads the answer as it comes, whatever was sent by then. */
function put(path: string): Promise<{ status: number | undefined; body: Buffer }> {
  const { hostname, port } = new URL(server.gatewayUrl)
  const headers = signHeaders(
    {
      method: 'PUT',
      rawUrl: path,
      headers: [
        ['host', host],
        ['x-amz-content-sha256', 'UNSIGNED-PAYLOAD'],
      ],
      body: { sha256: 'UNSIGNED-PAYLOAD' },
    },
    sam,
    { at: systemClock(), region: 'us-east-1', service: 's3' },
  )
  return new Promise((resolve, reject) => {
    const call = httpRequest(
      {
        hostname,
        port,
        method: 'PUT',
        path,
        setHost: false,
        agent,
        headers: { ...Object.fromEntries(headers), 'content-length': upload.length },
      },
      (answer) => {
        const chunks: Buffer[] = []
        answer.on('error', reject)
        answer.on('end', () => resolve({ status: answer.statusCode, body: Buffer.concat(chunks) }))
        answer.on('data', (chunk: Buffer) => chunks.push(chunk))
      },
    )
    call.on('error', reject)
    call.end(upload)
  })
}

it.each([
  [403, 'Forbidden'],
  [200, 'OK'],
] as const)('an answer %i to a part of an upload arrives whole', async (status, words) => {
  answering = (socket) => {
    socket.write(`HTTP/1.1 ${status} ${words}\r\nContent-Length: ${said.length}\r\n\r\n`)
    socket.end(said)
  }
  const answer = await put('/photos/early')
  expect([answer.status, answer.body.equals(said)]).toEqual([status, true])
  expect(server.complaints).toEqual([])
})

it('an answer that was not read yet outlives the connection on which the upload was cut off', async () => {
  let cut = (): void => {}
  answering = (socket) => {
    cut = () => socket.resetAndDestroy()
    socket.write('HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\n\r\nno more!\n')
  }
  const forwarding = createForwarding(20)
  const { port: at } = store.address() as AddressInfo
  // A gateway whose client takes nothing until it has sent everything.
  const between = createHttpServer((request, response) => {
    void (async () => {
      try {
        const answer = await forwarding.send(new URL(`http://127.0.0.1:${at}`), {
          method: 'PUT',
          path: '/',
          headers: [['content-length', String(upload.length)]],
          body: { from: request, steps: [] },
        })
        const sent = once(request, 'end')
        cut()
        // What is left of the upload is thrown away once passing it on has failed.
        await sent
        response.writeHead(answer.statusCode ?? 0)
        for await (const chunk of answer) response.write(chunk)
        response.end()
      } catch (thrown) {
        response.destroy(thrown as Error)
      }
    })()
  })
  await new Promise<void>((resolve) => between.listen(0, '127.0.0.1', resolve))
  try {
    const { port } = between.address() as AddressInfo
    const answer = await fetch(`http://127.0.0.1:${port}/`, { method: 'PUT', body: upload })
    expect([answer.status, await answer.text()]).toEqual([403, 'no more!\n'])
  } finally {
    forwarding.close()
    between.closeAllConnections()
    between.close()
  }
})
