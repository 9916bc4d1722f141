/** A store may answer before it has read an upload, and read no more of it: that answer is what the client gets. */
import { once } from 'node:events'
import { Agent, createServer as createHttpServer, request as httpRequest } from 'node:http'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createForwarding } from '#src/gateway/forward.ts'
import { systemClock } from '#kernel'
import { signHeaders } from '#sigv4'
import { declare } from '../access/world.ts'
import { freePort, startServer, type TestServer } from '../support/server.ts'
import { sam, storeDeclaration, storeEnv } from '../support/store-behind-gateway.ts'

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
    storeDeclaration({
      store: `http://127.0.0.1:${(store.address() as AddressInfo).port}`,
      origins: [`http://${host}`],
      statements: [{ Effect: 'Allow', Action: 's3:*', Resource: 'arn:aws:s3:::photos/*' }],
    }),
    storeEnv,
  )
}, 60_000)
afterAll(async () => {
  agent.destroy()
  for (const socket of sockets) socket.destroy()
  store.close()
  await server.close()
})

/** The headers of an upload, signed. */
const signedHead = (path: string, method = 'PUT') =>
  signHeaders(
    {
      method,
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

/**
 * Uploads through the gateway, and reads the answer as it comes, whatever was sent by then.
 *
 * @param through `false` for a connection of its own, with `Connection: close`
 */
function put(
  path: string,
  through: Agent | false = agent,
): Promise<{ status: number | undefined; body: Buffer }> {
  const { hostname, port } = new URL(server.gatewayUrl)
  return new Promise((resolve, reject) => {
    const call = httpRequest(
      {
        hostname,
        port,
        method: 'PUT',
        path,
        setHost: false,
        agent: through,
        headers: { ...Object.fromEntries(signedHead(path)), 'content-length': upload.length },
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

describe.each([
  ['a connection that is kept', () => agent],
  ['a connection for this request alone', () => false as const],
])('over %s', (_name, through) => {
  it.each([
    [403, 'Forbidden'],
    [200, 'OK'],
  ] as const)('an answer %i to a part of an upload arrives whole', async (status, words) => {
    answering = (socket) => {
      socket.write(`HTTP/1.1 ${status} ${words}\r\nContent-Length: ${said.length}\r\n\r\n`)
      socket.end(said)
    }
    for (let times = 0; times < 5; times++) {
      const answer = await put('/photos/early', through())
      expect([answer.status, answer.body.equals(said)]).toEqual([status, true])
    }
    expect(server.complaints).toEqual([])
  })

  it('our own refusal of an upload arrives whole', async () => {
    for (let times = 0; times < 5; times++) {
      const answer = await put('/elsewhere/early', through())
      expect([answer.status, answer.body.toString()]).toEqual([403, expect.stringContaining('</Error>')])
    }
  })
})

it.each([
  ['says that the connection is to be closed', 'Connection: close\r\n', '/photos/early', 403],
  ['sends more than we would read', '', '/elsewhere/early', 403],
])(
  'a client that %s and reads nothing before it has sent everything gets the answer',
  async (_, line, path, status) => {
    answering = (socket) => {
      socket.write(`HTTP/1.1 403 Forbidden\r\nContent-Length: ${said.length}\r\n\r\n`)
      socket.end(said)
    }
    for (let times = 0; times < 3; times++) {
      const { hostname, port } = new URL(server.gatewayUrl)
      const client = connect(Number(port), hostname)
      const chunks: Buffer[] = []
      const head = signedHead(path).map(([name, value]) => `${name}: ${value}\r\n`)
      await new Promise<void>((resolve, reject) => {
        client.on('error', reject)
        client.write(
          `PUT ${path} HTTP/1.1\r\n${line}Content-Length: ${upload.length}\r\n${head.join('')}\r\n`,
        )
        client.write(upload, () => {
          client.on('data', (chunk: Buffer) => chunks.push(chunk))
          client.on('end', resolve)
        })
      })
      client.destroy()
      const answer = Buffer.concat(chunks).toString()
      expect(answer.startsWith(`HTTP/1.1 ${status} `)).toBe(true)
      expect(answer.endsWith(path.startsWith('/photos') ? said.toString() : '</Error>')).toBe(true)
    }
  },
)

it('what comes on a connection after its last answer is not done', async () => {
  let asked = 0
  answering = (socket) => {
    asked += 1
    socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\n\r\nno more!\n')
  }
  const { hostname, port } = new URL(server.gatewayUrl)
  const client = connect({ port: Number(port), host: hostname, allowHalfOpen: true })
  const head = (method: string, path: string) =>
    `${method} ${path} HTTP/1.1\r\n${signedHead(path, method)
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join('')}`
  client.write(`${head('PUT', '/elsewhere/early')}Transfer-Encoding: chunked\r\n\r\n`)
  const chunks: Buffer[] = []
  client.on('data', (chunk: Buffer) => chunks.push(chunk))
  await once(client, 'end')
  expect(Buffer.concat(chunks).toString()).toMatch(/^HTTP\/1\.1 403 [^]*\r\nConnection: close\r\n/)
  client.end(`0\r\n\r\n${head('DELETE', '/photos/second')}\r\n`)
  await once(client, 'close')
  expect((await put('/photos/third')).status).toBe(403)
  expect(asked).toBe(1)
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
