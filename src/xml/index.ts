/**
 * XML as SAML may use it: a strict reader of one subset into one immutable tree, exclusive canonicalisation of that
 * tree, and a writer whose output is canonical as it stands. Pure: no input or output, no clock, no dependency.
 * saml imports it, and gateway for one list.
 *
 * Sources: XML 1.0 (fifth edition), Namespaces in XML 1.0, Exclusive XML Canonicalization 1.0.
 */
export { canonicalize } from './canonicalize.ts'
export { XmlError } from './error.ts'
export type { XmlErrorCode } from './error.ts'
export { messageLimits, readXml } from './read.ts'
export type { XmlLimits } from './read.ts'
export { attributeOf, childElements, elementsOf, isElement, pathOf, textOf } from './tree.ts'
export type { XmlElement } from './tree.ts'
export { canonicalWriter, element } from './write.ts'
export type { CanonicalWriter, CanonicalXml, ElementTemplate } from './write.ts'
