import { spawn } from 'node:child_process'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts'
import '@aws-sdk/signature-v4a'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'

import { listEvents } from '#audit'
import { putApp } from '#apps'
import { sql } from '#database'
import { setAccessKeyStatus, updateUser, type User } from '#directory'
import { systemClock } from '#kernel'
import { type HeaderPairs, signHeaders, signHeadersV4a } from '#sigv4'

import { startExample } from '../../clients/verify/example.ts'
import { acme, seedAcme } from '../support/acme.ts'
import { home } from '../support/fixtures.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { patiently } from '../support/patience.ts'

type Credentials = { accessKeyId: string; secretAccessKey: string; sessionToken?: string }
type Service = { url: string; close(): Promise<void> }

vi.setConfig({ testTimeout: 60_000 })
let server: TestServer
let alice: User
let asking: Service
let publicOnly: Service
const client = { id: acme.clientId, secret: acme.clientSecret }

beforeAll(async () => {
  server = await startServer()
  alice = await seedAcme(server.database)
  await putApp(server.database, systemClock, {
    accountId: home,
    kind: 'oidc',
    name: 'Shop',
    servicePrefix: 'orders',
    signingKeys: true,
  })
  // Their bound is not what their tests are about (those at the end set it): a machine that stands still must not reach it.
  asking = await startExample({ signet: server.url, service: 'orders', client, boundSeconds: 60 })
  publicOnly = await startExample({ signet: server.url, service: 'orders', boundSeconds: 60 })
}, 60_000)
afterAll(async () => {
  await Promise.all([asking.close(), publicOnly.close()])
  await server.close()
})

/** A session, of the signed form when it is asked for with SigV4A. */
async function session(form: 'sealed' | 'signed'): Promise<Required<Credentials>> {
  const sts = new STSClient({
    endpoint: server.url,
    region: 'us-east-1',
    credentials: acme,
    ...(form === 'signed' ? { authSchemePreference: ['sigv4a'], sigv4aSigningRegionSet: ['*'] } : {}),
  })
  const { Credentials: given } = await sts.send(
    new AssumeRoleCommand({
      RoleArn: acme.roleArn,
      RoleSessionName: 'desk',
      Tags: [{ Key: 'team', Value: 'north' }],
    }),
  )
  return {
    accessKeyId: given?.AccessKeyId ?? '',
    secretAccessKey: given?.SecretAccessKey ?? '',
    sessionToken: given?.SessionToken ?? '',
  }
}

type Call = {
  by: Credentials
  with?: 'sigv4' | 'sigv4a'
  service?: string
  path?: string
  body?: string
  at?: Temporal.Instant
  change?: (headers: HeaderPairs) => HeaderPairs
  sent?: { body?: string; path?: string }
}

async function call(
  to: Service,
  {
    by,
    with: how = 'sigv4',
    service = 'orders',
    path = '/o/1?b=2&a=x%20y',
    body = 'hello',
    at = systemClock(),
    change = (same) => same,
    sent = {},
  }: Call,
) {
  const request = {
    method: 'POST',
    rawUrl: path,
    headers: [['host', new URL(to.url).host] as const],
    body: Buffer.from(body),
  }
  const headers =
    how === 'sigv4'
      ? signHeaders(request, by, { at, region: 'eu-central-1', service })
      : signHeadersV4a(request, by, { at, service, regionSet: '*' })
  const answer = await fetch(`${to.url}${sent.path ?? path}`, {
    method: 'POST',
    headers: change(headers)
      .filter(([name]) => name !== 'host')
      .map(([name, value]): [string, string] => [name, value]),
    body: sent.body ?? body,
  })
  return {
    status: answer.status,
    ...((await answer.json()) as { hello?: string; code?: string; tags?: object }),
  }
}
const withHeader = (name: string, change: (value: string) => string) => (headers: HeaderPairs) =>
  headers.map(([key, value]) => [key, key === name ? change(value) : value] as const)
const asked = async () => (await listEvents(server.database, { name: 'IssueSigningKey' })).length
/**
 * Which of these texts a process of ours has in its writable memory (Linux). It is read piece by piece: hundreds of
 * megabytes at once would hold up the server in this process, and with it the heartbeats that the services wait for.
 */
