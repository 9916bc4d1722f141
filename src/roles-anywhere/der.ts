import { refuse } from '#kernel'

/** One DER element: its tag, its content, and the whole of it as it was encoded. */
export type Der = { readonly tag: number; readonly content: Buffer; readonly raw: Buffer }

const bad = (): never =>
  refuse('malformed', 'roles-anywhere/der', 'The certificate or revocation list is not DER.')

/** Reads the elements that stand one after another (X.690 §8.1, definite lengths in their shortest form). */
export function readAll(bytes: Buffer): readonly Der[] {
  const found: Der[] = []
  let at = 0
  while (at < bytes.length) {
    const tag = bytes[at] ?? 0
    const first = bytes[at + 1]
    if (first === undefined || (tag & 0x1f) === 0x1f) return bad()
    let start = at + 2
    let length = first
    if (first >= 0x80) {
      const count = first & 0x7f
      if (count === 0 || count > 4 || start + count > bytes.length) return bad()
      length = bytes.readUIntBE(start, count)
      if (length < 0x80 || (count > 1 && bytes[start] === 0)) return bad()
      start += count
    }
    const end = start + length
    if (end > bytes.length) return bad()
    found.push({ tag, content: bytes.subarray(start, end), raw: bytes.subarray(at, end) })
    at = end
  }
  return found
}

/** The elements inside one. */
export const inside = ({ content }: Der): readonly Der[] => readAll(content)

/** The one element that a value is. */
export function readOne(bytes: Buffer): Der {
  const [one, ...more] = readAll(bytes)
  return one === undefined || more.length > 0 ? bad() : one
}

/** An object identifier in dots. */
export function oidOf({ tag, content }: Der): string {
  if (tag !== 0x06 || content.length === 0) return bad()
  const parts: number[] = []
  let value = 0
  for (const byte of content) {
    value = value * 128 + (byte & 0x7f)
    if (byte < 0x80) {
      parts.push(value)
      value = 0
    }
  }
  const [first = 0, ...rest] = parts
  const top = Math.min(2, Math.floor(first / 40))
  return [top, first - top * 40, ...rest].join('.')
}

/** An integer. */
export const integerOf = ({ tag, content }: Der): bigint =>
  tag !== 0x02 || content.length === 0 || content.length > 64 || (content[0] ?? 0) >= 0x80
    ? bad()
    : BigInt(`0x${content.toString('hex')}`)

/** A time (UTCTime or GeneralizedTime, RFC 5280 §4.1.2.5). */
export function timeOf({ tag, content }: Der): Temporal.Instant {
  const text = content.toString('latin1')
  const digits = tag === 0x17 ? `${Number(text.slice(0, 2)) < 50 ? '20' : '19'}${text}` : text
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(digits) ?? []
  if (second === undefined || (tag !== 0x17 && tag !== 0x18)) return bad()
  try {
    return Temporal.Instant.from(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  } catch {
    return bad()
  }
}

/** A character string; undefined for a kind that names do not have. */
export function textOf({ tag, content }: Der): string | undefined {
  switch (tag) {
    case 0x0c:
      return content.toString('utf8')
    case 0x13:
    case 0x16:
    case 0x14:
      return content.toString('latin1')
    case 0x1e:
      return Buffer.from(content).swap16().toString('utf16le')
    default:
      return undefined
  }
}

export type Extension = { readonly id: string; readonly critical: boolean; readonly value: Buffer }

/** Extensions by object identifier (RFC 5280 §4.2). Each may stand once. */
export function extensionsOf(list: Der): ReadonlyMap<string, Extension> {
  const found = new Map<string, Extension>()
  for (const each of inside(list)) {
    const parts = inside(each)
    const [first, second] = parts
    const last = parts.at(-1)
    if (first === undefined || last === undefined || last.tag !== 0x04 || parts.length > 3) return bad()
    const id = oidOf(first)
    if (found.has(id)) return bad()
    found.set(id, { id, critical: second?.tag === 0x01 && second.content[0] === 0xff, value: last.content })
  }
  return found
}
