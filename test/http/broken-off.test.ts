/** A client that hangs up is one line of our own log, whatever was under way; a fault of ours is an error, once. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { Readable } from 'node:stream'
import Koa from 'koa'
import { afterEach, beforeEach, expect, it, type MockInstance, vi } from 'vitest'
import { type EdgeLog, listen, logBroken, requestEdge, trustedProxies } from '#http'
import { systemClock } from '#kernel'
import { startServer } from '../support/server.ts'
import { patiently } from '../support/patience.ts'

type Line = { level: 'info' | 'warn' | 'error'; message: string; fields: Record<string, unknown> }

let printed: MockInstance
beforeEach(() => {
  printed = vi.spyOn(console, 'error').mockImplementation(() => {})
})
afterEach(() => {
  printed.mockRestore()
})

/** One handler behind the edge, over a real connection, and what it logs. */
async function serve(handler: (ctx: Koa.Context) => void) {
  const lines: Line[] = []
  const logOf = (bound: object): EdgeLog => {
    const at = (level: Line['level']) => (fields: object, message: string) =>
      lines.push({ level, message, fields: { ...bound, ...fields } })
    return {
      info: at('info'),
      warn: at('warn'),
      error: at('error'),
      child: (more) => logOf({ ...bound, ...more }),
    }
  }
  const log = logOf({})
  const app = new Koa().on('error', logBroken(log))
  const publicUrl = new URL('http://localhost')
  app.use(requestEdge({ clock: systemClock, log, proxies: trustedProxies(''), publicUrl }))
  app.use(handler)
  const answer = app.callback()
  const listening = await listen((request, response) => void answer(request, response), {
    host: '127.0.0.1',
    port: 0,
  })
  return { lines, ...listening, [Symbol.asyncDispose]: () => listening.drain(0) }
}

const request = (path: string, head = '') =>
  `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${head}\r\n`

it('an answer whose client went away is told in one line without a stack', async () => {
  await using served = await serve((ctx) => {
    // It never ends.
    ctx.body = new Readable({ read: () => undefined }).on('close', () => {})
    ;(ctx.body as Readable).push('begun')
  })
  const socket = connect(served.port, '127.0.0.1')
  socket.on('error', () => {})
  socket.write(request('/'))
  await once(socket, 'data')
  socket.resetAndDestroy()
  const broken = () => served.lines.filter(({ message }) => message !== 'request')
  await vi.waitFor(() => expect(broken()).not.toEqual([]), patiently)
  expect(broken()).toEqual([
    {
      level: 'info',
      message: 'a connection ended before its request did',
      fields: { request: expect.any(String), reason: expect.stringMatching(/^E/) },
    },
  ])
  expect(printed).not.toHaveBeenCalled()
})

it('a stream of ours that fails is told once, as an error with the request’s id', async () => {
  const fault = new Error('a bug')
  await using served = await serve((ctx) => {
    const body = new Readable({ read: () => undefined })
    body.push('begun')
    setTimeout(() => body.destroy(fault), 20)
    ctx.body = body
  })
  const socket = connect(served.port, '127.0.0.1')
  socket.on('error', () => {})
  socket.resume()
  socket.write(request('/'))
  await once(socket, 'close')
  const errors = () => served.lines.filter(({ level }) => level === 'error')
  await vi.waitFor(() => expect(errors()).not.toEqual([]), patiently)
  expect(errors()).toEqual([
    {
      level: 'error',
      message: 'an answer failed on its way',
      fields: { request: expect.any(String), err: fault },
    },
  ])
  expect(printed).not.toHaveBeenCalled()
})

it('the whole server complains of nothing when a client hangs up in the middle of what it says', async () => {
  const heard: string[] = []
  const server = await startServer({ hear: (_fields, message) => heard.push(message) })
  try {
    const socket = connect(Number(new URL(server.url).port), 'localhost')
    socket.on('error', () => {})
    socket.write(
      `POST / HTTP/1.1\r\nHost: ${new URL(server.url).host}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 60000\r\nExpect: 100-continue\r\n\r\n`,
    )
    const [answer] = (await once(socket, 'data')) as [Buffer]
    expect(answer.toString()).toContain('100 Continue')
    socket.write('Action=')
    socket.resetAndDestroy()
    await vi.waitFor(() => expect(heard).toContain('a connection ended before its request did'), patiently)
    expect(server.complaints).toEqual([])
    expect(printed).not.toHaveBeenCalled()
  } finally {
    await server.close()
  }
})
