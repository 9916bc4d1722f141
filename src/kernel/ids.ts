import { randomInt, randomUUID } from 'node:crypto'

import { random } from './random.ts'

const base32Alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** AWS's prefixes of unique ids: user, role, group, managed policy, instance profile, certificate, public key. */
export type UniqueIdPrefix = 'AIDA' | 'AROA' | 'AGPA' | 'ANPA' | 'AIPA' | 'ASCA' | 'APKA'

const base32 = (length: number): string =>
  Array.from(random(length), (byte) => base32Alphabet[byte & 31]).join('')

/** A new unique id in AWS's shape: the prefix and 17 characters of base32, never given twice. */
export const uniqueId = (prefix: UniqueIdPrefix): string => prefix + base32(17)

/** A new id of a signing certificate: 32 characters of base32 (the model asks for 24 at least). */
export const certificateId = (): string => base32(32)

/** A new long-term access key id: `AKIA` and 16 characters of base32. */
export const accessKeyId = (): string => 'AKIA' + base32(16)

/** Random small letters and digits: the last part of an organization's ids (`ou-…`, `p-…`). */
export const uniqueToken = (length: number): string => base32(length).toLowerCase()

/** 256 random bits as base64url (43 characters): for links, cookies and codes, stored only as their SHA-256. */
export const randomId = (): string => random(32).toString('base64url')

/** A random UUID, for request and event ids. */
export const uuid = (): string => randomUUID()

/** A UUIDv7 (RFC 9562 §5.7): its order is the order in time. Variant and random part are those of a version 4. */
export function timeOrderedId(at: Temporal.Instant): string {
  const milliseconds = at.epochMilliseconds
  if (milliseconds !== stamp.milliseconds) {
    const time = milliseconds.toString(16).padStart(12, '0')
    stamp = { milliseconds, text: `${time.slice(0, 8)}-${time.slice(8)}-7` }
  }
  return stamp.text + randomUUID().slice(15)
}

/** How the ids of one millisecond begin: those of many events do. */
let stamp = { milliseconds: NaN, text: '' }

/** A new 12-digit account id. */
export const accountId = (): string => String(randomInt(1_000_000_000, 1_000_000_000_000)).padStart(12, '0')
