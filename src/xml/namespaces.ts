import { XmlError } from './error.ts'
import type { XmlAttribute, XmlScope } from './tree.ts'

/** A name as it was written, and its two parts. */
export type QualifiedName = { readonly name: string; readonly prefix: string; readonly local: string }

/** An attribute as it was written, before anything is known of its prefix. */
export type RawAttribute = QualifiedName & { readonly value: string; readonly offset: number }

const xmlNamespace = 'http://www.w3.org/XML/1998/namespace'
const xmlnsNamespace = 'http://www.w3.org/2000/xmlns/'

// RFC 3986 §4.3 in ASCII. A relative or empty one makes some canonicalisers give out nothing at all.
const absoluteUri = /^[A-Za-z][A-Za-z0-9+.-]*:[!#-;=?-[\]_a-z~]+$/

/** What is bound before any declaration: only `xml`. */
export const rootScope: XmlScope = new Map([['xml', xmlNamespace]])

/** The prefix that an attribute declares (`''` for the default), or undefined for an ordinary attribute. */
const declares = ({ name, prefix, local }: QualifiedName): string | undefined =>
  prefix === 'xmlns' ? local : name === 'xmlns' ? '' : undefined

/**
 * The scope inside an element that carries these attributes.
 *
 * @throws XmlError namespace for a reserved prefix or name, an undeclared prefix, an empty or relative URI;
 *   attribute for the same declaration twice
 */
export function declare(outer: XmlScope, attributes: readonly RawAttribute[]): XmlScope {
  if (!attributes.some((attribute) => declares(attribute) !== undefined)) return outer
  const scope = new Map(outer)
  const declared = new Set<string>()
  for (const attribute of attributes) {
    const prefix = declares(attribute)
    if (prefix === undefined) continue
    const { value, offset } = attribute
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
 * The namespace of an element's name.
 *
 * @throws XmlError namespace when the prefix is not bound, or there is no prefix and no default namespace
 */
export function namespaceOf({ prefix }: QualifiedName, scope: XmlScope, offset: number): string {
  const namespace = scope.get(prefix)
  if (namespace === undefined || prefix === 'xml')
    throw new XmlError('namespace', offset, 'An element is in no namespace')
  return namespace
}

/**
 * The ordinary attributes of an element with their namespaces, in the order written.
 *
 * @throws XmlError namespace for an unbound prefix; attribute for a name twice, as written or expanded
 */
export function bindAttributes(raw: readonly RawAttribute[], scope: XmlScope): XmlAttribute[] {
  const bound: XmlAttribute[] = []
  for (const attribute of raw) {
    if (declares(attribute) !== undefined) continue
    const { name, prefix, local, value, offset } = attribute
    const namespace = prefix === '' ? '' : scope.get(prefix)
    if (namespace === undefined) throw new XmlError('namespace', offset, 'An attribute prefix is not bound')
    // The limit on attributes bounds this; for the usual two or three it beats any set.
    if (bound.some((other) => other.local === local && other.namespace === namespace))
      throw new XmlError('attribute', offset, 'An attribute occurs twice')
    bound.push(Object.freeze({ name, prefix, local, namespace, value }))
  }
  return bound
}
