import { escapeAttribute, escapeText, forbiddenCharacterAt } from './characters.ts'
import { XmlError } from './error.ts'

/** Canonical text that the writer made earlier, to stand inside a larger document unchanged. */
export type CanonicalXml = { readonly canonical: string }

/** What a document is made of: elements, texts, and canonical pieces that are already signed. */
export type XmlTemplate = ElementTemplate | CanonicalXml | string

/** An element to be written. `undefined` attributes and children are left out. */
export type ElementTemplate = {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
  readonly children: readonly XmlTemplate[]
}

/** A template from a name, attributes and children, leaving out what is undefined. */
export function element(
  name: string,
  attributes: Readonly<Record<string, string | undefined>> = {},
  ...children: readonly (XmlTemplate | undefined)[]
): ElementTemplate {
  const present: Record<string, string> = {}
  for (const [key, value] of Object.entries(attributes)) if (value !== undefined) present[key] = value
  return { name, attributes: present, children: children.filter((child) => child !== undefined) }
}

/** Writes templates with a fixed set of prefixes. */
export type CanonicalWriter = (template: ElementTemplate) => CanonicalXml

/**
 * A writer whose output is already exclusive canonical XML, so that a digest is a hash of the string.
 *
 * `namespaces` gives each prefix its one URI; a declaration stands on the first element that uses the prefix. The
 * output can be put inside another document of the same writer only where no ancestor has declared its prefixes,
 * which is so for signed pieces: they are written on their own and every ancestor uses another prefix.
 *
 * @throws XmlError namespace for a prefix outside the set, character for text that XML cannot carry
 */
export function canonicalWriter(namespaces: Readonly<Record<string, string>>): CanonicalWriter {
  const uris = new Map(Object.entries(namespaces).map(([prefix, uri]) => [prefix, escapeAttribute(uri)]))
  const uriOf = (prefix: string): string => {
    const uri = uris.get(prefix)
    if (uri === undefined)
      throw new XmlError('namespace', 0, `The prefix ${prefix} is not among the writer's`)
    return uri
  }
  // Un-namespaced attributes first, then by namespace URI and local name; a space sorts before all URI characters.
  const sortKey = (name: string): string =>
    name.includes(':') ? `${uriOf(prefixOf(name))} ${name.slice(name.indexOf(':') + 1)}` : ` ${name}`
  const byExpandedName = (one: string, other: string): number => (sortKey(one) < sortKey(other) ? -1 : 1)

  const write = (template: XmlTemplate, declared: readonly string[]): string => {
    if (typeof template === 'string') return escapeText(checked(template))
    if ('canonical' in template) return template.canonical
    const { name, attributes, children } = template
    const names = Object.keys(attributes)
    if (names.length > 1) names.sort(byExpandedName)
    const missing = missingPrefixes(name, names, declared)
    const inForce = missing.length === 0 ? declared : [...declared, ...missing]
    let out = `<${name}`
    for (const prefix of missing) out += ` xmlns:${prefix}="${uriOf(prefix)}"`
    for (const each of names) out += ` ${each}="${escapeAttribute(checked(attributes[each] ?? ''))}"`
    out += '>'
    for (const child of children) out += write(child, inForce)
    return `${out}</${name}>`
  }
  return (template) => ({ canonical: write(template, []) })
}

/** The prefixes of an element and its attributes that no ancestor has declared, sorted. */
function missingPrefixes(
  name: string,
  attributes: readonly string[],
  declared: readonly string[],
): readonly string[] {
  const own = prefixOf(name)
  if (!attributes.some((each) => each.includes(':'))) return declared.includes(own) ? [] : [own]
  const used = new Set([own, ...attributes.filter((each) => each.includes(':')).map(prefixOf)])
  return [...used].filter((prefix) => !declared.includes(prefix)).toSorted()
}

const prefixOf = (name: string): string => name.slice(0, Math.max(name.indexOf(':'), 0))

function checked(text: string): string {
  const at = forbiddenCharacterAt(text)
  if (at >= 0) throw new XmlError('character', at, 'A character that XML does not allow')
  return text
}
