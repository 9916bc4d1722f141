import { createHash, createHmac, createPublicKey, type Hash, type Hmac } from 'node:crypto'
import { SignatureV4a } from '@aws-sdk/signature-v4a'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { isFailure } from '#kernel'
import {
  checkFreshness,
  parseAuthorization,
  type SignableRequest,
  signHeaders,
  signHeadersV4a,
  sigv4aJwk,
  sigv4aKey,
  sigv4aPublicKey,
  verifySignature,
} from '#sigv4'

const credentials = {
  accessKeyId: 'AKIASIGNETVECTOR0001',
  secretAccessKey: 'signet/vector+Secret0123456789abcdefghij',
}
const publicKey = sigv4aPublicKey(sigv4aKey(credentials.accessKeyId, credentials.secretAccessKey).publicKey)
const now = Temporal.Instant.from('2026-11-21T22:15:00Z')
const scope = { at: now, service: 'sts', regionSet: 'eu-central-1' }
const form: SignableRequest = {
  method: 'POST',
  rawUrl: '/',
  headers: [
    ['host', 'localhost:4000'],
    ['content-type', 'application/x-www-form-urlencoded'],
  ],
  body: Buffer.from('Action=GetCallerIdentity&Version=2011-06-15'),
}
const signed = (): SignableRequest => ({ ...form, headers: signHeadersV4a(form, credentials, scope) })
const withHeader = (name: string, change: (value: string) => string): SignableRequest => {
  const request = signed()
  return {
    ...request,
    headers: request.headers.map(([key, value]) => [key, key === name ? change(value) : value] as const),
  }
}

function outcome(request: SignableRequest, rules: object = { publicKey }): string {
  try {
    const authorization = parseAuthorization(request)
    if (authorization === undefined) return 'unsigned'
    checkFreshness(authorization, { now, services: ['sts'] })
    verifySignature(authorization, request, rules)
    return 'accepted'
  } catch (thrown) {
    if (isFailure(thrown)) return thrown.reason
    throw thrown
  }
}

/** The hash that the SDK's signer wants; with a secret, the HMAC. */
class Sha256 {
  #hash: Hash | Hmac
  constructor(secret?: Uint8Array | string) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', secret)
  }
  update(data: string | Uint8Array): void {
    this.#hash.update(data)
  }
  async digest(): Promise<Uint8Array> {
    return this.#hash.digest()
  }
}

/** Signs with AWS's own code. */
async function bySdk(
  method = 'POST',
  path = '/',
  query: Record<string, string> = {},
): Promise<SignableRequest> {
  const signer = new SignatureV4a({
    credentials,
    region: '*',
    service: 'sts',
    // The class has the shape of the SDK's own.
    sha256: Sha256 as never,
    applyChecksum: false,
  })
  const made = (await signer.sign(
    {
      method,
      protocol: 'https:',
      hostname: 'id.example.com',
      path,
      query,
      headers: { host: 'id.example.com', 'content-type': 'application/x-www-form-urlencoded' },
      body: form.body,
    },
    { signingDate: new Date(now.epochMilliseconds) },
  )) as { headers: Record<string, string> }
  const text = new URLSearchParams(query).toString()
  return {
    method,
    rawUrl: text === '' ? path : `${path}?${text}`,
    headers: Object.entries(made.headers),
    body: form.body,
  }
}

describe('SigV4A', () => {
  it('is verified with the public key alone, and with the secret', () => {
    expect(outcome(signed())).toBe('accepted')
    expect(outcome(signed(), { secret: credentials.secretAccessKey })).toBe('accepted')
  })

  it("verifies what AWS's own signer signs", async () => {
    expect(outcome(await bySdk())).toBe('accepted')
    expect(outcome(await bySdk('GET', '/a b/c', { 'x y': '1+2', a: '' }))).toBe('accepted')
  })

  it('derives a key on the curve for every secret, the same each time', () => {
    fc.assert(
      fc.property(
        fc.stringMatching(/^AKIA[A-Z2-7]{16}$/),
        fc.string({ minLength: 16, maxLength: 60 }),
        (id, secret) => {
          const { publicKey: point } = sigv4aKey(id, secret)
          expect(point).toEqual(sigv4aKey(id, secret).publicKey)
          expect(createPublicKey({ key: sigv4aJwk(point), format: 'jwk' }).asymmetricKeyType).toBe('ec')
        },
      ),
      { numRuns: 50 },
    )
  })

  it('reads one region of the set, and any of several', () => {
    const regionOf = (regionSet: string) =>
      parseAuthorization({ ...form, headers: signHeadersV4a(form, credentials, { ...scope, regionSet }) })
        ?.region
    expect(['eu-west-1', 'eu-west-1,eu-west-2', '*', 'eu-*'].map(regionOf)).toEqual([
      'eu-west-1',
      '*',
      '*',
      '*',
    ])
  })
})

