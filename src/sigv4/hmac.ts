import { hash } from 'node:crypto'

const blockBytes = 64
const digestBytes = 32

/** HMAC-SHA-256 under one key; the answer has one character per byte (`latin1`). */
export type Mac = (message: string | Uint8Array) => string

/**
 * Where a padded key and what it is hashed with are put together. A buffer made for each digest would cost more than the
 * digest, most of it when it is collected. Nothing here waits, so nobody else writes in between.
 */
const scratch = Buffer.alloc(4_096)
/** The same for the second digest, whose length never differs. */
const second = Buffer.alloc(blockBytes + digestBytes)
/** The beginnings of `scratch` by their length, made when they are first asked for. */
const beginnings: (Uint8Array | undefined)[] = Array.from({ length: scratch.length + 1 })

/**
 * HMAC-SHA-256 (RFC 2104, FIPS 198-1) as two one-shot digests over the padded key. Node's own Hmac object costs several
 * times as much for a message of this size. The digests are Node's.
 *
 * @param key bytes, or text of one character per byte
 */
export function hmacSha256(key: Uint8Array | string): Mac {
  pad(key)
  // As text: a buffer of its own for each key is dearer to collect.
  const inner = scratch.toString('latin1', 0, blockBytes)
  const outer = second.toString('latin1', 0, blockBytes)
  return (message) => {
    scratch.write(inner, 'latin1')
    const first = hashed(message)
    second.write(outer, 'latin1')
    return hashedAgain(first)
  }
}

/** One HMAC-SHA-256 under a key that is used once, as in a chain of keys. */
export function hmacSha256Once(key: Uint8Array | string, message: string | Uint8Array): string {
  pad(key)
  return hashedAgain(hashed(message))
}

/** Puts the two padded keys where they are hashed. A key longer than a block is hashed (RFC 2104 §2). */
function pad(given: Uint8Array | string): void {
  const key = given.length > blockBytes ? hash('sha256', bytesOf(given), 'latin1') : given
  for (let index = 0; index < blockBytes; index++) {
    const byte = index >= key.length ? 0 : typeof key === 'string' ? key.charCodeAt(index) : (key[index] ?? 0)
    scratch[index] = byte ^ 0x36
    second[index] = byte ^ 0x5c
  }
}

const bytesOf = (key: Uint8Array | string): Uint8Array =>
  typeof key === 'string' ? Buffer.from(key, 'latin1') : key

/** The digest over the first block of `scratch` and the message. */
function hashed(message: string | Uint8Array): string {
  const room = scratch.length - blockBytes
  // A UTF-16 unit is at most three bytes.
  if (typeof message === 'string' ? message.length * 3 > room : message.length > room) {
    const bytes = typeof message === 'string' ? Buffer.from(message) : message
    return hash('sha256', Buffer.concat([scratch.subarray(0, blockBytes), bytes]), 'latin1')
  }
  let length = message.length
  if (typeof message === 'string') length = scratch.write(message, blockBytes)
  else scratch.set(message, blockBytes)
  const end = blockBytes + length
  return hash('sha256', (beginnings[end] ??= scratch.subarray(0, end)), 'latin1')
}

/** The digest over the first block of `second` and a digest. */
function hashedAgain(digest: string): string {
  second.write(digest, blockBytes, 'latin1')
  return hash('sha256', second, 'latin1')
}
