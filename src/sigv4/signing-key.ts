import { recent } from '#kernel'

import { hmacSha256, hmacSha256Once, type Mac } from './hmac.ts'

/** The chain of four HMACs over the secret; one character per byte. */
function derived(secret: string, day: string, region: string, service: string): string {
  const ofDay = hmacSha256Once(Buffer.from(`AWS4${secret}`), day)
  const ofRegion = hmacSha256Once(ofDay, region)
  return hmacSha256Once(hmacSha256Once(ofRegion, service), 'aws4_request')
}

/** The key that signs one day, region and service. */
export const signingKey = (secret: string, day: string, region: string, service: string): Buffer =>
  Buffer.from(derived(secret, day, region, service), 'latin1')

/** What signs with the key of one day, region and service. */
export const signingMac = (secret: string, day: string, region: string, service: string): Mac =>
  hmacSha256(derived(secret, day, region, service))

/** Remembers signing keys. Give one to everybody who verifies in a process. */
export type DayKeyCache = (
  accessKeyId: string,
  secret: string,
  scope: { readonly day: string; readonly region: string; readonly service: string },
) => Mac

/**
 * A cache of the signing keys that were used last: at least `size`, at most twice as many. An entry answers only for the
 * very secret it was made from, so a rotated or forged secret never meets an old key.
 */
export function dayKeyCache(size = 5_000): DayKeyCache {
  const entries = recent<{ readonly secret: string; readonly key: Mac }>(size)
  return (accessKeyId, secret, { day, region, service }) => {
    const name = `${accessKeyId}/${day}/${region}/${service}`
    const known = entries.get(name)
    if (known?.secret === secret) return known.key
    const key = signingMac(secret, day, region, service)
    entries.set(name, { secret, key })
    return key
  }
}
