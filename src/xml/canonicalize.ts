import { escapeAttribute, escapeText } from './characters.ts'
import type { XmlAttribute, XmlElement } from './tree.ts'

/** What to leave out and which prefixes to treat as inclusive canonicalisation does (`''` is the default namespace). */
export type C14nOptions = {
  readonly omit?: XmlElement
  readonly inclusivePrefixes?: readonly string[]
}

/**
 * The element and all below it in exclusive canonical form, without comments.
 *
 * Exclusive XML Canonicalization 1.0 §3 over Canonical XML 1.0 §2.3, for trees of the strict reader. `omit` is how
 * the enveloped-signature transform leaves out the covering signature (XML Signature §6.6.4).
 */
export function canonicalize(element: XmlElement, options: C14nOptions = {}): string {
  return render(element, undefined, options.omit, options.inclusivePrefixes ?? [])
}

/** Declarations in force where we write, the nearest first. */
type Rendered =
  { readonly prefix: string; readonly uri: string; readonly outer: Rendered | undefined } | undefined

function render(
  element: XmlElement,
  outer: Rendered,
  omit: XmlElement | undefined,
  inclusivePrefixes: readonly string[],
): string {
  const { name, attributes, children } = element
  let rendered = outer
  let out = `<${name}`
  for (const prefix of prefixesOf(element, inclusivePrefixes)) {
    const uri = element.scope.get(prefix)
    if (uri === undefined || uriInForce(rendered, prefix) === uri) continue
    rendered = { prefix, uri, outer: rendered }
    out += writeDeclaration(prefix, uri)
  }
  for (const attribute of attributes.length > 1 ? attributes.toSorted(byExpandedName) : attributes)
    out += ` ${attribute.name}="${escapeAttribute(attribute.value)}"`
  out += '>'
  for (const child of children)
    if (child.kind === 'text') out += escapeText(child.value)
    else if (child !== omit) out += render(child, rendered, omit, inclusivePrefixes)
  return `${out}</${name}>`
}

/** The prefixes this element visibly uses or that are listed, sorted; `xml` is never declared. */
function prefixesOf(
  { prefix, attributes }: XmlElement,
  inclusivePrefixes: readonly string[],
): readonly string[] {
  if (inclusivePrefixes.length === 0 && !attributes.some((attribute) => attribute.prefix !== ''))
    return [prefix]
  const used = new Set([prefix, ...inclusivePrefixes])
  for (const attribute of attributes) if (attribute.prefix !== '') used.add(attribute.prefix)
  used.delete('xml')
  return [...used].toSorted(compare)
}

function uriInForce(rendered: Rendered, prefix: string): string | undefined {
  for (let at = rendered; at; at = at.outer) if (at.prefix === prefix) return at.uri
  return undefined
}

const compare = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0)

const byExpandedName = (one: XmlAttribute, other: XmlAttribute): number =>
  compare(one.namespace, other.namespace) || compare(one.local, other.local)

const writeDeclaration = (prefix: string, uri: string): string =>
  prefix === '' ? ` xmlns="${escapeAttribute(uri)}"` : ` xmlns:${prefix}="${escapeAttribute(uri)}"`
