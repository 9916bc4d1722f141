import { createHash, X509Certificate } from 'node:crypto'
import { isUsableKey } from './algorithms.ts'
import type { PinnedKey } from './signature-profile.ts'

/** Turns registered PEM certificates into keys; weak and unreadable ones are left out, so that they verify nothing. */
export type KeyCache = (certificates: readonly string[]) => readonly PinnedKey[]

/** A key cache for so many certificates: importing a key costs as much as a signature. */
export function keyCache(most = 512): KeyCache {
  const known = new Map<string, PinnedKey | undefined>()
  const keyOf = (pem: string): PinnedKey | undefined => {
    if (!known.has(pem)) {
      if (known.size >= most) known.clear()
      known.set(pem, importKey(pem))
    }
    return known.get(pem)
  }
  return (certificates) => certificates.map(keyOf).filter((key) => key !== undefined)
}

function importKey(pem: string): PinnedKey | undefined {
  try {
    const certificate = new X509Certificate(pem)
    const key = certificate.publicKey
    const fingerprint = createHash('sha256').update(certificate.raw).digest('hex')
    return isUsableKey(key) ? { key, fingerprint } : undefined
  } catch {
    return undefined
  }
}
