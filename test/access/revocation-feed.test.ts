import { createHash } from 'node:crypto'
import { EventEmitter } from 'node:events'
import { compactVerify, createRemoteJWKSet } from 'jose'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createRevocationFeed } from '#access'
import { sql } from '#database'
import { openKeys } from '#keys'
import { openEpochs, type Raised, revocationSubject } from '#sessions'
import { claim, fixedClock, testVault } from '../support/fixtures.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { patiently } from '../support/patience.ts'

type Message = {
  iss: string
  at: number
  n: number
  seq: number
  revoked: [subject: string, epoch: number][]
}

let server: TestServer
beforeAll(async () => {
  server = await startServer()
  await claim(server.database, fixedClock())
})
afterAll(() => server.close())

const raise = (kind: string, id: string) => server.database.query(sql`select raise_epoch(${kind}, ${id})`)
const feedUrl = (after?: number) =>
  `${server.url}/access/v1/revocations${after === undefined ? '' : `?after=${after}`}`
const keys = () => createRemoteJWKSet(new URL(`${server.url}/access/v1/jwks`))

async function verified(message: string): Promise<Message> {
  const { payload, protectedHeader } = await compactVerify(message, keys())
  expect(protectedHeader).toMatchObject({ alg: 'ES256', typ: 'revocations+jwt' })
  return JSON.parse(Buffer.from(payload).toString()) as Message
}

/** Reads the stream until `enough` says so. */
async function follow(enough: (messages: readonly Message[]) => boolean, started = () => {}) {
  const aborting = new AbortController()
  const answer = await fetch(feedUrl(), {
    headers: { accept: 'text/event-stream' },
    signal: aborting.signal,
  })
  expect(answer.headers.get('content-type')).toMatch(/^text\/event-stream/)
  const messages: Message[] = []
  let text = ''
  for await (const chunk of answer.body ?? []) {
    text += Buffer.from(chunk).toString()
    const events = text.split('\n\n')
    text = events.pop() ?? ''
    for (const event of events) messages.push(await verified(event.replace('data: ', '')))
    if (messages.length === 1) started()
    if (enough(messages)) break
  }
  aborting.abort()
  return messages
}

const poll = async (after?: number) => {
  const { message } = (await (await fetch(feedUrl(after))).json()) as { message: string }
  return verified(message)
}

/** Raises it and waits until the server has heard of it: PostgreSQL tells a moment after the commit. */
async function raiseAndHear(kind: string, id: string): Promise<void> {
  await raise(kind, id)
  const subject = revocationSubject(kind, id)
  await expect.poll(async () => (await poll()).revoked.map(([each]) => each)).toContain(subject)
}

describe('the feed of revocations', () => {
  it('begins with all that is known, tells every raise at once, and beats in between', async () => {
    await raiseAndHear('user', 'AIDABEFORE')
    const messages = await follow(
      (all) =>
        all.length >= 4 &&
        all.some(
          ({ revoked }) =>
            revoked.length === 1 &&
            revoked[0]?.[1] === 1 &&
            revoked[0][0] === revocationSubject('user', 'AIDAAFTER'),
        ),
      () => void raise('user', 'AIDAAFTER'),
    )
    expect(messages[0]?.revoked).toContainEqual([revocationSubject('user', 'AIDABEFORE'), 1])
    expect(messages.filter(({ revoked }) => revoked.length === 0).length).toBeGreaterThan(0)
    expect(messages.map(({ n }) => n)).toEqual(messages.map((_, index) => (messages[0]?.n ?? 0) + index))
    const places = messages.map(({ seq }) => seq)
    expect(places).toEqual(places.toSorted((a, b) => a - b))
    expect(new Set(messages.map(({ iss }) => iss))).toEqual(new Set([server.url]))
  })

  it('answers a poll with what came since, and waits where nothing did', async () => {
    await raiseAndHear('role', 'AROAPOLL')
    const first = await poll()
    expect(first.revoked).toContainEqual([revocationSubject('role', 'AROAPOLL'), 1])
    const next = poll(first.seq)
    await raise('role', 'AROAPOLL')
    expect((await next).revoked).toContainEqual([revocationSubject('role', 'AROAPOLL'), 2])
    const quiet = await poll((await poll()).seq)
    expect(quiet.at).toBeGreaterThanOrEqual(first.at)
  })

  it('names nobody', async () => {
    await raiseAndHear('key', 'AKIASECRETLYNAMED234')
    const { revoked } = await poll()
    expect(JSON.stringify(revoked)).not.toMatch(/AKIA|AIDA|AROA/)
    expect(revoked).toContainEqual([
      createHash('sha256')
        .update('signet/revocation/key/AKIASECRETLYNAMED234')
        .digest()
        .subarray(0, 16)
        .toString('base64url'),
      1,
    ])
  })

  it('leaves out what was revoked before the longest session began', async () => {
    await raiseAndHear('user', 'AIDALONGAGO')
    await server.database.query(
      sql`update revocation_epoch set changed_at = now() - interval '40 hours' where id = 'AIDALONGAGO'`,
    )
    // Another node that starts now reads the time; this one knows that it happened while it ran.
    const again = await startServer({ database: server.database })
    try {
      const { message } = (await (await fetch(`${again.url}/access/v1/revocations`)).json()) as {
        message: string
      }
      const { revoked } = JSON.parse(
        Buffer.from(message.split('.')[1] ?? '', 'base64url').toString(),
      ) as Message
      expect(revoked.map(([subject]) => subject)).not.toContain(revocationSubject('user', 'AIDALONGAGO'))
      expect(revoked.map(([subject]) => subject)).toContain(revocationSubject('user', 'AIDABEFORE'))
    } finally {
      await again.close()
    }
  })

  it('refuses a place that is no number', async () => {
    for (const after of ['x', '-1', '1e9', '', '1&after=2']) {
      expect((await fetch(`${server.url}/access/v1/revocations?after=${after}`)).status).toBe(400)
    }
  })
})

