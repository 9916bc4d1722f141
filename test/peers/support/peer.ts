import { describe } from 'vitest'

const missing = new Set((process.env['PEERS_MISSING'] ?? '').split(' ').filter((name) => name !== ''))

/**
 * `describe` for tests that need these Debian packages. scripts/peers.sh lets a run begin without one of them only when
 * it was told PEERS=optional, and has then named it; in every other run a program that is not there is a failure.
 */
export const describeWith = (...packages: readonly string[]): typeof describe.skip =>
  packages.some((name) => missing.has(name)) ? describe.skip : describe
