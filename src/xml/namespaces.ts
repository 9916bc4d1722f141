import { XmlError } from './error.ts'
import type { XmlAttribute, XmlElement, XmlScope } from './tree.ts'

/** An attribute as it was written, before anything is known of its prefix. */
export type RawAttribute = { readonly name: string; readonly value: string; readonly offset: number }

const xmlNamespace = 'http://www.w3.org/XML/1998/namespace'
const xmlnsNamespace = 'http://www.w3.org/2000/xmlns/'

// RFC 3986 §4.3 in ASCII. A relative or empty one makes some canonicalisers give out nothing at all.
const absoluteUri = /^[A-Za-z][A-Za-z0-9+.-]*:[!#-;=?-[\]_a-z~]+$/

/** What is bound before any declaration: only `xml`. */
export const rootScope: XmlScope = new Map([['xml', xmlNamespace]])

const split = (name: string): { prefix: string; local: string } => {
  const colon = name.indexOf(':')
  return colon < 0
    ? { prefix: '', local: name }
    : { prefix: name.slice(0, colon), local: name.slice(colon + 1) }
}

/** The prefix that an attribute declares (`''` for the default), or undefined for an ordinary attribute. */
const declares = (name: string): string | undefined =>
  name === 'xmlns' ? '' : name.startsWith('xmlns:') ? name.slice(6) : undefined

/**
 * The scope inside an element that carries these attributes.
 *
 * @throws XmlError namespace for a reserved prefix or name, an undeclared prefix, an empty or relative URI;
 *   attribute for the same declaration twice
 */
export function declare(outer: XmlScope, attributes: readonly RawAttribute[]): XmlScope {
  if (!attributes.some(({ name }) => name.startsWith('xmlns') && declares(name) !== undefined)) return outer
  const scope = new Map(outer)
  const declared = new Set<string>()
  for (const { name, value, offset } of attributes) {
    const prefix = declares(name)
    if (prefix === undefined) continue
    if (declared.has(prefix)) throw new XmlError('attribute', offset, 'A prefix is declared twice')
    if (prefix === 'xml' || prefix === 'xmlns' || value === xmlNamespace || value === xmlnsNamespace)
      throw new XmlError('namespace', offset, 'A reserved prefix or namespace is bound')
    if (!absoluteUri.test(value))
      throw new XmlError('namespace', offset, 'A namespace is not an absolute URI')
    declared.add(prefix)
    scope.set(prefix, value)
  }
  return scope
}

/**
 * The name of an element with its namespace.
 *
 * @throws XmlError namespace when the prefix is not bound, or there is no prefix and no default namespace
 */
export function bindElement(
  name: string,
  scope: XmlScope,
  offset: number,
): Pick<XmlElement, 'name' | 'prefix' | 'local' | 'namespace'> {
  const { prefix, local } = split(name)
  const namespace = scope.get(prefix)
  if (namespace === undefined || prefix === 'xml')
    throw new XmlError('namespace', offset, 'An element is in no namespace')
  return { name, prefix, local, namespace }
}

/**
 * The ordinary attributes of an element with their namespaces, in the order written.
 *
 * @throws XmlError namespace for an unbound prefix; attribute for a name twice, as written or expanded
 */
export function bindAttributes(raw: readonly RawAttribute[], scope: XmlScope): XmlAttribute[] {
  const seen = new Set<string>()
  const bound: XmlAttribute[] = []
  for (const { name, value, offset } of raw) {
    if (declares(name) !== undefined) continue
    const { prefix, local } = split(name)
    const namespace = prefix === '' ? '' : scope.get(prefix)
    if (namespace === undefined) throw new XmlError('namespace', offset, 'An attribute prefix is not bound')
    // Namespaces hold no space, so the pair cannot be read two ways.
    const expanded = `${namespace} ${local}`
    if (seen.has(expanded)) throw new XmlError('attribute', offset, 'An attribute occurs twice')
    seen.add(expanded)
    bound.push(Object.freeze({ name, prefix, local, namespace, value }))
  }
  return bound
}
