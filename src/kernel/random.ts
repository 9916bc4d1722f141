import { randomBytes, randomFillSync } from 'node:crypto'

/** Drawn in one go: asking the system for a few bytes costs more than all else that a request does with them. */
const pool = Buffer.alloc(8_192)
const mostFromPool = 256
let used = pool.length

/** So many random bytes from the operating system's generator. None is ever given twice. */
export function random(size: number): Buffer {
  if (size > mostFromPool) return randomBytes(size)
  if (used + size > pool.length) {
    randomFillSync(pool)
    used = 0
  }
  const bytes = Buffer.from(pool.subarray(used, used + size))
  // Given once, and not left lying in memory.
  pool.fill(0, used, used + size)
  used += size
  return bytes
}
