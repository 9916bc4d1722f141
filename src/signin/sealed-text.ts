import type { Vault } from '#crypto'

/** A short secret that waits in an interaction's progress: sealed under the interaction's id, as base64. */
export const sealText = (vault: Vault, text: string, context: string): string =>
  vault.seal(text, context).toString('base64')

/** Opens what `sealText` sealed. */
export const openText = (vault: Vault, sealed: string, context: string): string =>
  vault.open(Buffer.from(sealed, 'base64'), context).toString()