describe('SigV4A refuses', () => {
  it('any change to a signed part', () => {
    expect(outcome({ ...signed(), body: Buffer.from('Action=GetSessionToken') })).toBe('sigv4/mismatch')
    expect(outcome({ ...signed(), method: 'PUT' })).toBe('sigv4/mismatch')
    expect(outcome({ ...signed(), rawUrl: '/?a=b' })).toBe('sigv4/mismatch')
    expect(outcome(withHeader('host', () => 'evil.example.com'))).toBe('sigv4/mismatch')
    expect(outcome(withHeader('x-amz-region-set', () => '*'))).toBe('sigv4/mismatch')
  })

  it('a signature with any byte changed, and one that is no DER', () => {
    const last = (line: string, change: (signature: string) => string) =>
      line.replace(/Signature=(\w+)/, (_all, signature: string) => `Signature=${change(signature)}`)
    for (let index = 0; index < 140; index += 2) {
      const request = withHeader('authorization', (line) =>
        last(
          line,
          (hex) =>
            hex.slice(0, index) + (hex.slice(index, index + 2) === '00' ? '01' : '00') + hex.slice(index + 2),
        ),
      )
      expect(outcome(request)).toBe('sigv4/mismatch')
    }
    for (const bad of ['00'.repeat(70), 'ff'.repeat(32)]) {
      expect(outcome(withHeader('authorization', (line) => last(line, () => bad)))).toBe('sigv4/mismatch')
    }
    for (const bad of ['', 'zz', 'A0'.repeat(40), 'ab'.repeat(200)]) {
      expect(outcome(withHeader('authorization', (line) => last(line, () => bad)))).toBe(
        'sigv4/incomplete-signature',
      )
    }
  })

  it('a region set that is missing, not signed, or no list of regions', () => {
    const without = signed()
    expect(
      outcome({ ...without, headers: without.headers.filter(([name]) => name !== 'x-amz-region-set') }),
    ).toBe('sigv4/incomplete-signature')
    expect(outcome(withHeader('authorization', (line) => line.replace(';x-amz-region-set', '')))).toBe(
      'sigv4/unsigned-header',
    )
    expect(outcome(withHeader('x-amz-region-set', () => '<*>'))).toBe('sigv4/incomplete-signature')
  })

  it('an HMAC by a key that only signs with SigV4A, and the public key of another', () => {
    const hmac = signHeaders(form, credentials, { at: now, region: 'eu-central-1', service: 'sts' })
    expect(outcome({ ...form, headers: hmac })).toBe('sigv4/sigv4a-only')
    const other = sigv4aPublicKey(sigv4aKey(credentials.accessKeyId, 'another-secret').publicKey)
    expect(outcome(signed(), { publicKey: other })).toBe('sigv4/mismatch')
    expect(outcome(signed(), {})).toBe('sigv4/mismatch')
  })

  it('one algorithm in the place of the other', () => {
    expect(
      outcome(
        withHeader('authorization', (line) => line.replace('AWS4-ECDSA-P256-SHA256', 'AWS4-HMAC-SHA256')),
      ),
    ).toBe('sigv4/incomplete-signature')
    const hmac = signHeaders(form, credentials, { at: now, region: 'eu-central-1', service: 'sts' })
    const renamed = hmac.map(
      ([name, value]) => [name, value.replace('AWS4-HMAC-SHA256', 'AWS4-ECDSA-P256-SHA256')] as const,
    )
    expect(outcome({ ...form, headers: renamed })).toBe('sigv4/incomplete-signature')
  })
})
