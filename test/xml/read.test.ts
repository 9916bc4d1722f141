import { describe, expect, it } from 'vitest'
import { attributeOf, childElements, messageLimits, pathOf, readXml, textOf, XmlError } from '#xml'
import type { XmlErrorCode } from '#xml'

const codeOf = (source: string): XmlErrorCode | undefined => {
  try {
    readXml(source)
    return undefined
  } catch (thrown) {
    if (thrown instanceof XmlError) return thrown.code
    throw thrown
  }
}

const deep = (levels: number): string => '<a xmlns="urn:x">'.repeat(levels) + '</a>'.repeat(levels)

describe('the strict reader refuses', () => {
  const cases: readonly (readonly [XmlErrorCode, string, string])[] = [
    ['doctype', 'a bare document type', '<!DOCTYPE a><a xmlns="urn:x"/>'],
    [
      'doctype',
      'an external entity',
      '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a xmlns="urn:x">&x;</a>',
    ],
    ['doctype', 'an attribute default', '<!DOCTYPE a [<!ATTLIST a ID CDATA "x">]><a xmlns="urn:x"/>'],
    ['doctype', 'a declaration inside the root', '<a xmlns="urn:x"><!ELEMENT b ANY></a>'],
    ['comment', 'a comment inside a text', '<a xmlns="urn:x">admin<!-- -->.evil</a>'],
    ['comment', 'a comment before the root', '<!-- --><a xmlns="urn:x"/>'],
    ['cdata', 'a CDATA section', '<a xmlns="urn:x"><![CDATA[x]]></a>'],
    ['pi', 'a processing instruction', '<a xmlns="urn:x"><?x y?></a>'],
    ['pi', 'a second XML declaration', '<?xml version="1.0"?><?xml version="1.0"?><a xmlns="urn:x"/>'],
    ['entity', 'an unknown entity', '<a xmlns="urn:x">&nbsp;</a>'],
    ['entity', 'a bare ampersand', '<a xmlns="urn:x">a & b</a>'],
    ['entity', 'a reference to a control character', '<a xmlns="urn:x">&#0;</a>'],
    ['entity', 'a reference to a surrogate', '<a xmlns="urn:x">&#xD800;</a>'],
    ['entity', 'a reference beyond Unicode', '<a xmlns="urn:x">&#x110000;</a>'],
    ['entity', 'an unknown entity in an attribute', '<a xmlns="urn:x" b="&x;"/>'],
    ['character', 'a NUL', '<a xmlns="urn:x">\0</a>'],
    ['character', 'a lone surrogate', '<a xmlns="urn:x">\uD800</a>'],
    ['character', 'U+FFFE', '<a xmlns="urn:x">\uFFFE</a>'],
    ['encoding', 'another encoding', '<?xml version="1.0" encoding="UTF-16"?><a xmlns="urn:x"/>'],
    ['namespace', 'an unbound prefix', '<p:a/>'],
    ['namespace', 'an unbound attribute prefix', '<a xmlns="urn:x" p:b="1"/>'],
    ['namespace', 'an element in no namespace', '<a/>'],
    ['namespace', 'a relative namespace, which empties some canonicalisers', '<a xmlns="x"/>'],
    ['namespace', 'an undeclared default namespace', '<a xmlns="urn:x"><b xmlns=""/></a>'],
    ['namespace', 'xmlns rebound', '<a xmlns="urn:x" xmlns:xmlns="urn:y"/>'],
    ['namespace', 'xml rebound', '<a xmlns="urn:x" xmlns:xml="urn:y"/>'],
    [
      'namespace',
      'the reserved namespace under another prefix',
      '<p:a xmlns:p="http://www.w3.org/2000/xmlns/"/>',
    ],
    ['namespace', 'an element called xml:…', '<xml:a/>'],
    ['name', 'a name beginning with a digit', '<1a xmlns="urn:x"/>'],
    ['name', 'a name outside ASCII', '<é xmlns="urn:x"/>'],
    ['name', 'a name that goes on outside ASCII', '<aé xmlns="urn:x"/>'],
    ['name', 'two colons', '<a:b:c xmlns:a="urn:x"/>'],
    ['name', 'an empty prefix', '<:a xmlns="urn:x"/>'],
    ['attribute', 'an attribute twice', '<a xmlns="urn:x" b="1" b="2"/>'],
    [
      'attribute',
      'an expanded name twice',
      '<a xmlns="urn:x" xmlns:p="urn:y" xmlns:q="urn:y" p:b="1" q:b="2"/>',
    ],
    ['attribute', 'a declaration twice', '<a xmlns="urn:x" xmlns="urn:x"/>'],
    ['duplicate-id', 'an ID value twice', '<a xmlns="urn:x" ID="1"><b ID="1"/></a>'],
    ['duplicate-id', 'an ID value twice in another spelling', '<a xmlns="urn:x" ID="1"><b Id="1"/></a>'],
    ['foreign-id', 'an ID of another namespace', '<a xmlns="urn:x" xmlns:w="urn:w" w:Id="1"/>'],
    ['foreign-id', 'xml:id', '<a xmlns="urn:x" xml:id="1"/>'],
    ['malformed', 'two roots', '<a xmlns="urn:x"/><a xmlns="urn:x"/>'],
    ['malformed', 'text after the root', '<a xmlns="urn:x"/>x'],
    ['malformed', 'mismatched tags', '<a xmlns="urn:x"><b></a></b>'],
    ['malformed', 'an end without a beginning', '</a>'],
    ['malformed', 'an early end', '<a xmlns="urn:x">'],
    ['malformed', 'nothing', ''],
    ['malformed', '< in an attribute', '<a xmlns="urn:x" b="<"/>'],
    ['malformed', ']]> in a text', '<a xmlns="urn:x">]]></a>'],
    ['malformed', 'attributes without white space', '<a xmlns="urn:x"b="1"/>'],
    ['malformed', 'an unquoted attribute', '<a xmlns="urn:x" b=1/>'],
    ['malformed', 'XML 1.1', '<?xml version="1.1"?><a xmlns="urn:x"/>'],
    ['malformed', 'a byte order mark', '\uFEFF<a xmlns="urn:x"/>'],
    ['limit', 'too deep a document', deep(messageLimits.maxDepth + 1)],
    ['limit', 'too many nodes', `<a xmlns="urn:x">${'<b/>'.repeat(messageLimits.maxNodes)}</a>`],
    [
      'limit',
      'too many attributes',
      `<a xmlns="urn:x"${Array.from({ length: 64 }, (_, n) => ` a${n}=""`).join('')}/>`,
    ],
    ['limit', 'too long a name', `<${'a'.repeat(257)} xmlns="urn:x"/>`],
  ]
  it.each(cases)('%s: %s', (code, _, source) => {
    expect(codeOf(source)).toBe(code)
  })
})

