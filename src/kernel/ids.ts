import { randomBytes, randomUUID } from 'node:crypto'

const base32Alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** AWS's prefixes of unique ids: user, role, group, managed policy, instance profile, certificate, public key. */
export type UniqueIdPrefix = 'AIDA' | 'AROA' | 'AGPA' | 'ANPA' | 'AIPA' | 'ASCA' | 'APKA'

const base32 = (length: number): string =>
  Array.from(randomBytes(length), (byte) => base32Alphabet[byte & 31]).join('')

/** A new unique id in AWS's shape: the prefix and 17 characters of base32, never given twice. */
export const uniqueId = (prefix: UniqueIdPrefix): string => prefix + base32(17)

/** A new long-term access key id: `AKIA` and 16 characters of base32. */
export const accessKeyId = (): string => 'AKIA' + base32(16)

/** 256 random bits as base64url (43 characters): for links, cookies and codes, stored only as their SHA-256. */
export const randomId = (): string => randomBytes(32).toString('base64url')

/** A random UUID, for request and event ids. */
export const uuid = (): string => randomUUID()
