import { forbiddenCharacterAt, resolveReference } from './characters.ts'
import { XmlError } from './error.ts'
import type { XmlErrorCode } from './error.ts'
import { bindAttributes, declare, namespaceOf, rootScope } from './namespaces.ts'
import type { QualifiedName, RawAttribute } from './namespaces.ts'
import type { XmlAttribute, XmlElement, XmlNode, XmlScope } from './tree.ts'

/** Bounds on the work a document may cause. `maxNodes` counts elements and runs of text. */
export type XmlLimits = {
  readonly maxDepth: number
  readonly maxNodes: number
  readonly maxAttributes: number
  readonly maxNameLength: number
}

/** The bounds of a protocol message. */
export const messageLimits: XmlLimits = {
  maxDepth: 32,
  maxNodes: 2_000,
  maxAttributes: 64,
  maxNameLength: 256,
}

/**
 * How tolerant the reader is: a `document` that people publish may begin with a BOM and hold comments between elements; a
 * `plain` one, of which nobody makes a canonical form, may besides do without namespaces.
 */
export type XmlTolerance = 'message' | 'document' | 'plain'

// The element while it is being read. Frozen when it ends; nobody sees it before its document is whole.
type Draft = Omit<XmlElement, 'children' | 'parent'> & {
  readonly children: XmlNode[]
  readonly parent: Draft | undefined
  commented: boolean
}

const namePattern = /([A-Za-z_][A-Za-z0-9_.-]*)(?::([A-Za-z_][A-Za-z0-9_.-]*))?/y
const colon = 0x3a
const spacePattern = /[ \t\n]*/y
const declarationPattern =
  /^<\?xml[ \t\n]+version[ \t\n]*=[ \t\n]*(?:"1\.0"|'1\.0')(?:[ \t\n]+encoding[ \t\n]*=[ \t\n]*(?:"([^"<>]{1,40})"|'([^'<>]{1,40})'))?(?:[ \t\n]+standalone[ \t\n]*=[ \t\n]*(?:"(?:yes|no)"|'(?:yes|no)'))?[ \t\n]*\?>/

/**
 * Reads a document of the strict subset into one immutable tree, in one pass.
 *
 * The subset is XML 1.0 with namespaces, less everything two parsers could disagree about: no DTD, comment, CDATA
 * or processing instruction, ASCII names, no undeclared or relative namespaces, every element in a namespace, no ID
 * twice. Line ends and attribute white space are normalised as XML 1.0 §2.11 and §3.3.3 say.
 *
 * @throws XmlError for everything outside the subset or over the limits
 */
