/** An attribute that is not a namespace declaration. `prefix` and `namespace` are empty for a plain one. */
export type XmlAttribute = {
  readonly name: string
  readonly prefix: string
  readonly local: string
  readonly namespace: string
  readonly value: string
}

/** Character data with its references resolved. Neighbouring runs are one node. */
type XmlText = { readonly kind: 'text'; readonly value: string }

/** Prefixes in scope and what they are bound to; the default namespace has the prefix `''`. */
export type XmlScope = ReadonlyMap<string, string>

/**
 * An element of a document that the strict reader accepted.
 *
 * INVARIANT: frozen together with its lists once the document is read. The tree that a signature was checked on is
 * the tree that answers questions afterwards; nothing is serialised and read again.
 */
export type XmlElement = {
  readonly kind: 'element'
  readonly name: string
  readonly prefix: string
  readonly local: string
  readonly namespace: string
  readonly attributes: readonly XmlAttribute[]
  readonly scope: XmlScope
  readonly children: readonly XmlNode[]
  readonly parent: XmlElement | undefined
  /** Where its start tag begins, in UTF-16 units of the line-end-normalised text. */
  readonly offset: number
}

export type XmlNode = XmlElement | XmlText

/** The child elements, without the text between them. */
export const childElements = (element: XmlElement): readonly XmlElement[] =>
  element.children.filter((child) => child.kind === 'element')

/** All text directly inside, with white space as it stands. */
export function textOf({ children }: XmlElement): string {
  let text = ''
  for (const child of children) if (child.kind === 'text') text += child.value
  return text
}

/** The value of a plain (un-namespaced) attribute. */
export const attributeOf = (element: XmlElement, name: string): string | undefined =>
  element.attributes.find((each) => each.namespace === '' && each.local === name)?.value

/** Whether an element has this expanded name. */
export const isElement = (node: XmlNode | undefined, namespace: string, local: string): node is XmlElement =>
  node?.kind === 'element' && node.local === local && node.namespace === namespace

/** Every element in document order, the given one first. */
export function elementsOf(root: XmlElement): readonly XmlElement[] {
  const found: XmlElement[] = [root]
  const collect = ({ children }: XmlElement): void => {
    for (const child of children)
      if (child.kind === 'element') {
        found.push(child)
        collect(child)
      }
  }
  collect(root)
  return found
}

/** The way from the root to an element, for logs: `Response/Assertion/Subject`. */
export function pathOf(element: XmlElement): string {
  const names: string[] = []
  for (let at: XmlElement | undefined = element; at; at = at.parent) names.unshift(at.local)
  return names.join('/')
}
