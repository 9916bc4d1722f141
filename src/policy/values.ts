/**
 * The typed values of condition operators: numbers, dates, addresses, base64. Each reader is strict and answers undefined
 * for what it cannot read; what that means is the caller's matter.
 *
 * IAM User Guide, reference_policies_elements_condition_operators.
 */

/** A decimal number: exact. `near` orders it alone when neither side has more than 15 digits. */
export type Decimal = { readonly text: string; readonly near: number; readonly exact?: Exact | undefined }
type Exact = { readonly units: bigint; readonly scale: number }

const decimalPattern = /^([+-]?)(\d+)(?:\.(\d+))?$/

/** `10`, `-3.50`. Longer than 64 characters or in scientific notation is not a number here. */
export function readDecimal(text: string): Decimal | undefined {
  if (text.length > 64) return undefined
  const found = decimalPattern.exec(text)
  if (!found) return undefined
  const [, sign = '', whole = '', fraction = ''] = found
  const digits = whole + fraction
  const near = Number(text)
  if (digits.length <= 15) return { text, near }
  return { text, near, exact: { units: BigInt(sign + digits), scale: fraction.length } }
}

/** Negative, zero or positive, as a is less than, equal to or greater than b. */
export function compareDecimals(a: Decimal, b: Decimal): number {
  if (!a.exact && !b.exact) return a.near - b.near
  const left = a.exact ?? exactOf(a.text)
  const right = b.exact ?? exactOf(b.text)
  const difference = left.units * 10n ** BigInt(right.scale) - right.units * 10n ** BigInt(left.scale)
  return difference < 0n ? -1 : difference > 0n ? 1 : 0
}

function exactOf(text: string): Exact {
  const [whole = '', fraction = ''] = text.split('.')
  return { units: BigInt(whole + fraction), scale: fraction.length }
}

/** A point in time: whole seconds since 1970 and the nanoseconds after them. */
export type Instant = { readonly text: string; readonly seconds: number; readonly nanos: number }

const datePattern =
  /^(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:\d\d))?)?)?$/
const epochPattern = /^(-?\d{1,12})(?:\.(\d{1,9}))?$/

/**
 * The W3C profile of ISO 8601 (`2026`, `2026-11`, `2026-11-22`, `2026-11-22T10:00Z`, `…:30.5+01:00`) or seconds since 1970.
 * Four digits are a year.
 */
export function readDate(text: string): Instant | undefined {
  if (text.length === 20 && text.endsWith('Z')) return readUtc(text)
  const found = datePattern.exec(text)
  if (!found) {
    const epoch = epochPattern.exec(text)
    if (!epoch) return undefined
    const nanos = nanosOf(epoch[2])
    const seconds = Number(epoch[1])
    return epoch[1]?.startsWith('-') && nanos > 0
      ? { text, seconds: seconds - 1, nanos: 1e9 - nanos }
      : { text, seconds, nanos }
  }
  const [
    ,
    year = '',
    month = '01',
    day = '01',
    hour = '00',
    minute = '00',
    second = '00',
    fraction,
    zone = 'Z',
  ] = found
  if (Number(month) < 1 || Number(month) > 12) return undefined
  if (Number(day) < 1 || Number(day) > daysIn(Number(year), Number(month))) return undefined
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined
  const offset = zone === 'Z' ? 0 : zoneSeconds(zone)
  if (offset === undefined) return undefined
  const days = daysSinceEpoch(Number(year), Number(month), Number(day))
  const seconds = days * 86_400 + Number(hour) * 3600 + Number(minute) * 60 + Number(second) - offset
  return { text, seconds, nanos: nanosOf(fraction) }
}

/** `2026-11-22T10:00:00Z`, as nearly every date is written; other forms of this length are none. */
function readUtc(text: string): Instant | undefined {
  const year = digitsAt(text, 0, 4)
  const month = digitsAt(text, 5, 2)
  const day = digitsAt(text, 8, 2)
  const hour = digitsAt(text, 11, 2)
  const minute = digitsAt(text, 14, 2)
  const second = digitsAt(text, 17, 2)
  if (text[4] !== '-' || text[7] !== '-' || text[10] !== 'T' || text[13] !== ':' || text[16] !== ':')
    return undefined
  // A digit that is none makes its number NaN, which no comparison accepts.
  if (!(year >= 0 && month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month))) return undefined
  if (!(hour <= 23 && minute <= 59 && second <= 59)) return undefined
  const seconds = daysSinceEpoch(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second
  return { text, seconds, nanos: 0 }
}

function digitsAt(text: string, from: number, count: number): number {
  let value = 0
  for (let at = from; at < from + count; at++) {
    const digit = text.charCodeAt(at) - 0x30
    if (digit < 0 || digit > 9) return Number.NaN
    value = value * 10 + digit
  }
  return value
}

const nanosOf = (fraction: string | undefined): number => (fraction ? Number(fraction.padEnd(9, '0')) : 0)

function zoneSeconds(zone: string): number | undefined {
  const hours = Number(zone.slice(1, 3))
  const minutes = Number(zone.slice(4, 6))
  if (hours > 23 || minutes > 59) return undefined
  return (zone.startsWith('-') ? -1 : 1) * (hours * 3600 + minutes * 60)
}

