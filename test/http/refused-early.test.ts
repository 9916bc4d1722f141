/** A body that is larger than its limit, or that nobody wants: the client gets the answer, even one that sends all before it reads. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startServer, type TestServer } from '../support/server.ts'

/** More than the buffers of both sockets hold. */
const bytes = 24_000_000
const part = Buffer.alloc(1_000_000, 'a')

let server: TestServer
beforeAll(async () => {
  server = await startServer()
}, 60_000)
afterAll(() => server.close())

type Upload = { path: string; type?: string; connection?: 'close' | 'keep-alive'; chunked?: boolean }

/** Sends all of a request, then reads. @returns the answer's status line, and the connection */
async function upload({
  path,
  type = 'application/x-www-form-urlencoded',
  connection = 'keep-alive',
  chunked = false,
}: Upload) {
  const { hostname, port, host } = new URL(server.url)
  const socket = connect(Number(port), hostname)
  const answer = new Promise<string>((resolve, reject) => {
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('closed without an answer')))
    const write = (data: string | Buffer) => new Promise<void>((sent) => socket.write(data, () => sent()))
    void (async () => {
      await write(
        `POST ${path} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: ${type}\r\nConnection: ${connection}\r\n${
          chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${bytes}`
        }\r\n\r\n`,
      )
      for (let sent = 0; sent < bytes; sent += part.length) {
        if (chunked) await write(`${part.length.toString(16)}\r\n`)
        await write(part)
        if (chunked) await write('\r\n')
      }
      if (chunked) await write('0\r\n\r\n')
      // Only now is anything read.
      const [first] = (await once(socket, 'data')) as [Buffer]
      resolve(first.toString().split('\r\n', 1)[0] ?? '')
    })()
  })
  try {
    return { line: await answer, socket }
  } catch (thrown) {
    socket.destroy()
    throw thrown
  }
}

const ways = [
  { connection: 'keep-alive', chunked: false },
  { connection: 'keep-alive', chunked: true },
  { connection: 'close', chunked: false },
  { connection: 'close', chunked: true },
] as const

describe.each(ways)('over a connection "$connection", chunked: $chunked', (way) => {
  it.each([
    ['the Query API', '/', 413],
    ['a token endpoint', '/oauth2/token', 400],
    ['a SAML endpoint', '/saml/sso', 400],
    ['an address that nobody has', '/nothing', 404],
    ['the JSON API, without credentials', '/api/v1/revocations', 401],
    ['the decision point, without credentials', '/access/v1/evaluation', 401],
  ])('%s answers', async (_name, path, status) => {
    const { line, socket } = await upload({ path, ...way })
    socket.destroy()
    expect(line).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    expect(server.complaints).toEqual([])
  })
})

it('a connection that is kept takes the next request', async () => {
  const { line, socket } = await upload({ path: '/', chunked: true })
  expect(line).toContain(' 413 ')
  socket.write(`GET /healthz/live HTTP/1.1\r\nHost: ${new URL(server.url).host}\r\nConnection: close\r\n\r\n`)
  let text = ''
  for await (const data of socket) text += String(data)
  expect(text).toContain('HTTP/1.1 200 OK')
})
