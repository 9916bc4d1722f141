import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalize, canonicalWriter, element, readXml, textOf, XmlError } from '#xml'

const write = canonicalWriter({ p: 'urn:p', q: 'urn:q' })

describe('the canonical writer', () => {
  it('writes what canonicalisation would make of it', () => {
    const { canonical } = write(
      element(
        'p:a',
        { z: '1', b: '<&>"\t\n\r', 'q:b': '2' },
        element('q:c', {}, 'x & <y>\r'),
        element('p:d'),
      ),
    )
    expect(canonicalize(readXml(canonical))).toBe(canonical)
    expect(canonical).toBe(
      '<p:a xmlns:p="urn:p" xmlns:q="urn:q" b="&lt;&amp;>&quot;&#x9;&#xA;&#xD;" z="1" q:b="2">' +
        '<q:c>x &amp; &lt;y&gt;&#xD;</q:c><p:d></p:d></p:a>',
    )
  })

  it('is canonical for any text and attribute value', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' }), (text, value) => {
        let canonical: string
        try {
          canonical = write(element('p:a', { v: value }, text)).canonical
        } catch (thrown) {
          return thrown instanceof XmlError && thrown.code === 'character'
        }
        const root = readXml(canonical)
        return (
          canonicalize(root) === canonical && textOf(root) === text && root.attributes[0]?.value === value
        )
      }),
    )
  })

  it('puts a canonical piece inside unchanged', () => {
    const inner = write(element('q:inner', {}, 'text'))
    const { canonical } = write(element('p:outer', {}, element('q:other'), inner))
    expect(canonical).toBe(
      '<p:outer xmlns:p="urn:p"><q:other xmlns:q="urn:q"></q:other><q:inner xmlns:q="urn:q">text</q:inner></p:outer>',
    )
    expect(canonicalize(readXml(canonical))).toBe(canonical)
  })

  it('leaves out attributes and children that are undefined', () => {
    expect(write(element('p:a', { b: undefined }, undefined)).canonical).toBe('<p:a xmlns:p="urn:p"></p:a>')
  })

  it('refuses a prefix it does not know and characters that XML cannot carry', () => {
    expect(() => write(element('x:a'))).toThrow(XmlError)
    expect(() => write(element('p:a', {}, '\u0001'))).toThrow(XmlError)
    expect(() => write(element('p:a', { b: '\uD800' }))).toThrow(XmlError)
  })
})
