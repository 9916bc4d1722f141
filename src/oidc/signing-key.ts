import { type KeyObject, sign } from 'node:crypto'
import { promisify } from 'node:util'
import { endOfTurn } from '#kernel'
import type { SigningKey } from '#keys'
import { ExternalSigningKey } from './library.ts'

const signInPool = promisify(sign)

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

  constructor(key: SigningKey) {
    super()
    this.#key = key
    // Setters that the library's types do not tell of.
    Object.assign(this, { kid: key.kid, alg: key.alg })
  }

  override keyObject(): KeyObject {
    return this.#key.publicKey
  }

  override async sign(data: Uint8Array): Promise<Buffer> {
    const { alg, privateKey } = this.#key
    if (alg !== 'ES256') return signInPool('sha256', data, privateKey)
    await endOfTurn()
    return sign('sha256', data, { key: privateKey, dsaEncoding: 'ieee-p1363' })
  }
}
