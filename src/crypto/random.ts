import { randomBytes, randomFillSync } from 'node:crypto'

/** Drawn in one go: a call of the generator for a few bytes costs many times what it makes. */
const pool = Buffer.alloc(4_096)
const mostFromPool = 256
let used = pool.length

/** So many random bytes from the operating system's generator. None is ever given twice. */
export function random(size: number): Buffer {
  if (size > mostFromPool) return randomBytes(size)
  if (used + size > pool.length) {
    randomFillSync(pool)
    used = 0
  }
  const drawn = Buffer.from(pool.subarray(used, used + size))
  // What was given away is nobody else's to find.
  pool.fill(0, used, used + size)
  used += size
  return drawn
}
