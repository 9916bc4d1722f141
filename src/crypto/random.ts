import { randomBytes } from 'node:crypto'

/** So many random bytes from the operating system's generator. */
export const random = (size: number): Buffer => randomBytes(size)
