/** The gateway before an HTTP API: who asks is forward-auth's, and so are the rules; bodies are verified as they pass. */
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '#kernel'
import { presign } from '#sigv4'
import { declare } from '../access/world.ts'
import { rawRequest } from '../support/raw-http.ts'
import { freePort, startServer, type TestServer } from '../support/server.ts'
import { type Call, clientOf, hashOf } from './world.ts'

const home = '111122223333'
const env = { DORA_KEY: 'dora-secret-access-key-for-tests-forty00' }
const dora = { accessKeyId: 'AKIADORADORADORADORA', secretAccessKey: env.DORA_KEY }

/** The app: it keeps what came, and answers with it. */
const seen: { method: string; url: string; headers: IncomingHttpHeaders; body: string }[] = []
/** The next request to this address ends its connection. */
let cutOnce = ''
let app: Server
let server: TestServer
let host: string
let client: ReturnType<typeof clientOf>

const declaration = (upstream: string, port: number) => `
organization: Acme
accounts: [{ name: acme, id: '${home}' }]
users:
  - name: dora
    access_keys: [{ id: ${dora.accessKeyId}, secret: "\${DORA_KEY}" }]
    inline_policies:
      orders:
        Version: '2012-10-17'
        Statement:
          - { Effect: Allow, Action: ['orders:Read', 'orders:Write'], Resource: 'arn:aws:orders::${home}:order/*' }
          - { Effect: Deny, Action: 'orders:*', Resource: 'arn:aws:orders::${home}:order/secret' }
apps:
  - name: Orders
    service_prefix: orders
    proxy:
      origins: ['http://orders.localhost:${port}']
      signed_for: [execute-api]
      rules:
        - { path: '/public', access: anyone }
        - { path: '/orders/{id}', methods: [GET], action: Read, resource: 'order/{id}' }
        - { path: '/orders/{id}', methods: [PUT, POST], action: Write, resource: 'order/{id}' }
      upstream: { url: '${upstream}' }
`

beforeAll(async () => {
  app = createServer((request, response) => {
    if (request.url === cutOnce) {
      cutOnce = ''
      request.socket.destroy()
      return
    }
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { method = '', url = '', headers } = request
      const body = Buffer.concat(chunks).toString()
      seen.push({ method, url, headers, body })
      response.writeHead(201, {
        'content-type': 'text/x-own',
        'x-own': 'yes',
        connection: 'x-hop',
        'x-hop': 'no',
      })
      response.end(`app: ${body.length}`)
    })
  })
  await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve))
  const upstream = `http://127.0.0.1:${(app.address() as AddressInfo).port}`
  const port = await freePort()
  host = `orders.localhost:${port}`
  server = await startServer({ env: { SIGNET_GATEWAY__PORT: String(port) } })
  await declare(server.database, declaration(upstream, port), env)
  client = clientOf(server.gatewayUrl)
}, 60_000)
afterAll(async () => {
  await server.close()
  app.closeAllConnections()
  app.close()
})
beforeEach(() => {
  seen.length = 0
})

const call = (path: string, more: Partial<Call> = {}) =>
  client.signed(dora, { path, host, service: 'execute-api', ...more })

describe('a request that is allowed', () => {
  it('reaches the app with who it is, and without what proved it', async () => {
    const answer = await call('/orders/17?x=%20y', {
      method: 'PUT',
      body: '{"a":1}',
      headers: { 'content-type': 'application/json', 'x-own-header': 'kept' },
    })
    expect([answer.status, answer.body, answer.headers.get('x-own'), answer.headers.get('x-hop')]).toEqual([
      201,
      'app: 7',
      'yes',
      null,
    ])
    expect(answer.headers.get('content-type')).toBe('text/x-own')
    const [got] = seen
    expect([got?.method, got?.url, got?.body]).toEqual(['PUT', '/orders/17?x=%20y', '{"a":1}'])
    expect(got?.headers).toMatchObject({
      'remote-user': 'dora',
      'x-signet-arn': `arn:aws:iam::${home}:user/dora`,
      'x-forwarded-host': host,
      'x-forwarded-proto': 'http',
      'x-own-header': 'kept',
    })
    expect(got?.headers.authorization).toBeUndefined()
    expect(got?.headers['x-amz-date']).toBeUndefined()
  })

  it('by a presigned link reaches it without the signature and what it carries', async () => {
    const url = presign(
      { method: 'GET', rawUrl: '/orders/17?a=1', headers: [['host', host]], body: new Uint8Array() },
      dora,
      { at: systemClock(), region: 'us-east-1', service: 'execute-api', expiresInSeconds: 60 },
    )
    expect((await client.send({ path: url, host })).status).toBe(201)
    expect(seen[0]?.url).toBe('/orders/17?a=1')
  })

  it('and only reads is sent again where the app has closed a connection that was kept', async () => {
    expect((await call('/orders/1')).status).toBe(201)
    cutOnce = '/orders/kept'
    expect((await call('/orders/kept')).status).toBe(201)
    cutOnce = '/orders/kept'
    expect((await call('/orders/kept', { method: 'PUT', body: 'once' })).status).toBe(503)
    expect(seen.map(({ method, url }) => [method, url])).toEqual([
      ['GET', '/orders/1'],
      ['GET', '/orders/kept'],
    ])
  })

  it('tells the app nothing that the client wrote in the identity’s place', async () => {
    const answer = await client.send({
      path: '/public',
      host,
      headers: {
        'remote-user': 'admin',
        Remote_User: 'admin',
        'X-Signet-Arn': 'arn:aws:iam::1:root',
        'Remote.User': 'admin',
        'X-Forwarded-User': 'admin',
        'x-forwarded-for': '1.2.3.4',
        'x-real-ip': '1.2.3.4',
        'true-client-ip': '1.2.3.4',
        x_client_ip: '1.2.3.4',
        cookie: 'signet-site=abc; theirs=1',
        connection: 'close, x-drop',
        'x-drop': 'me',
      },
    })
    expect(answer.status).toBe(201)
    const headers = seen[0]?.headers ?? {}
    expect(JSON.stringify(headers)).not.toMatch(/admin|1\.2\.3\.4/)
    expect([headers['x-signet-arn'], headers['x-drop'], headers.cookie]).toEqual([
      undefined,
      undefined,
      'theirs=1',
    ])
  })
})