async function foundInMemoryOf(pid: number, texts: readonly string[]): Promise<string[]> {
  const pieceBytes = 4_194_304
  const overlap = Math.max(...texts.map((text) => Buffer.byteLength(text)))
  const found = new Set<string>()
  const piece = Buffer.alloc(pieceBytes)
  const file = await open(`/proc/${pid}/mem`, 'r')
  try {
    for (const line of readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n')) {
      const [, from = '', to = ''] = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line) ?? []
      const end = Number.parseInt(to, 16)
      // Neighbouring pieces share as much as the longest text, so that none is missed where they meet.
      for (let at = Number.parseInt(from, 16); at < end; at += pieceBytes - overlap) {
        const length = Math.min(pieceBytes, end - at)
        // What the kernel does not let anybody read (the place may be gone by now) holds nothing of ours.
        const { bytesRead } = await file.read(piece, 0, length, at).catch(() => ({ bytesRead: 0 }))
        const read = piece.subarray(0, bytesRead)
        for (const text of texts) if (read.includes(text)) found.add(text)
      }
    }
  } finally {
    await file.close()
  }
  return [...found]
}
const desk = `arn:aws:sts::${home}:assumed-role/OrdersReader/desk`

describe('a service that verifies by itself, with a key of its own service and day', () => {
  it('knows long-term keys and sessions, and asks once for each', async () => {
    const before = await asked()
    expect(await call(asking, { by: acme })).toMatchObject({ status: 200, hello: alice.arn })
    const by = await session('sealed')
    for (let times = 0; times < 5; times++)
      expect(await call(asking, { by })).toMatchObject({ status: 200, hello: desk, tags: { team: 'north' } })
    expect(await asked()).toBe(before + 2)
    expect(await call(asking, { by, with: 'sigv4a' })).toMatchObject({ status: 200, hello: desk })
    expect(await call(asking, { by, path: "/a b/'c'*/ü?x=1+2&x=&é" }).catch(() => 'unsendable')).toBeDefined()
    expect(await call(asking, { by, path: '/a%20b/%27c%27/?x=1+2&x=&A=%2F' })).toMatchObject({ status: 200 })
  })

  it('refuses what is changed, old, unsigned, or meant for another service', async () => {
    const by = await session('sealed')
    await call(asking, { by })
    const other = await session('sealed')
    const cases: [Call, string][] = [
      [{ by, sent: { body: 'other' } }, 'SignatureDoesNotMatch'],
      [{ by, sent: { path: '/o/2' } }, 'SignatureDoesNotMatch'],
      [{ by: { ...by, secretAccessKey: 'wrong' } }, 'SignatureDoesNotMatch'],
      [{ by, service: 'billing' }, 'SignatureDoesNotMatch'],
      [{ by, at: systemClock().subtract({ minutes: 16 }) }, 'SignatureDoesNotMatch'],
      [{ by, at: systemClock().add({ minutes: 16 }) }, 'SignatureDoesNotMatch'],
      [
        { by, change: (headers) => headers.filter(([name]) => name !== 'authorization') },
        'MissingAuthenticationToken',
      ],
      [{ by, change: (headers) => [...headers, ['x-amz-meta-more', '1']] }, 'SignatureDoesNotMatch'],
      [
        { by, change: (headers) => [...headers, ['x-amz-content-sha256', 'UNSIGNED-PAYLOAD']] },
        'SignatureDoesNotMatch',
      ],
      [
        { by, change: withHeader('authorization', (line) => line.replace('Signature=', 'Sig=')) },
        'IncompleteSignature',
      ],
      [{ by: { ...by, sessionToken: other.sessionToken } }, 'InvalidClientTokenId'],
      [{ by: { ...by, accessKeyId: other.accessKeyId } }, 'InvalidClientTokenId'],
      [{ by: { ...by, sessionToken: by.sessionToken.slice(0, -4) } }, 'InvalidClientTokenId'],
      [{ by: { accessKeyId: by.accessKeyId, secretAccessKey: by.secretAccessKey } }, 'InvalidClientTokenId'],
    ]
    for (const [each, code] of cases) expect(await call(asking, each)).toMatchObject({ code })
  })

  it('ends a caller within the bound: a key switched off, a user disabled, a session revoked', async () => {
    const one = await session('sealed')
    const gone = (by: Credentials) =>
      vi.waitFor(
        async () => expect(await call(asking, { by })).toMatchObject({ code: 'ExpiredToken' }),
        patiently,
      )
    expect(await call(asking, { by: one })).toMatchObject({ status: 200 })
    await server.database.query(sql`select raise_epoch('key', ${one.accessKeyId})`)
    await gone(one)

    const two = await session('sealed')
    expect(await call(asking, { by: two })).toMatchObject({ status: 200 })
    await setAccessKeyStatus(server.database, acme.accessKeyId, 'Inactive')
    await gone(two)
    await gone(acme)
    await setAccessKeyStatus(server.database, acme.accessKeyId, 'Active')

    const three = await session('sealed')
    expect(await call(asking, { by: three })).toMatchObject({ status: 200 })
    await updateUser(server.database, alice.userId, { status: 'disabled' })
    await gone(three)
    await updateUser(server.database, alice.userId, { status: 'active' })
  })
})

