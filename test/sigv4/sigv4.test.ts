import { createHmac } from 'node:crypto'

import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { isFailure } from '#kernel'
import {
  canonicalRequest,
  checkFreshness,
  dayKeyCache,
  hmacSha256,
  parseAuthorization,
  payloadHash,
  presign,
  signHeaders,
  verifySignature,
  type SignableRequest,
} from '#sigv4'
import { hmacSha256Once } from '#src/sigv4/hmac.ts'

import corpus from './vectors.json' with { type: 'json' }

const secret = 'signet/vector+Secret0123456789abcdefghij'
const credentials = { accessKeyId: 'AKIASIGNETVECTOR0001', secretAccessKey: secret }
const now = Temporal.Instant.from('2026-11-21T22:15:00Z')
const scope = { at: now, region: 'eu-central-1', service: 'sts' }
const bytes = (text: string) => new TextEncoder().encode(text)

const form: SignableRequest = {
  method: 'POST',
  rawUrl: '/',
  headers: [
    ['Host', 'localhost:4000'],
    ['Content-Type', 'application/x-www-form-urlencoded'],
  ],
  body: bytes('Action=GetCallerIdentity&Version=2011-06-15'),
}
const signed = (request: SignableRequest = form, who = credentials, where = scope): SignableRequest => ({
  ...request,
  headers: signHeaders(request, who, where),
})
const withHeader = (request: SignableRequest, name: string, change: (value: string) => string) => ({
  ...request,
  headers: request.headers.map(
    ([key, value]) => [key, key.toLowerCase() === name ? change(value) : value] as const,
  ),
})

/** Runs all three steps; the reason of the refusal, or `accepted`. */
function outcome(
  request: SignableRequest,
  rules: { now?: Temporal.Instant; unsignedPayload?: boolean } = {},
) {
  try {
    const authorization = parseAuthorization(request)
    if (authorization === undefined) return 'unsigned'
    checkFreshness(authorization, { now: rules.now ?? now, services: ['sts'] })
    verifySignature(authorization, request, { secret, unsignedPayload: rules.unsignedPayload ?? false })
    return 'accepted'
  } catch (thrown) {
    if (isFailure(thrown)) return thrown.reason
    throw thrown
  }
}

describe('the vectors', () => {
  for (const vector of corpus.vectors) {
    it(vector.title, () => {
      const request: SignableRequest = {
        method: vector.method,
        rawUrl: vector.rawUrl,
        headers: vector.headers.map(([name = '', value = '']) => [name, value] as const),
        body: bytes(vector.body),
      }
      const authorization = parseAuthorization(request)
      if (authorization === undefined) throw new Error('no signature found')
      expect(canonicalRequest(request, { ...authorization, payloadHash: payloadHash(request.body) })).toBe(
        vector.canonical,
      )
      expect(authorization.signature).toBe(vector.signature)
      expect(() => {
        checkFreshness(authorization, { now, services: [vector.service] })
        verifySignature(authorization, request, { secret })
      }).not.toThrow()
    })
  }
})

describe('accepts', () => {
  it('what it signed itself, in a header and presigned', () => {
    const get: SignableRequest = {
      method: 'GET',
      rawUrl: '/?Action=GetCallerIdentity&Version=2011-06-15',
      headers: [['host', 'id.example.com']],
      body: bytes(''),
    }
    expect(outcome(signed())).toBe('accepted')
    expect(outcome({ ...get, rawUrl: presign(get, credentials, { ...scope, expiresInSeconds: 60 }) })).toBe(
      'accepted',
    )
  })

  it('a body known by its hash alone', () => {
    const whole = signed()
    expect(outcome({ ...whole, body: { sha256: payloadHash(whole.body) } })).toBe('accepted')
  })

  it('commas without a space behind them in the Authorization header', () => {
    expect(outcome(withHeader(signed(), 'authorization', (line) => line.replaceAll(', ', ',')))).toBe(
      'accepted',
    )
  })

  it('a signature of exactly fifteen minutes ago, and one of fifteen minutes ahead', () => {
    expect(outcome(signed(), { now: now.add({ minutes: 15 }) })).toBe('accepted')
    expect(outcome(signed(), { now: now.subtract({ minutes: 15 }) })).toBe('accepted')
  })

  it('an unsigned payload only where the caller of the function allows it', () => {
    const open = signed({ ...form, headers: [...form.headers, ['x-amz-content-sha256', 'UNSIGNED-PAYLOAD']] })
    expect(outcome(open)).toBe('sigv4/unsigned-payload')
    expect(outcome(open, { unsignedPayload: true })).toBe('accepted')
  })
})

