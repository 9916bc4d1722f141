import { refuse } from '#kernel'

/** Percent-encodes all but RFC 3986's unreserved characters (`A–Z a–z 0–9 - . _ ~`). */
export const encodeRfc3986 = (text: string): string =>
  encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (character) => '%' + character.charCodeAt(0).toString(16).toUpperCase(),
  )

/** The same, with slashes left alone. */
export const encodePath = (path: string): string => path.split('/').map(encodeRfc3986).join('/')

/**
 * Undoes percent-encoding.
 *
 * @throws Failure malformed `sigv4/malformed-url` where the encoding is broken or not UTF-8
 */
export function decodePercent(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return refuse('malformed', 'sigv4/malformed-url', 'The URL of the request is not percent-encoded UTF-8.')
  }
}

/**
 * The parameters of a raw query, decoded, in the order they came. A plus is a space, as the Query wire and the Go SDK
 * read it; a parameter without `=` has an empty value.
 *
 * @throws Failure malformed `sigv4/malformed-url`
 */
export const queryPairs = (rawQuery: string): readonly (readonly [string, string])[] =>
  rawQuery === ''
    ? []
    : rawQuery
        .split('&')
        .filter((part) => part !== '')
        .map((part) => {
          const mark = part.indexOf('=')
          const name = mark === -1 ? part : part.slice(0, mark)
          const value = mark === -1 ? '' : part.slice(mark + 1)
          return [
            decodePercent(name.replaceAll('+', ' ')),
            decodePercent(value.replaceAll('+', ' ')),
          ] as const
        })
