import { verify } from 'node:crypto'
import { refuse } from '#kernel'
import type { Certificate } from './certificate.ts'
import { type Der, extensionsOf, inside, integerOf, oidOf, readOne, timeOf } from './der.ts'

/** A certificate revocation list (RFC 5280 §5). */
export type RevocationList = {
  readonly issuer: Buffer
  readonly thisUpdate: Temporal.Instant
  /** Absent: it is never too old. */
  readonly nextUpdate: Temporal.Instant | undefined
  readonly revoked: ReadonlySet<bigint>
  readonly signed: Buffer
  readonly hash: string
  readonly signature: Buffer
}

/** Signature algorithms of lists, by the hash that Node wants to hear. SHA-1 is none. */
const hashes: Readonly<Record<string, string>> = {
  '1.2.840.113549.1.1.11': 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
}

const bad = (why: string): never =>
  refuse('malformed', 'roles-anywhere/revocation-list', `The revocation list cannot be used: ${why}.`)

/** Reads a list. @throws Failure malformed roles-anywhere/revocation-list, roles-anywhere/der */
export function readRevocationList(der: Buffer): RevocationList {
  const [tbs, algorithm, bits] = inside(readOne(der))
  if (tbs === undefined || algorithm === undefined || bits?.tag !== 0x03) return bad('not a list')
  const [id] = inside(algorithm)
  const hash = id && hashes[oidOf(id)]
  if (hash === undefined) return bad('signed in a way that is not offered')
  const fields = [...inside(tbs)]
  if (fields[0]?.tag === 0x02) fields.shift()
  const [inner, issuer, thisUpdate, ...rest] = fields
  if (
    inner === undefined ||
    !inner.raw.equals(algorithm.raw) ||
    issuer === undefined ||
    thisUpdate === undefined
  )
    return bad('not a list')
  const next = rest[0]?.tag === 0x17 || rest[0]?.tag === 0x18 ? rest.shift() : undefined
  const entries = rest[0]?.tag === 0x30 ? rest.shift() : undefined
  const list = rest.find(({ tag }) => tag === 0xa0)
  // A delta, or the list of one reason or one kind alone, says so by a critical extension.
  if (list !== undefined)
    for (const { id: extension, critical } of extensionsOf(readOne(list.content)).values())
      if (critical) return bad(`critical extension ${extension}`)
  return {
    issuer: issuer.raw,
    thisUpdate: timeOf(thisUpdate),
    nextUpdate: next && timeOf(next),
    revoked: new Set(entries === undefined ? [] : inside(entries).map(serialOf)),
    signed: tbs.raw,
    hash,
    signature: bits.content.subarray(1),
  }
}

function serialOf(entry: Der): bigint {
  const [serial] = inside(entry)
  return serial === undefined ? bad('an entry without a number') : integerOf(serial)
}

/** Whether a list is the word of this authority. */
export const isListOf = (list: RevocationList, authority: Certificate): boolean =>
  list.issuer.equals(authority.subject) &&
  (authority.keyUsage === undefined || authority.keyUsage.has('cRLSign')) &&
  verify(list.hash, list.signed, authority.x509.publicKey, list.signature)