describe('refuses', () => {
  const table: readonly (readonly [string, string, SignableRequest])[] = [
    ['another body', 'sigv4/mismatch', { ...signed(), body: bytes('Action=AssumeRole') }],
    ['another method', 'sigv4/mismatch', { ...signed(), method: 'PUT' }],
    ['another path', 'sigv4/mismatch', { ...signed(), rawUrl: '/x' }],
    ['another query', 'sigv4/mismatch', { ...signed(), rawUrl: '/?a=1' }],
    ['another host', 'sigv4/mismatch', withHeader(signed(), 'host', () => 'evil.example.com')],
    ['another secret', 'sigv4/mismatch', signed(form, { ...credentials, secretAccessKey: 'another secret' })],
    ['another service', 'sigv4/wrong-service', signed(form, credentials, { ...scope, service: 's3' })],
    [
      'a hash that is not that of the body',
      'sigv4/payload-mismatch',
      signed({ ...form, headers: [...form.headers, ['x-amz-content-sha256', '0'.repeat(64)]] }),
    ],
    [
      'a streaming body',
      'sigv4/unsigned-payload',
      signed({
        ...form,
        headers: [...form.headers, ['x-amz-content-sha256', 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD']],
      }),
    ],
    [
      'an x-amz header that was added after signing',
      'sigv4/unsigned-header',
      { ...signed(), headers: [...signed().headers, ['X-Amz-Security-Token', 'x']] },
    ],
    [
      'a host that is not signed',
      'sigv4/unsigned-header',
      withHeader(signed(), 'authorization', (line) => line.replace('content-type;host;', 'content-type;')),
    ],
    [
      'a signed header that was removed on the way',
      'sigv4/incomplete-signature',
      { ...signed(), headers: signed().headers.filter(([name]) => name !== 'Content-Type') },
    ],
    [
      'two Authorization headers',
      'sigv4/incomplete-signature',
      { ...signed(), headers: [...signed().headers, ['authorization', 'AWS4-HMAC-SHA256 x']] },
    ],
    [
      'two Host headers',
      'sigv4/incomplete-signature',
      { ...signed(), headers: [...signed().headers, ['host', 'localhost:4000']] },
    ],
    [
      'two dates',
      'sigv4/incomplete-signature',
      { ...signed(), headers: [...signed().headers, ['x-amz-date', '20261121T221500Z']] },
    ],
    [
      'a signature in the header and in the query',
      'sigv4/incomplete-signature',
      { ...signed(), rawUrl: '/?X-Amz-Signature=1' },
    ],
    ['a query that is not UTF-8', 'sigv4/malformed-url', { ...signed(), rawUrl: '/?a=%ff' }],
    [
      'a request target that is a whole URL',
      'sigv4/incomplete-signature',
      { ...signed(), rawUrl: 'http://x/' },
    ],
    [
      'a scope of another day than the date',
      'sigv4/wrong-day',
      withHeader(signed(), 'authorization', (line) => line.replace('/20261121/', '/20261120/')),
    ],
    [
      'another terminator',
      'sigv4/wrong-terminator',
      withHeader(signed(), 'authorization', (line) => line.replace('aws4_request', 'aws3_request')),
    ],
    [
      'another algorithm',
      'sigv4/incomplete-signature',
      withHeader(signed(), 'authorization', (line) => line.replace('AWS4-HMAC-SHA256', 'AWS4-HMAC-SHA1')),
    ],
  ]
  for (const [title, reason, request] of table) it(title, () => expect(outcome(request)).toBe(reason))

  it('a signature one second older than fifteen minutes, in the words clients know', () => {
    const authorization = parseAuthorization(signed())
    if (authorization === undefined) throw new Error('unsigned')
    const late = { now: now.add({ minutes: 15, seconds: 1 }), services: ['sts'] }
    expect(() => checkFreshness(authorization, late)).toThrow(
      'Signature expired: 20261121T221500Z is now earlier than 20261121T221501Z (20261121T223001Z - 15 min.)',
    )
    expect(outcome(signed(), { now: now.subtract({ minutes: 15, seconds: 1 }) })).toBe(
      'sigv4/not-yet-current',
    )
  })

  it('a presigned request after its own end, where its own end counts', () => {
    const get = { method: 'GET', rawUrl: '/', headers: [['host', 'a'] as const], body: bytes('') }
    const rawUrl = presign(get, credentials, { ...scope, expiresInSeconds: 60 })
    const authorization = parseAuthorization({ ...get, rawUrl })
    if (authorization === undefined) throw new Error('unsigned')
    const later = { now: now.add({ seconds: 61 }), services: ['sts'] }
    expect(() => checkFreshness(authorization, { ...later, presigned: 'as-signed' })).toThrow(
      'Signature expired',
    )
    expect(() => checkFreshness(authorization, later)).not.toThrow()
  })

  it('a presigned request that wants to live longer than a week', () => {
    const get = { method: 'GET', rawUrl: '/', headers: [['host', 'a'] as const], body: bytes('') }
    const rawUrl = presign(get, credentials, { ...scope, expiresInSeconds: 604_801 })
    expect(outcome({ ...get, rawUrl })).toBe('sigv4/incomplete-signature')
  })

  for (const piece of ['Credential', 'SignedHeaders', 'Signature']) {
    it(`an Authorization header without ${piece}, and names it`, () => {
      const without = withHeader(signed(), 'authorization', (line) =>
        line.replace(new RegExp(`${piece}=[^,]*(, )?`), ''),
      )
      expect(() => parseAuthorization(without)).toThrow(`'${piece}'`)
    })
  }

  it('any change to any signed part', () => {
    const whole = signed({ ...form, rawUrl: '/a/b?x=1&y=2' })
    const part = fc.constantFrom(
      'method',
      'rawUrl',
      'body',
      'host',
      'content-type',
      'x-amz-date',
      'signature',
    )
    fc.assert(
      fc.property(part, fc.nat(), fc.integer({ min: 1, max: 93 }), (which, at, shift) => {
        const change = (text: string) => {
          const index = at % text.length
          const code = ((text.charCodeAt(index) - 33 + shift) % 94) + 33
          return text.slice(0, index) + String.fromCharCode(code) + text.slice(index + 1)
        }
        const changed: SignableRequest =
          which === 'method'
            ? { ...whole, method: change(whole.method) }
            : which === 'rawUrl'
              ? { ...whole, rawUrl: change(whole.rawUrl) }
              : which === 'body'
                ? { ...whole, body: bytes(change('Action=GetCallerIdentity&Version=2011-06-15')) }
                : which === 'signature'
                  ? withHeader(whole, 'authorization', (line) => line.slice(0, -64) + change(line.slice(-64)))
                  : withHeader(whole, which, change)
        expect(outcome(changed)).not.toBe('accepted')
      }),
      { numRuns: 500 },
    )
  })

  it.each([',=x', ', x=x', ',Credential2=x', ', Signature =x'])('a part of no meaning, %j', (part) => {
    expect(outcome(withHeader(signed(), 'authorization', (line) => line + part))).toBe(
      'sigv4/incomplete-signature',
    )
  })

  it('garbage, always with a refusal and never with a bug', () => {
    fc.assert(
      fc.property(fc.string(), fc.string({ unit: 'binary' }), (line, url) => {
        const request = {
          ...form,
          rawUrl: '/' + url,
          headers: [
            ['host', 'a'],
            ['authorization', line],
          ] as const,
        }
        expect(outcome(request)).toMatch(/^sigv4\//)
      }),
    )
    fc.assert(
      fc.property(fc.string(), (tail) => {
        expect(outcome(withHeader(signed(), 'authorization', (line) => line + tail + 'x'))).not.toBe(
          'accepted',
        )
      }),
    )
  })
})

describe('the HMAC', () => {
  it('is what Node computes, for keys and messages of every length and script', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 150 }),
        fc.oneof(fc.string({ unit: 'grapheme' }), fc.uint8Array({ maxLength: 200 })),
        (key, message) => {
          const theirs = createHmac('sha256', key).update(message).digest('latin1')
          const kept = hmacSha256(key)
          expect([kept(message), kept(message), hmacSha256Once(key, message)]).toEqual(Array(3).fill(theirs))
        },
      ),
    )
  })

  it('is so around the length from which a message is put together elsewhere', () => {
    const [one, other] = [hmacSha256('one'), hmacSha256('other')]
    for (const length of [1_343, 1_344, 1_345, 4_031, 4_032, 4_033, 100_000])
      for (const message of ['x'.repeat(length), '€'.repeat(length), Buffer.alloc(length, 7)]) {
        const of = (key: string) => createHmac('sha256', key).update(message).digest('latin1')
        expect([one(message), other(message), hmacSha256Once('one', message)]).toEqual([
          of('one'),
          of('other'),
          of('one'),
        ])
      }
  })

  it('gives the value of RFC 4231, test case 6: a key longer than a block', () => {
    const mac = hmacSha256(Buffer.alloc(131, 0xaa))('Test Using Larger Than Block-Size Key - Hash Key First')
    expect(Buffer.from(mac, 'latin1').toString('hex')).toBe(
      '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
    )
  })
})

