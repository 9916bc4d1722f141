// What XML 1.0 §2.2 Char leaves out, but for lone surrogates. Without the u flag this is several times as fast.
// oxlint-disable-next-line no-control-regex -- finding control characters is its purpose
const forbidden = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]/
const loneSurrogate = /\p{Surrogate}/u

/** Where the first character stands that XML 1.0 does not have, or -1. */
export function forbiddenCharacterAt(text: string): number {
  const at = text.search(forbidden)
  return at >= 0 || text.isWellFormed() ? at : text.search(loneSurrogate)
}

const named: ReadonlyMap<string, string> = new Map([
  ['lt', '<'],
  ['gt', '>'],
  ['amp', '&'],
  ['quot', '"'],
  ['apos', "'"],
])

/** What the inside of `&…;` stands for: one of the five names or an XML character by number; else undefined. */
export function resolveReference(inside: string): string | undefined {
  const number = /^#(?:([0-9]{1,7})|x([0-9A-Fa-f]{1,6}))$/.exec(inside)
  if (!number) return named.get(inside)
  const code = number[1] === undefined ? Number.parseInt(number[2] ?? '', 16) : Number.parseInt(number[1], 10)
  if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return undefined
  const character = String.fromCodePoint(code)
  return forbiddenCharacterAt(character) >= 0 ? undefined : character
}

/** Text as canonical XML writes it (Canonical XML 1.0 §2.3). */
export const escapeText = (text: string): string =>
  /[&<>\r]/.test(text)
    ? text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('\r', '&#xD;')
    : text

/** An attribute value, to stand between double quotes, as canonical XML writes it (Canonical XML 1.0 §2.3). */
export const escapeAttribute = (value: string): string =>
  /[&<"\t\n\r]/.test(value)
    ? value
        .replaceAll('&', '&amp;')
        .replaceAll('<', '&lt;')
        .replaceAll('"', '&quot;')
        .replaceAll('\t', '&#x9;')
        .replaceAll('\n', '&#xA;')
        .replaceAll('\r', '&#xD;')
    : value
