import { hash, timingSafeEqual } from 'node:crypto'

/** SHA-256: how bearer values (codes, tokens, links, cookies) are stored. They are random and long, so no salt. */
export const sha256 = (value: string | Uint8Array): Buffer => hash('sha256', value, 'buffer')

/** Whether two values are the same, in time that does not tell where they differ. */
export function equal(left: string | Uint8Array, right: string | Uint8Array): boolean {
  // Hashing first makes the lengths equal, so that a wrong length costs the same as a wrong byte.
  return timingSafeEqual(sha256(left), sha256(right))
}