describe('the keys for that', () => {
  const post = (body: object, secret: string = acme.clientSecret) =>
    fetch(`${server.url}/access/v1/signing-keys`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: `Basic ${Buffer.from(`${acme.clientId}:${secret}`).toString('base64')}`,
      },
      body: JSON.stringify(body),
    })
  const request = (by: Credentials, service = 'orders') => {
    const made = {
      method: 'GET',
      rawUrl: '/',
      headers: [['host', 'orders']] as [string, string][],
      body: new Uint8Array(),
    }
    const headers = signHeaders(made, by, { at: systemClock(), region: 'x', service })
    return { method: 'GET', url: '/', headers }
  }

  it('are for registered services with that right, and for callers that they have seen', async () => {
    expect((await post({ request: request(acme) }, 'wrong')).status).toBe(401)
    expect((await fetch(`${server.url}/access/v1/signing-keys`, { method: 'POST' })).status).toBe(401)
    const foreign = (await (await post({ request: request(acme, 'billing') })).json()) as object
    expect(foreign).toMatchObject({ verified: false, error: { code: 'SignatureDoesNotMatch' } })
    const forged = (await (
      await post({ request: request({ ...acme, secretAccessKey: 'guess' }) })
    ).json()) as object
    expect(forged).toMatchObject({ verified: false, error: { code: 'SignatureDoesNotMatch' } })
    await putApp(server.database, systemClock, {
      accountId: home,
      kind: 'oidc',
      name: 'Shop',
      servicePrefix: 'orders',
    })
    await vi.waitFor(async () => expect((await post({ request: request(acme) })).status).toBe(403), patiently)
    await putApp(server.database, systemClock, {
      accountId: home,
      kind: 'oidc',
      name: 'Shop',
      servicePrefix: 'orders',
      signingKeys: true,
    })
    await vi.waitFor(async () => expect((await post({ request: request(acme) })).status).toBe(200), patiently)
  })
})

