import { hash } from 'node:crypto'

/** Header fields as they came over the wire: name and value, repeated names repeated, order kept. */
export type HeaderPairs = readonly (readonly [name: string, value: string])[]

/** The bytes of the body, or their SHA-256 in lower-case hex where somebody else holds the bytes. */
export type Body = Uint8Array | { readonly sha256: string }

/** A request as it was received or is about to be sent. `rawUrl` is path and query exactly as on the request line. */
export type SignableRequest = {
  readonly method: string
  readonly rawUrl: string
  readonly headers: HeaderPairs
  readonly body: Body
}

/** The SHA-256 of the body in lower-case hex. */
export const payloadHash = (body: Body): string =>
  body instanceof Uint8Array ? hash('sha256', body) : body.sha256

/** Names that were met, in lower case: the same dozen come with every request. A client may make up any number. */
const lowerCased = new Map<string, string>()
const mostNames = 500

/** The name of a header in lower case. */
export function lowerCase(name: string): string {
  const known = lowerCased.get(name)
  if (known !== undefined) return known
  const lower = name.toLowerCase()
  if (lowerCased.size < mostNames && name.length <= 64) lowerCased.set(name, lower)
  return lower
}

/**
 * Whether a header has this name, which is in lower case and of ASCII characters. A signature names several headers of a
 * dozen: most are told apart by their length.
 */
export const isNamed = (header: HeaderPairs[number], name: string): boolean =>
  header[0].length === name.length && (header[0] === name || lowerCase(header[0]) === name)

/** Whether a header of this name (in lower case, of ASCII characters) is there. */
export function hasHeader(headers: HeaderPairs, name: string): boolean {
  for (const header of headers) if (isNamed(header, name)) return true
  return false
}

/** All values of a header, in the order they came. `name` in lower case, of ASCII characters. */
export function headerValues(headers: HeaderPairs, name: string): readonly string[] {
  const values: string[] = []
  for (const header of headers) if (isNamed(header, name)) values.push(header[1])
  return values
}

/**
 * The value of a header that may be given once; undefined where it is absent. Most requests are read by this alone, so it
 * makes no list. @param twice refuses a request that gives it again
 */
export function soleValue(headers: HeaderPairs, name: string, twice: () => never): string | undefined {
  let value: string | undefined
  for (const header of headers) {
    if (!isNamed(header, name)) continue
    if (value !== undefined) twice()
    value = header[1]
  }
  return value
}

/** The path of a request line, without its query. */
export function rawPathOf(rawUrl: string): string {
  const mark = rawUrl.indexOf('?')
  return mark === -1 ? rawUrl : rawUrl.slice(0, mark)
}

/** The query of a request line without its question mark; empty where there is none. */
export function rawQueryOf(rawUrl: string): string {
  const mark = rawUrl.indexOf('?')
  return mark === -1 ? '' : rawUrl.slice(mark + 1)
}
