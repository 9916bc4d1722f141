import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { refuse } from '#kernel'
import type { Authorization } from './authorization.ts'
import { signingKey } from './signing-key.ts'

/** What the signatures of a body's chunks begin with: the key, and the signature of the request itself. */
export type ChunkChain = {
  readonly key: Buffer
  readonly date: string
  readonly scope: string
  readonly seed: string
}

/** The chain of a request whose own signature was verified. */
export const chunkChain = (
  { date, day, region, service, signature }: Authorization,
  secret: string,
): ChunkChain => ({
  key: signingKey(secret, day, region, service),
  date,
  scope: `${day}/${region}/${service}/aws4_request`,
  seed: signature,
})

/** Verifies the signatures of one body, in the order in which the chunks come. */
export type ChunkVerifier = {
  /** @param hash SHA-256 of the chunk's bytes, hex. @throws Failure unauthenticated `sigv4/mismatch` */
  chunk(hash: string, signature: string): void
  /** @param lines the trailing headers as `name:value`, each with its line feed */
  trailer(lines: string, signature: string): void
}

const emptyHash = createHash('sha256').digest('hex')

/**
 * Each chunk's signature covers the one before it, so none can be changed, left out or moved (S3 API Reference, "Signature
 * calculations: transferring payload in multiple chunks", and "… with trailing headers").
 */
export function chunkVerifier({ key, date, scope, seed }: ChunkChain): ChunkVerifier {
  let previous = seed
  const check = (text: string, signature: string): void => {
    const expected = createHmac('sha256', key).update(text).digest()
    const given = Buffer.from(signature, 'hex')
    if (given.length !== expected.length || !timingSafeEqual(expected, given))
      refuse(
        'unauthenticated',
        'sigv4/mismatch',
        'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method.',
      )
    previous = signature
  }
  return {
    chunk: (hash, signature) =>
      check(['AWS4-HMAC-SHA256-PAYLOAD', date, scope, previous, emptyHash, hash].join('\n'), signature),
    trailer: (lines, signature) =>
      check(
        [
          'AWS4-HMAC-SHA256-TRAILER',
          date,
          scope,
          previous,
          createHash('sha256').update(lines).digest('hex'),
        ].join('\n'),
        signature,
      ),
  }
}
