import { createHmac } from 'node:crypto'

const hmac = (key: string | Buffer, data: string): Buffer => createHmac('sha256', key).update(data).digest()

/** The key that signs one day, region and service: the chain of four HMACs over the secret. */
export const signingKey = (secret: string, day: string, region: string, service: string): Buffer =>
  hmac(hmac(hmac(hmac('AWS4' + secret, day), region), service), 'aws4_request')

/** Remembers signing keys. Give one to everybody who verifies in a process. */
export type DayKeyCache = (
  accessKeyId: string,
  secret: string,
  scope: { readonly day: string; readonly region: string; readonly service: string },
) => Buffer

/**
 * A cache of at most `size` signing keys; the least recently used goes first. An entry answers only for the very
 * secret it was made from, so a rotated or forged secret never meets an old key.
 */
export function dayKeyCache(size = 1000): DayKeyCache {
  const entries = new Map<string, { readonly secret: string; readonly key: Buffer }>()
  return (accessKeyId, secret, { day, region, service }) => {
    const name = [accessKeyId, day, region, service].join('/')
    const known = entries.get(name)
    const entry =
      known !== undefined && known.secret === secret
        ? known
        : { secret, key: signingKey(secret, day, region, service) }
    entries.delete(name)
    entries.set(name, entry)
    const oldest = entries.size > size ? entries.keys().next().value : undefined
    if (oldest !== undefined) entries.delete(oldest)
    return entry.key
  }
}
