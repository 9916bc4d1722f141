import { afterAll, beforeAll, expect, it } from 'vitest'
import { claim } from '../support/fixtures.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { systemClock } from '#kernel'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
  await claim(server.database, systemClock)
})
afterAll(() => server.close())

it.each(['/', '/login', '/device', '/no-such-page', '/saml/sso'])(
  'the page %s runs nothing from elsewhere, stands in no frame and leaks no address',
  async (path) => {
    const { headers } = await fetch(`${server.url}${path}`, { redirect: 'manual' })
    const policy = headers.get('content-security-policy') ?? ''
    for (const directive of [
      "default-src 'none'",
      "script-src 'self'",
      "frame-ancestors 'none'",
      "base-uri 'none'",
    ])
      expect(policy).toContain(directive)
    expect(headers.get('x-frame-options')).toBe('DENY')
    expect(headers.get('referrer-policy')).toBe('no-referrer')
    expect(headers.get('cross-origin-opener-policy')).toBe('same-origin')
    expect(headers.get('x-content-type-options')).toBe('nosniff')
  },
)

it.each(['/oauth2/token', '/oauth2/introspect', '/access/v1/evaluation', '/api/v1/role-sessions'])(
  'an answer of %s is taken for nothing but data',
  async (path) => {
    const { headers } = await fetch(`${server.url}${path}`, { method: 'POST' })
    expect(headers.get('content-security-policy')).toBe("default-src 'none'; frame-ancestors 'none'")
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('cross-origin-resource-policy')).toBe('same-origin')
  },
)
