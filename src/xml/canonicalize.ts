import { escapeAttribute, escapeText } from './characters.ts'
import type { XmlAttribute, XmlElement, XmlScope } from './tree.ts'

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
  return render(element, new Map(), options.omit, options.inclusivePrefixes ?? [])
}

function render(
  element: XmlElement,
  rendered: XmlScope,
  omit: XmlElement | undefined,
  inclusivePrefixes: readonly string[],
): string {
  const declarations = newDeclarations(element, rendered, inclusivePrefixes)
  const scope = declarations.length === 0 ? rendered : new Map([...rendered, ...declarations])
  const head =
    declarations.map(([prefix, uri]) => writeDeclaration(prefix, uri)).join('') +
    element.attributes.toSorted(byExpandedName).map(writeAttribute).join('')
  const inside = element.children
    .map((child) =>
      child.kind === 'text'
        ? escapeText(child.value)
        : child === omit
          ? ''
          : render(child, scope, omit, inclusivePrefixes),
    )
    .join('')
  return `<${element.name}${head}>${inside}</${element.name}>`
}

/** The declarations this element must write: of prefixes it visibly uses or that are listed, unless already in force. */
function newDeclarations(
  element: XmlElement,
  rendered: XmlScope,
  inclusivePrefixes: readonly string[],
): [string, string][] {
  const used = new Set([element.prefix])
  for (const { prefix } of element.attributes) if (prefix !== '') used.add(prefix)
  for (const prefix of inclusivePrefixes) used.add(prefix)
  used.delete('xml')
  const found: [string, string][] = []
  for (const prefix of used) {
    const uri = element.scope.get(prefix)
    if (uri !== undefined && rendered.get(prefix) !== uri) found.push([prefix, uri])
  }
  return found.toSorted(([one], [other]) => compare(one, other))
}

const compare = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0)

const byExpandedName = (one: XmlAttribute, other: XmlAttribute): number =>
  compare(one.namespace, other.namespace) || compare(one.local, other.local)

const writeDeclaration = (prefix: string, uri: string): string =>
  prefix === '' ? ` xmlns="${escapeAttribute(uri)}"` : ` xmlns:${prefix}="${escapeAttribute(uri)}"`

const writeAttribute = ({ name, value }: XmlAttribute): string => ` ${name}="${escapeAttribute(value)}"`