export function readXml(
  source: string,
  limits = messageLimits,
  tolerance: XmlTolerance = 'message',
): XmlElement {
  const bom = tolerance !== 'message' && source.startsWith('\uFEFF') ? 1 : 0
  const raw = source.slice(bom)
  const text = raw.includes('\r') ? raw.replaceAll(/\r\n?/g, '\n') : raw
  const fail = (code: XmlErrorCode, offset: number, message: string): never => {
    throw new XmlError(code, offset, message)
  }
  const bad = forbiddenCharacterAt(text)
  if (bad >= 0) fail('character', bad, 'A character that XML does not allow')

  let at = readDeclaration(text, fail)
  let nodes = 0
  let depth = 0
  let root: Draft | undefined
  let open: Draft | undefined
  const ids = new Set<string>()

  const count = (offset: number): void => {
    nodes += 1
    if (nodes > limits.maxNodes) fail('limit', offset, 'Too many elements and texts')
  }

  const skipSpace = (): void => {
    spacePattern.lastIndex = at
    spacePattern.test(text)
    at = spacePattern.lastIndex
  }

  /** Reads a qualified name; what follows it must not look like more of it. */
  const readName = (): QualifiedName => {
    namePattern.lastIndex = at
    const found = namePattern.exec(text) ?? fail('name', at, 'A name was expected')
    const [name, first = '', second] = found
    if (name.length > limits.maxNameLength) fail('limit', at, 'A name is too long')
    const next = text.charCodeAt(at + name.length)
    if (next > 0x7f) fail('name', at, 'A name holds a character outside ASCII')
    if (next === colon) fail('name', at, 'A name has at most one colon, between two names')
    at += name.length
    return second === undefined ? { name, prefix: '', local: first } : { name, prefix: first, local: second }
  }

  const resolve = (raw: string, offset: number): string => {
    if (!raw.includes('&')) return raw
    return raw.replaceAll(/&([^;&]{0,12});?/g, (whole, inside: string) =>
      whole.endsWith(';')
        ? (resolveReference(inside) ??
          fail('entity', offset, 'A reference other than the five names or a character'))
        : fail('entity', offset, 'An ampersand that begins no reference'),
    )
  }

  const readAttributes = (): RawAttribute[] => {
    const found: RawAttribute[] = []
    for (;;) {
      const before = at
      skipSpace()
      const next = text[at]
      if (next === '>' || next === '/' || next === undefined) return found
      if (at === before) fail('malformed', at, 'White space is missing between attributes')
      if (found.length >= limits.maxAttributes) fail('limit', at, 'Too many attributes')
      const offset = at
      const qualified = readName()
      skipSpace()
      if (text[at] !== '=') fail('malformed', at, 'An attribute has no value')
      at += 1
      skipSpace()
      const quote = text[at]
      if (quote !== '"' && quote !== "'") fail('malformed', at, 'An attribute value is not quoted')
      const end = text.indexOf(quote ?? '"', at + 1)
      if (end < 0) fail('malformed', at, 'An attribute value does not end')
      const raw = text.slice(at + 1, end)
      if (raw.includes('<')) fail('malformed', at, 'An attribute value holds a <')
      // Literal white space first: what a character reference stands for stays what it is (XML 1.0 §3.3.3).
      found.push({
        ...qualified,
        value: resolve(/[\t\n]/.test(raw) ? raw.replaceAll(/[\t\n]/g, ' ') : raw, at),
        offset,
      })
      at = end + 1
    }
  }

  const checkIds = (attributes: readonly XmlAttribute[], offset: number): void => {
    for (const { local, namespace, value } of attributes) {
      if (local !== 'ID' && local !== 'Id' && local !== 'id') continue
      if (namespace !== '') fail('foreign-id', offset, 'An ID attribute of another namespace')
      if (ids.has(value)) fail('duplicate-id', offset, 'An ID value occurs twice')
      ids.add(value)
    }
  }

  const openElement = (): void => {
    const offset = at
    if (!open && root) fail('malformed', at, 'Something follows the root element')
    if (depth >= limits.maxDepth) fail('limit', at, 'Elements are nested too deeply')
    count(offset)
    at += 1
    const name = readName()
    const raw = readAttributes()
    const scope: XmlScope = declare(open?.scope ?? rootScope, raw)
    const attributes = bindAttributes(raw, scope)
    checkIds(attributes, offset)
    const draft: Draft = {
      kind: 'element',
      name: name.name,
      prefix: name.prefix,
      local: name.local,
      namespace:
        tolerance === 'plain' && name.prefix === ''
          ? (scope.get('') ?? '')
          : namespaceOf(name, scope, offset),
      attributes: Object.freeze(attributes),
      scope,
      children: [],
      parent: open,
      offset,
      commented: false,
    }
    if (open) open.children.push(draft)
    else root = draft
    if (text.startsWith('/>', at)) {
      at += 2
      finish(draft)
    } else if (text[at] === '>') {
      at += 1
      open = draft
      depth += 1
    } else fail('malformed', at, 'A start tag does not end')
  }

  const closeElement = (): void => {
    const offset = at
    at += 2
    const { name } = readName()
    skipSpace()
    if (text[at] !== '>') fail('malformed', at, 'An end tag does not end')
    at += 1
    if (open?.name !== name) return fail('malformed', offset, 'An end tag does not match')
    // A comment inside a text would split it: some readers then see only its first half.
    if (open.commented && !open.children.some((child) => child.kind === 'element'))
      fail('comment', offset, 'A comment inside a text')
    finish(open)
    open = open.parent
    depth -= 1
  }

  const skipComment = (): void => {
    const end = text.indexOf('--', at + 4)
    if (tolerance === 'message' || end < 0 || text[end + 2] !== '>') fail('comment', at, 'A comment')
    if (open) open.commented = true
    at = end + 3
  }

  const readText = (): void => {
    const end = text.indexOf('<', at)
    const raw = text.slice(at, end < 0 ? undefined : end)
    if (!open) {
      if (/[^ \t\n]/.test(raw)) fail('malformed', at, 'Text outside the root element')
    } else {
      if (raw.includes(']]>')) fail('malformed', at, 'A text holds ]]>')
      count(at)
      addText(open.children, resolve(raw, at))
    }
    at += raw.length
  }

  while (at < text.length) {
    if (text[at] !== '<') readText()
    else if (text[at + 1] === '/') closeElement()
    else if (text[at + 1] === '?') fail('pi', at, 'A processing instruction')
    else if (text[at + 1] !== '!') openElement()
    else if (text.startsWith('<!--', at)) skipComment()
    else if (text.startsWith('<![CDATA[', at)) fail('cdata', at, 'A CDATA section')
    else fail('doctype', at, 'A document type declaration')
  }
  if (open || !root) fail('malformed', at, 'The document ends too early')
  return root as unknown as XmlElement
}

/** Accepts an XML declaration of version 1.0 in UTF-8 at the very start; answers where the document goes on. */
function readDeclaration(
  text: string,
  fail: (code: XmlErrorCode, offset: number, message: string) => never,
): number {
  if (!/^<\?xml[ \t\n]/.test(text)) return 0
  const found =
    declarationPattern.exec(text) ?? fail('malformed', 0, 'The XML declaration is not one of version 1.0')
  const encoding = found[1] ?? found[2]
  if (encoding !== undefined && encoding.toLowerCase() !== 'utf-8')
    fail('encoding', 0, 'An encoding other than UTF-8')
  return found[0].length
}

/** Adds a text to what an element holds. Two in a row are one that a skipped comment had parted. */
function addText(children: XmlNode[], value: string): void {
  const last = children.at(-1)
  if (last?.kind === 'text')
    children[children.length - 1] = Object.freeze({ kind: 'text', value: last.value + value })
  else children.push(Object.freeze({ kind: 'text', value }))
}

/** An element that has ended does not change any more. */
function finish(draft: Draft): void {
  Object.freeze(draft.children)
  Object.freeze(draft)
}
