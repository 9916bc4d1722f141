import { type KeyObject, sign } from 'node:crypto'
import { promisify } from 'node:util'
import type { SigningKey } from '#keys'
import { ExternalSigningKey } from './library.ts'

const signInPool = promisify(sign)

type Waiting = {
  readonly data: Uint8Array
  resolve(signature: Buffer): void
  reject(reason: unknown): void
}

/**
 * One of our keys as the library signs with it. ES256 is signed on this thread: the way through the pool costs more than
 * the signature. What is asked for in one turn of the loop is signed in one go at its end, since a signature among others
 * costs little more than half of one that finds its tables gone from the processor's cache. RS256 is dear, so it goes
 * through the pool and the loop stays free.
 *
 * The library's support for this is experimental: `provider.ts` acknowledges the version, and a release that changes it
 * fails at start.
 */
export class ProviderKey extends ExternalSigningKey {
  readonly #key: SigningKey
  #waiting: Waiting[] = []

  constructor(key: SigningKey) {
    super()
    this.#key = key
    // Setters that the library's types do not tell of.
    Object.assign(this, { kid: key.kid, alg: key.alg })
  }

  override keyObject(): KeyObject {
    return this.#key.publicKey
  }

  override sign(data: Uint8Array): Promise<Buffer> {
    if (this.#key.alg !== 'ES256') return signInPool('sha256', data, this.#key.privateKey)
    return new Promise((resolve, reject) => {
      this.#waiting.push({ data, resolve, reject })
      if (this.#waiting.length === 1) setImmediate(() => this.#signAll())
    })
  }

  #signAll(): void {
    const waiting = this.#waiting
    this.#waiting = []
    const key = { key: this.#key.privateKey, dsaEncoding: 'ieee-p1363' } as const
    for (const { data, resolve, reject } of waiting) {
      try {
        resolve(sign('sha256', data, key))
      } catch (thrown) {
        reject(thrown)
      }
    }
  }
}