describe('a node that is cut off from the database', () => {
  it('gives no message, no heartbeat and no answer to a poll', async () => {
    const clock = fixedClock()
    const signing = await openKeys({
      database: server.database,
      vault: testVault,
      clock,
      publicUrl: new URL(server.url),
    })
    // Only now: a database may wait for time that goes by.
    vi.useFakeTimers({ toFake: ['setInterval', 'setTimeout', 'setImmediate'] })
    let age = 0
    let heard: (raised: Raised) => void = () => {}
    const feed = createRevocationFeed({
      clock,
      keys: signing,
      publicUrl: new URL(server.url),
      epochs: {
        age: () => age,
        known: () => [],
        position: () => 7,
        onRaise: (listener) => {
          heard = listener
          return () => {}
        },
      },
    })
    try {
      const written: string[] = []
      const res = Object.assign(new EventEmitter(), {
        writableLength: 0,
        write: (text: string) => written.push(text),
        writeHead() {},
        end() {},
      })
      const ctx = { res }
      feed.stream(ctx as never, undefined)
      const count = () => written.splice(0).length
      expect(count()).toBe(1)
      vi.advanceTimersByTime(3_000)
      expect(count()).toBe(3)
      age = 2_000
      vi.advanceTimersByTime(5_000)
      expect(count()).toBe(0)
      expect(() => feed.stream(ctx as never, undefined)).toThrow(
        expect.objectContaining({ reason: 'access/revocations-unknown' }),
      )
      await expect(feed.poll(ctx as never, undefined)).rejects.toMatchObject({ kind: 'unavailable' })
      age = 0
      heard({ kind: 'user', id: 'AIDANEWS', epoch: 1, seq: 8, at: undefined })
      vi.advanceTimersByTime(1)
      expect(count()).toBe(1)
    } finally {
      feed.close()
      vi.useRealTimers()
    }
  })

  it('takes no session on the word of an old copy, and asks first', async () => {
    const { database } = server
    let away = false
    const epochs = await openEpochs({
      database: {
        ...database,
        kind: 'postgres',
        query: (statement) => (away ? Promise.reject(new Error('away')) : database.query(statement)),
      },
      boundMilliseconds: 50,
    })
    try {
      await vi.waitFor(() => epochs.requireFresh(), patiently)
      away = true
      await vi.waitUntil(() => epochs.age() > 50, patiently)
      await expect(epochs.requireFresh()).rejects.toMatchObject({
        kind: 'unavailable',
        reason: 'sessions/revocations-unknown',
      })
      away = false
      await vi.waitFor(() => epochs.requireFresh(), patiently)
    } finally {
      await epochs.close()
    }
  })
})