const isLeap = (year: number): boolean => year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)

function daysIn(year: number, month: number): number {
  if (month === 2) return isLeap(year) ? 29 : 28
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}

/** Days from 1970-01-01 in the proleptic Gregorian calendar, counted in years that begin in March. */
function daysSinceEpoch(year: number, month: number, day: number): number {
  const shifted = month > 2 ? year : year - 1
  const era = Math.floor(shifted / 400)
  const yearOfEra = shifted - era * 400
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear
  return era * 146_097 + dayOfEra - 719_468
}

/** Negative, zero or positive, as a is before, at or after b. */
export const compareDates = (a: Instant, b: Instant): number => a.seconds - b.seconds || a.nanos - b.nanos

/** An address: one 32-bit word (IPv4) or four (IPv6), most significant first. */
export type Address = { readonly family: 4 | 6; readonly words: readonly number[] }

/** Dotted decimal or RFC 4291 text; no zone, no leading zeros. An IPv4-mapped address becomes the IPv4 address. */
export function readAddress(text: string): Address | undefined {
  const found = readV4(text) ?? readV6(text)
  return found && isMapped(found) ? { family: 4, words: [found.words[3] ?? 0] } : found
}

/** `10.0.0.0/8` or a bare address; `mapped` tells a range inside ::ffff:0:0/96, which would never match. */
export function readRange(
  text: string,
): { readonly address: Address; readonly prefix: number; readonly mapped: boolean } | undefined {
  const slash = text.indexOf('/')
  const bare = slash < 0 ? text : text.slice(0, slash)
  const address = bare.includes(':') ? readV6(bare) : readV4(bare)
  if (!address) return undefined
  const longest = address.family === 4 ? 32 : 128
  const length = slash < 0 ? String(longest) : text.slice(slash + 1)
  if (!/^(?:0|[1-9]\d{0,2})$/.test(length) || Number(length) > longest) return undefined
  return { address, prefix: Number(length), mapped: isMapped(address) && Number(length) >= 96 }
}

/** Whether the address lies in the range. The two families never meet. */
export function inRange(
  range: { readonly address: Address; readonly prefix: number },
  address: Address,
): boolean {
  if (range.address.family !== address.family) return false
  let left = range.prefix
  for (let word = 0; left > 0; word++, left -= 32) {
    const difference = (range.address.words[word] ?? 0) ^ (address.words[word] ?? 0)
    // A shift by 32 is a shift by 0 in JavaScript, so a whole word is compared without one.
    if (left >= 32 ? difference !== 0 : difference >>> (32 - left) !== 0) return false
  }
  return true
}

const isMapped = (address: Address): boolean =>
  address.family === 6 && address.words[0] === 0 && address.words[1] === 0 && address.words[2] === 0xffff

function readV4(text: string): Address | undefined {
  if (text.length < 7 || text.length > 15) return undefined
  let word = 0
  let at = 0
  for (let part = 0; part < 4; part++) {
    if (part > 0 && text.charCodeAt(at++) !== 0x2e) return undefined
    const start = at
    let value = 0
    for (; at < text.length && at < start + 3; at++) {
      const digit = text.charCodeAt(at) - 0x30
      if (digit < 0 || digit > 9) break
      value = value * 10 + digit
    }
    const leadingZero = at > start + 1 && text.charCodeAt(start) === 0x30
    if (at === start || leadingZero || value > 255) return undefined
    word = ((word << 8) | value) >>> 0
  }
  return at === text.length ? { family: 4, words: [word] } : undefined
}

function readV6(text: string): Address | undefined {
  if (!text.includes(':')) return undefined
  if (text.length > 45 || !/^[0-9a-fA-F:.]+$/.test(text)) return undefined
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const head = readGroups(halves[0] ?? '', halves.length === 1)
  const tail = halves.length === 2 ? readGroups(halves[1] ?? '', true) : []
  if (!head || !tail) return undefined
  const missing = 8 - head.length - tail.length
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined
  const groups = [...head, ...Array.from({ length: missing }, () => 0), ...tail]
  const word = (at: number) => (((groups[at] ?? 0) << 16) | (groups[at + 1] ?? 0)) >>> 0
  return { family: 6, words: [word(0), word(2), word(4), word(6)] }
}

/** The 16-bit groups of one side of `::`; the last may be dotted IPv4. */
function readGroups(text: string, last: boolean): number[] | undefined {
  if (text === '') return []
  const groups: number[] = []
  const parts = text.split(':')
  for (const [at, part] of parts.entries()) {
    if (last && at === parts.length - 1 && part.includes('.')) {
      const v4 = readV4(part)?.words[0]
      if (v4 === undefined) return undefined
      groups.push(v4 >>> 16, v4 & 0xffff)
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(part)) return undefined
      groups.push(Number.parseInt(part, 16))
    }
  }
  return groups
}

/** The bytes of standard base64 with padding, as a string of one character per byte. */
export function readBase64(text: string): string | undefined {
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text)) return undefined
  return atob(text)
}

/** `true` or `false` in any case. */
export function readBoolean(text: string): boolean | undefined {
  const lower = text.toLowerCase()
  return lower === 'true' ? true : lower === 'false' ? false : undefined
}
