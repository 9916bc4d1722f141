import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import Koa from 'koa'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openAssets, serveAssets } from '#http'

const assets = openAssets([new URL('../../views/assets/', import.meta.url).pathname])
const app = new Koa()
app.use(serveAssets(assets))
app.use((ctx) => {
  ctx.status = 418
})
const answer = app.callback()
const server = createServer((incoming, outgoing) => void answer(incoming, outgoing))
beforeAll(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)))
afterAll(() => new Promise<unknown>((resolve) => server.close(resolve)))

type Answer = { status: number; headers: Record<string, string | string[] | undefined>; body: Buffer }

/** One request with the encodings as given: `fetch` would choose its own. */
const ask = (path: string, encodings?: string, method = 'GET'): Promise<Answer> =>
  new Promise((resolve, reject) => {
    request(
      {
        port: (server.address() as AddressInfo).port,
        path,
        method,
        headers: encodings === undefined ? {} : { 'accept-encoding': encodings },
      },
      (answer) => {
        const parts: Buffer[] = []
        answer.on('data', (part: Buffer) => parts.push(part))
        answer.on('end', () =>
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(parts) }),
        )
      },
    )
      .on('error', reject)
      .end()
  })

const css = assets.url('signet.css')
const plain = assets.find(css)?.body ?? Buffer.alloc(0)

describe('static files', () => {
  it('have their hash in the URL and may be kept for good', async () => {
    expect(css).toMatch(/^\/assets\/signet-[\w-]{10}\.css$/)
    const answer = await ask(css)
    expect(answer.headers['cache-control']).toBe('public, max-age=31536000, immutable')
    expect(answer.headers['content-type']).toBe('text/css; charset=utf-8')
    expect(answer.body.equals(plain)).toBe(true)
  })

  it('come compressed as the browser likes', async () => {
    const brotli = await ask(css, 'gzip, deflate, br')
    expect(brotli.headers['content-encoding']).toBe('br')
    expect(brotliDecompressSync(brotli.body).equals(plain)).toBe(true)
    const gzip = await ask(css, 'gzip, br;q=0')
    expect(gzip.headers['content-encoding']).toBe('gzip')
    expect(gunzipSync(gzip.body).equals(plain)).toBe(true)
    expect(gzip.headers['vary']).toContain('Accept-Encoding')
  })

  it('answer HEAD without a body', async () => {
    const answer = await ask(css, 'br', 'HEAD')
    expect(answer.status).toBe(200)
    expect(answer.body).toHaveLength(0)
  })

  it.each(['/assets/signet.css', '/assets/../assets/signet.css', '/assets/', '/assets/%2e%2e/layout.eta'])(
    'are nothing at %s',
    async (path) => {
      expect((await ask(path)).status).toBe(418)
    },
  )

  it('keep the sign-in page small: style and script together at most 9 KB on the wire', async () => {
    const size = async (name: string) =>
      (await assets.find(assets.url(name))?.encoded?.('br'))?.length ?? Infinity
    expect((await size('signet.css')) + (await size('signet.js'))).toBeLessThan(9 * 1024)
  })
})