describe('the strict reader', () => {
  it('accepts a declaration, white space around the root, and the five names and character references', () => {
    const root = readXml(
      '<?xml version="1.0" encoding="utf-8" standalone="yes"?>\r\n<a xmlns="urn:x">&lt;&gt;&amp;&quot;&apos;&#65;&#x1F600;</a>\n',
    )
    expect(textOf(root)).toBe('<>&"\'A😀')
  })

  it('accepts a document exactly at the limits', () => {
    expect(codeOf(deep(messageLimits.maxDepth))).toBeUndefined()
    expect(codeOf(`<a xmlns="urn:x">${'<b/>'.repeat(messageLimits.maxNodes - 1)}</a>`)).toBeUndefined()
  })

  it('turns line ends into LF and literal white space in attributes into spaces, but not referenced ones', () => {
    const root = readXml('<a xmlns="urn:x" b="1\t2\r\n3&#x9;4&#xA;5&#xD;6">x\r\ny\rz&#xD;</a>')
    expect(attributeOf(root, 'b')).toBe('1 2 3\t4\n5\r6')
    expect(textOf(root)).toBe('x\ny\nz\r')
  })

  it('resolves prefixes where they stand', () => {
    const root = readXml('<p:a xmlns:p="urn:x"><p:b xmlns:p="urn:y" p:c="1"/><p:b/></p:a>')
    expect(childElements(root).map(({ namespace }) => namespace)).toEqual(['urn:y', 'urn:x'])
    expect(childElements(root)[0]?.attributes[0]?.namespace).toBe('urn:y')
  })

  it('gives a tree that cannot be changed', () => {
    const root = readXml('<a xmlns="urn:x"><b>t</b></a>')
    const [child] = childElements(root)
    expect(Object.isFrozen(root) && Object.isFrozen(root.children) && Object.isFrozen(child)).toBe(true)
    expect(pathOf(child ?? root)).toBe('a/b')
  })

  it('skips a byte order mark and comments between elements of a published document, not inside its texts', () => {
    const root = readXml(
      '\uFEFF<!-- made by x --><a xmlns="urn:x"> <!-- y --> <b>t</b></a>',
      messageLimits,
      'document',
    )
    expect(root.children.map(({ kind }) => kind)).toEqual(['text', 'element'])
    expect(() => readXml('<a xmlns="urn:x">t<!-- y --></a>', messageLimits, 'document')).toThrow(XmlError)
  })
})

it('a plain document may do without namespaces, a published one and a message may not', () => {
  const source = '<a><b/><p:c xmlns:p="urn:x"/></a>'
  const root = readXml(source, messageLimits, 'plain')
  expect([root.namespace, ...childElements(root).map(({ namespace }) => namespace)]).toEqual([
    '',
    '',
    'urn:x',
  ])
  expect(() => readXml('<a><p:b/></a>', messageLimits, 'plain')).toThrow(XmlError)
  expect(() => readXml('<!DOCTYPE a><a/>', messageLimits, 'plain')).toThrow(XmlError)
  expect(() => readXml(source, messageLimits, 'document')).toThrow(XmlError)
  expect(() => readXml(source)).toThrow(XmlError)
})
