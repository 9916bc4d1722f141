import type { ProxyRule } from '#apps'

/**
 * The segments of a path as a rule sees them, percent-decoded; undefined for a path that the app behind the proxy might
 * read as another one: dot segments, encoded slashes, backslashes, empty segments, and the same encoded twice. What
 * Signet allows as one path must not be served as another. A semicolon begins parameters for some (Servlet containers serve
 * `/admin;x` as `/admin`), `#` ends the path for others, and bytes that are not encoded have the encoding that each assumes.
 */
export function segmentsOf(path: string): readonly string[] | undefined {
  if (!path.startsWith('/') || path.length > 8_192 || /[;#]|[^\x21-\x7e]/.test(path)) return undefined
  const raw = path.slice(1).split('/')
  const segments: string[] = []
  for (const [index, each] of raw.entries()) {
    const isLast = index === raw.length - 1
    if (each === '' && !isLast) return undefined
    const segment = decodeFully(each)
    if (segment === undefined) return undefined
    segments.push(segment)
  }
  return segments
}

/** Decoded once; undefined when that, or decoding it again and again, gives something that is more than a name. */
function decodeFully(text: string): string | undefined {
  let first: string | undefined
  let now = text
  for (let round = 0; round < 4; round++) {
    if (/[/\\]|\p{Cc}/u.test(now) || /^\.{1,2}(?:;.*)?$/.test(now)) return undefined
    let next: string
    try {
      next = decodeURIComponent(now)
    } catch {
      // Not an encoding any more: a bare percent sign is only fine where it was encoded itself.
      return round === 0 ? undefined : first
    }
    first ??= next
    if (next === now) return first
    now = next
  }
  return undefined
}

/** The rule that fits a request, and what its names stand for. */
export type Fit = { readonly rule: ProxyRule; readonly names: ReadonlyMap<string, string> }

/** The first rule that fits. */
export function fitOf(
  rules: readonly ProxyRule[],
  method: string,
  segments: readonly string[],
): Fit | undefined {
  for (const rule of rules) {
    if (rule.methods !== undefined && !rule.methods.includes(method)) continue
    const names = match(rule.path, segments)
    if (names !== undefined) return { rule, names }
  }
  return undefined
}

function match(pattern: string, segments: readonly string[]): ReadonlyMap<string, string> | undefined {
  const wanted = pattern.slice(1).split('/')
  const isOpen = wanted.at(-1) === '**'
  if (isOpen) wanted.pop()
  if (isOpen ? segments.length < wanted.length : segments.length !== wanted.length) return undefined
  const names = new Map<string, string>()
  for (const [index, each] of wanted.entries()) {
    const segment = segments[index] ?? ''
    const name = /^\{(\w+)\}$/.exec(each)?.[1]
    if (name !== undefined || each === '*') {
      if (segment === '') return undefined
      if (name !== undefined) names.set(name, segment)
    } else if (each !== segment) return undefined
  }
  if (isOpen) names.set('rest', segments.slice(wanted.length).join('/'))
  return names
}

/** A rule's resource with its names filled in. */
export const fill = (template: string, names: ReadonlyMap<string, string>): string =>
  template.replaceAll(/\{(\w+)\}/g, (_, name: string) => names.get(name) ?? '')