describe('a service that holds no secret', () => {
  it('verifies sessions by public keys and asks Signet nothing', async () => {
    const by = await session('signed')
    const before = await asked()
    expect(await call(publicOnly, { by, with: 'sigv4a' })).toMatchObject({
      status: 200,
      hello: desk,
      tags: { team: 'north' },
    })
    expect(await asked()).toBe(before)
    for (const hidden of [by.secretAccessKey, acme.secretAccessKey, acme.clientSecret])
      expect(readFileSync(new URL('../../clients/verify/verify.ts', import.meta.url), 'utf8')).not.toContain(
        hidden,
      )
  })

  it('has no secret in its memory and writes nothing to disk', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'signet-public-only-'))
    const child = spawn(process.execPath, [join(import.meta.dirname, '../../clients/verify/example.ts')], {
      cwd: folder,
      env: { HOME: folder, TMPDIR: folder, SIGNET: server.url, SERVICE: 'orders', PORT: '0' },
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    try {
      const url = await new Promise<string>((resolve) =>
        child.stdout.on('data', (text) => resolve(/http:\S+/.exec(String(text))?.[0] ?? '')),
      )
      const by = await session('signed')
      for (let times = 0; times < 3; times++)
        expect(await call({ url, close: async () => {} }, { by, with: 'sigv4a' })).toMatchObject({
          status: 200,
        })
      const hidden = [by.secretAccessKey, acme.secretAccessKey, acme.clientSecret]
      // What is in it for sure is found; what must not be is not.
      expect(await foundInMemoryOf(child.pid ?? 0, [by.accessKeyId, ...hidden])).toEqual([by.accessKeyId])
      expect(readdirSync(folder)).toEqual([])
    } finally {
      child.kill('SIGKILL')
      rmSync(folder, { recursive: true })
    }
  })

  it('refuses what it cannot verify so', async () => {
    const by = await session('signed')
    const other = await session('signed')
    const [head = '', body = '', signature = ''] = by.sessionToken.split('.')
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as object
    const forged = Buffer.from(JSON.stringify({ ...claims, sub: 'arn:aws:iam::1:root' })).toString(
      'base64url',
    )
    const cases: [Call, string][] = [
      [{ by }, 'AccessDenied'],
      [{ by: acme, with: 'sigv4a' }, 'AccessDenied'],
      [{ by: await session('sealed'), with: 'sigv4a' }, 'AccessDenied'],
      [{ by: { ...by, secretAccessKey: 'wrong' }, with: 'sigv4a' }, 'SignatureDoesNotMatch'],
      [{ by: { ...by, sessionToken: other.sessionToken }, with: 'sigv4a' }, 'InvalidClientTokenId'],
      [
        { by: { ...by, sessionToken: `${head}.${forged}.${signature}` }, with: 'sigv4a' },
        'InvalidClientTokenId',
      ],
      [
        {
          by: {
            ...by,
            sessionToken: `${Buffer.from('{"alg":"none","typ":"session+jwt"}').toString('base64url')}.${body}.`,
          },
          with: 'sigv4a',
        },
        'InvalidClientTokenId',
      ],
      [{ by, with: 'sigv4a', sent: { body: 'x' } }, 'SignatureDoesNotMatch'],
    ]
    for (const [each, code] of cases) expect(await call(publicOnly, each)).toMatchObject({ code })
  })

  it('ends a session within a second of its revocation', async () => {
    const by = await session('signed')
    expect(await call(publicOnly, { by, with: 'sigv4a' })).toMatchObject({ status: 200 })
    await server.database.query(sql`select raise_epoch('key', ${by.accessKeyId})`)
    await vi.waitFor(
      async () =>
        expect(await call(publicOnly, { by, with: 'sigv4a' })).toMatchObject({ code: 'ExpiredToken' }),
      patiently,
    )
  })
})

