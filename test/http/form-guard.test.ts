import Koa from 'koa'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { equal } from '#crypto'
import { cookieJar, formGuard, listen, type Listening } from '#http'
import { isFailure } from '#kernel'
import { testVault } from '../support/fixtures.ts'

const publicUrl = new URL('http://localhost:4000')
const jar = cookieJar(publicUrl)
const guard = formGuard({ jar, publicUrl, mac: testVault.mac, equal })
let server: Listening
let token: string
let cookie: string

beforeAll(async () => {
  const app = new Koa()
  app.use(async (ctx) => {
    try {
      ctx.body =
        ctx.method === 'GET' ? guard.token(ctx, 'a form') : (await guard.read(ctx, 'a form')).get('text')
    } catch (thrown) {
      if (!isFailure(thrown)) throw thrown
      ctx.body = thrown.reason
    }
  })
  const handler = app.callback()
  server = await listen((request, response) => void handler(request, response), {
    host: '127.0.0.1',
    port: 0,
  })
  const page = await fetch(`http://127.0.0.1:${server.port}/`)
  token = await page.text()
  cookie = page.headers
    .getSetCookie()
    .map((line) => line.split(';')[0])
    .join('; ')
})
afterAll(() => server.drain(1))

const send = async (headers: Record<string, string>): Promise<string> => {
  const body = new URLSearchParams({ _csrf: token, text: 'read' })
  const answer = await fetch(`http://127.0.0.1:${server.port}/`, {
    method: 'POST',
    body,
    headers: { cookie, ...headers },
  })
  return answer.text()
}

describe('a form is read', () => {
  it.each([
    ['from a client that says nothing of where it comes from', {}],
    ['from our origin', { origin: 'http://localhost:4000', 'sec-fetch-site': 'same-origin' }],
    ['from our own page, whose policy hides its origin', { origin: 'null', 'sec-fetch-site': 'same-origin' }],
  ])('%s', async (_, headers) => {
    expect(await send(headers)).toBe('read')
  })
})

describe('a form is refused', () => {
  it.each([
    ['from another origin', { origin: 'https://evil.example' }],
    ['from a sandboxed frame of another site', { origin: 'null', 'sec-fetch-site': 'cross-site' }],
    ['with a hidden origin from a browser that does not say whether it is ours', { origin: 'null' }],
    ['from a sister site', { 'sec-fetch-site': 'same-site' }],
  ])('%s', async (_, headers) => {
    expect(await send(headers)).toBe('http/cross-site')
  })
})