describe('a client that sends the same Authorization header but for its signature', () => {
  const line = (request: SignableRequest) =>
    request.headers.find(([name]) => name === 'authorization')?.[1] ?? ''

  it('has each signature read and checked for itself', () => {
    const first = signed()
    const second = signed({ ...form, body: bytes('Action=GetSessionToken&Version=2011-06-15') })
    expect(line(first).slice(0, -64)).toBe(line(second).slice(0, -64))
    expect([outcome(first), outcome(second), outcome(first)]).toEqual(['accepted', 'accepted', 'accepted'])
    const exchanged = withHeader(second, 'authorization', () => line(first))
    expect(outcome(exchanged)).toBe('sigv4/mismatch')
  })

  it('is refused for a malformed signature as often as it sends one', () => {
    const good = signed()
    expect(outcome(good)).toBe('accepted')
    for (const tail of ['G'.repeat(64), 'A'.repeat(64), '0'.repeat(63)]) {
      const bad = withHeader(good, 'authorization', (text) => text.slice(0, -64) + tail)
      expect(outcome(bad)).toBe('sigv4/incomplete-signature')
    }
  })

  it('cannot hide a second signature behind a name that ends like it', () => {
    const good = signed()
    expect(outcome(good)).toBe('accepted')
    const other = '0'.repeat(64)
    for (const [first, second] of [
      [line(good).slice(-64), other],
      [other, line(good).slice(-64)],
    ]) {
      const both = withHeader(
        good,
        'authorization',
        (text) => `${text.slice(0, -64)}${first}, XSignature=${second}`,
      )
      expect([outcome(both), outcome(both)]).toEqual(Array(2).fill('sigv4/incomplete-signature'))
    }
  })
})

describe('the cache of day keys', () => {
  it('never answers for another secret under the same key id', () => {
    const keys = dayKeyCache(2)
    const where = { day: '20261121', region: 'r', service: 'sts' }
    const first = keys('AKIA', 'one', where)
    expect(keys('AKIA', 'one', where)).toBe(first)
    expect(keys('AKIA', 'two', where)('text')).not.toBe(first('text'))
  })

  it('forgets the one that was used longest ago', () => {
    const keys = dayKeyCache(2)
    const where = { day: '20261121', region: 'r', service: 'sts' }
    const first = keys('A', 's', where)
    keys('B', 's', where)
    keys('A', 's', where)
    keys('C', 's', where)
    expect(keys('A', 's', where)).toBe(first)
  })
})