describe('a service that is cut off', () => {
  it('refuses after its bound, and goes on when the way is open again', async () => {
    const by = await session('signed')
    const port = Number(new URL(server.url).port)
    const sockets = new Set<Socket>()
    let open = true
    const relay: Server = createServer((near) => {
      if (!open) return void near.destroy()
      const far = connect(port, 'localhost')
      for (const socket of [near, far]) {
        sockets.add(socket)
        socket.on('error', () => {})
        socket.on('close', () => sockets.delete(socket))
      }
      near.pipe(far).pipe(near)
    })
    await new Promise<void>((resolve) => relay.listen(0, 'localhost', resolve))
    // The service reaches Signet by the relay; the name of the issuer stays Signet's own.
    const realFetch = globalThis.fetch
    const through = `http://localhost:${(relay.address() as AddressInfo).port}`
    vi.stubGlobal('fetch', (url: string | URL, init?: RequestInit) =>
      realFetch(String(url).replace(`${server.url}/access`, `${through}/access`), init),
    )
    const service = await startExample({ signet: server.url, service: 'orders', boundSeconds: 2 })
    try {
      const status = async () => (await call(service, { by, with: 'sigv4a' })).status
      await vi.waitFor(async () => expect(await status()).toBe(200), patiently)
      open = false
      for (const socket of sockets) socket.destroy()
      await vi.waitFor(async () => expect(await status()).toBe(503), patiently)
      open = true
      await vi.waitFor(async () => expect(await status()).toBe(200), patiently)
    } finally {
      await service.close()
      vi.unstubAllGlobals()
      for (const socket of sockets) socket.destroy()
      relay.close()
    }
  })

  describe('from the revocations alone', () => {
    const realFetch = globalThis.fetch
    /** `silent` keeps the connection open and says nothing; `closed` has none; `all` cuts off the questions too. */
    let cut: 'no' | 'silent' | 'closed' | 'all'
    const streams = new Set<AbortController>()
    const cutOff = (how: typeof cut) => {
      cut = how
      for (const stream of streams) stream.abort()
      streams.clear()
    }

    beforeEach(() => {
      cut = 'no'
      vi.stubGlobal('fetch', async (url: string | URL, init: RequestInit = {}) => {
        const path = String(url).replace(server.url, '')
        if (!path.startsWith('/access/')) return realFetch(url, init)
        if (cut === 'all') throw new TypeError('cut off')
        if (path !== '/access/v1/revocations') return realFetch(url, init)
        if (cut === 'closed') throw new TypeError('cut off')
        if (cut === 'silent') {
          const stream = new ReadableStream({
            start: (controller) => init.signal?.addEventListener('abort', () => controller.error('aborted')),
          })
          return new Response(stream)
        }
        const stop = new AbortController()
        streams.add(stop)
        return realFetch(url, { ...init, signal: AbortSignal.any([stop.signal, init.signal ?? stop.signal]) })
      })
    })
    afterEach(() => {
      vi.unstubAllGlobals()
    })

    it.each(['silent', 'closed'] as const)('asks about every request while it is %s', async (how) => {
      const service = await startExample({ signet: server.url, service: 'orders', client, boundSeconds: 2 })
      try {
        const by = await session('sealed')
        // While it hears the revocations it asks about a caller once.
        const asksNothing = async (who: Credentials) => {
          expect(await call(service, { by: who })).toMatchObject({ status: 200, hello: desk })
          const now = await asked()
          expect(await call(service, { by: who })).toMatchObject({ status: 200 })
          expect(await asked()).toBe(now)
          return now
        }
        const once = await vi.waitFor(() => asksNothing(by), patiently)

        cutOff(how)
        // Until the bound has passed its own knowledge counts, from then on the answer of each question.
        await vi.waitFor(async () => {
          await call(service, { by })
          expect(await asked()).toBeGreaterThan(once)
        }, patiently)
        const before = await asked()
        for (let times = 0; times < 3; times++)
          expect(await call(service, { by })).toMatchObject({ status: 200, hello: desk })
        expect(await asked()).toBe(before + 3)
        expect(await call(service, { by: { ...by, secretAccessKey: 'wrong' } })).toMatchObject({
          status: 403,
          code: 'SignatureDoesNotMatch',
        })
        await server.database.query(sql`select raise_epoch('key', ${by.accessKeyId})`)
        await vi.waitFor(
          async () => expect(await call(service, { by })).toMatchObject({ code: 'ExpiredToken' }),
          patiently,
        )

        // The way is open again: it asks about a new caller once, and knows what was revoked meanwhile.
        cutOff('no')
        const other = await session('sealed')
        await vi.waitFor(() => asksNothing(other), patiently)
        expect(await call(service, { by })).toMatchObject({ code: 'ExpiredToken' })
      } finally {
        await service.close()
      }
    })

    it.each([
      ['there is nobody it could ask', undefined, 'closed'],
      ['nobody answers', client, 'all'],
    ] as const)('refuses when %s', async (_what, who, how) => {
      const service = await startExample({
        signet: server.url,
        service: 'orders',
        boundSeconds: 2,
        ...(who === undefined ? {} : { client: who }),
      })
      try {
        const by = await session('signed')
        const status = async () => (await call(service, { by, with: 'sigv4a' })).status
        await vi.waitFor(async () => expect(await status()).toBe(200), patiently)
        cutOff(how)
        await vi.waitFor(async () => expect(await status()).toBe(503), patiently)
        for (let times = 0; times < 3; times++) expect(await status()).toBe(503)
      } finally {
        await service.close()
      }
    })
  })

  it('is under its size', () => {
    const lines = (name: string) =>
      readFileSync(new URL(`../../clients/verify/${name}`, import.meta.url), 'utf8').split('\n').length - 1
    expect(lines('verify.ts')).toBeLessThan(400)
    expect(lines('example.ts')).toBeLessThanOrEqual(100)
    const imports = readFileSync(new URL('../../clients/verify/verify.ts', import.meta.url), 'utf8').match(
      /from '[^']+'/g,
    )
    expect(imports).toEqual(["from 'node:crypto'"])
  })
})
