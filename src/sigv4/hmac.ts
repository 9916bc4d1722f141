import { hash } from 'node:crypto'

const blockBytes = 64

/** HMAC-SHA-256 under one key; the answer has one character per byte (`latin1`). */
export type Mac = (message: string | Uint8Array) => string

/**
 * HMAC-SHA-256 (RFC 2104, FIPS 198-1) as two one-shot digests over the padded key. Node's own Hmac object costs twice as
 * much for a message of this size, most of it for making and collecting the object. The digests are Node's.
 *
 * @param key bytes, or text of one character per byte
 */
export function hmacSha256(key: Uint8Array | string): Mac {
  const given = typeof key === 'string' ? Buffer.from(key, 'latin1') : key
  const block = given.length > blockBytes ? Buffer.from(hash('sha256', given, 'latin1'), 'latin1') : given
  const [inner, outer] = [Buffer.alloc(blockBytes, 0x36), Buffer.alloc(blockBytes, 0x5c)]
  for (let index = 0; index < block.length; index++) {
    const byte = block[index] ?? 0
    inner[index] = byte ^ 0x36
    outer[index] = byte ^ 0x5c
  }
  return (message) => {
    const bytes = typeof message === 'string' ? Buffer.from(message) : message
    const digest = hash('sha256', Buffer.concat([inner, bytes]), 'latin1')
    return hash('sha256', Buffer.concat([outer, Buffer.from(digest, 'latin1')]), 'latin1')
  }
}