describe('a request that is not', () => {
  it('never reaches the app: denied, unsigned, of no rule, ambiguous', async () => {
    expect((await call('/orders/secret')).status).toBe(403)
    expect((await call('/orders/%73ecret')).status).toBe(403)
    for (const path of ['/orders/secret;x=1', '/orders/secret#17'])
      expect([path, (await call(path)).status]).toEqual([path, 400])
    expect((await call('/elsewhere')).status).toBe(403)
    expect((await call('/public/../orders/secret')).status).toBe(400)
    expect((await call('/public%2f..%2forders%2fsecret')).status).toBe(400)
    expect((await client.send({ path: '/orders/17', host })).status).toBe(401)
    expect((await call('/orders/17', { service: 's3' })).status).toBe(401)
    const browser = await client.send({ path: '/orders/17', host, headers: { accept: 'text/html' } })
    expect([browser.status, browser.headers.get('location')]).toEqual([
      302,
      expect.stringContaining(`${server.url}/forward-auth/start?to=`),
    ])
    expect(seen).toEqual([])
  })

  it('names another method or address than the one that is decided on', async () => {
    for (const name of ['X-HTTP-Method-Override', 'X_Http_Method', 'X-Original-URL', 'X-Rewrite-URL']) {
      const answer = await client.send({ path: '/public', host, headers: { [name]: '/orders/secret' } })
      expect([name, answer.status]).toEqual([name, 400])
    }
    expect(seen).toEqual([])
  })

  it('has another body than was signed, whether its hash is said or not', async () => {
    const put = { method: 'PUT', body: 'pay 1', sent: { body: 'pay 9' } } as const
    expect((await call('/orders/17', put)).status).toBe(401)
    expect((await call('/orders/17', { ...put, said: hashOf('pay 1') })).status).toBe(400)
    expect(seen).toEqual([])
    const large = 'x'.repeat(400_000)
    const good = await call('/orders/17', { method: 'PUT', body: large, said: hashOf(large) })
    expect([good.status, good.body]).toEqual([201, 'app: 400000'])
    expect((await call('/orders/17', { method: 'PUT', body: 'x'.repeat(1_100_000) })).status).toBe(400)
    expect((await call('/orders/17', { method: 'PUT', body: '', said: 'STREAMING-X' })).status).toBe(400)
  })

  it('smuggles nothing: two lengths, an absolute address, another Host', async () => {
    const head = async (path: string, headers: Record<string, string>) =>
      (await rawRequest(server.gatewayUrl, { path, headers: { host, ...headers }, body: '0\r\n\r\n' })).status
    expect(await head('/public', { 'content-length': '5', 'transfer-encoding': 'chunked' })).toBe(400)
    expect(await head('/public', { 'transfer-encoding': 'chunked, identity' })).toBe(400)
    expect(await head(`http://${host}/public`, {})).toBe(400)
    expect(seen).toEqual([])
    expect(server.complaints).toEqual([])
  })

  it('smuggles nothing behind more headers than are counted', async () => {
    const inner = `GET /orders/secret HTTP/1.1\r\nHost: ${host}\r\n\r\n`
    const many = Object.fromEntries(Array.from({ length: 120 }, (_, index) => [`x-${index}`, '1']))
    for (const method of ['GET', 'DELETE', 'POST']) {
      const answer = await rawRequest(server.gatewayUrl, {
        method,
        path: '/public',
        headers: { host, ...many, 'content-length': String(inner.length) },
        body: inner,
      })
      expect([method, answer.status]).toEqual([method, 431])
    }
    expect((await client.send({ path: '/public', host })).status).toBe(201)
    expect(seen.map(({ url }) => url)).toEqual(['/public'])
  })
})
