import { createHash, generateKeyPairSync } from 'node:crypto'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SignedXml } from 'xml-crypto'
import { canonicalize, childElements, readXml, textOf } from '#xml'
import { xmlDocuments } from '../support/random-xml.ts'

const exclusive = 'http://www.w3.org/2001/10/xml-exc-c14n#'
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const signingKey = privateKey.export({ type: 'pkcs8', format: 'pem' })

/** Has xml-crypto canonicalise and hash the only child of the root, and say what it got. */
function foreignDigest(source: string): { digest: string; signed: string } {
  const signer = new SignedXml({
    privateKey: signingKey,
    signatureAlgorithm: 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
    canonicalizationAlgorithm: exclusive,
  })
  signer.addReference({
    xpath: '/*/*',
    digestAlgorithm: 'http://www.w3.org/2001/04/xmlenc#sha256',
    transforms: [exclusive],
  })
  signer.computeSignature(source)
  const signed = signer.getSignedXml()
  return { signed, digest: /<DigestValue>([^<]*)/.exec(signed)?.[1] ?? '' }
}

describe('exclusive canonicalisation', () => {
  it('gives the same bytes as xml-crypto for random documents', () => {
    fc.assert(
      fc.property(xmlDocuments(false), (source) => {
        const { digest, signed } = foreignDigest(
          `<r:root xmlns:r="urn:r" xmlns:a="urn:x:a1">${source}</r:root>`,
        )
        const [target] = childElements(readXml(signed))
        if (!target) throw new Error('no child')
        return createHash('sha256').update(canonicalize(target)).digest('base64') === digest
      }),
      { numRuns: 300 },
    )
  })

  it('writes what is canonical again to the same bytes', () => {
    fc.assert(
      fc.property(xmlDocuments(true), (source) => {
        const once = canonicalize(readXml(source))
        return canonicalize(readXml(once)) === once
      }),
    )
  })

  const cases: readonly { title: string; source: string; canonical: string; prefixes?: readonly string[] }[] =
    [
      {
        title: 'keeps an unused prefix that is listed',
        source: '<a xmlns="urn:x" xmlns:p="urn:p"/>',
        canonical: '<a xmlns="urn:x" xmlns:p="urn:p"></a>',
        prefixes: ['p'],
      },
      {
        title: 'takes an empty prefix in the list as the default namespace',
        source: '<p:a xmlns="urn:x" xmlns:p="urn:p"/>',
        canonical: '<p:a xmlns="urn:x" xmlns:p="urn:p"></p:a>',
        prefixes: [''],
      },
      {
        title: 'declares where a prefix is first used, and again in a sibling',
        source: '<a xmlns="urn:x" xmlns:p="urn:p"><p:b/><p:c/></a>',
        canonical: '<a xmlns="urn:x"><p:b xmlns:p="urn:p"></p:b><p:c xmlns:p="urn:p"></p:c></a>',
      },
      {
        title: 'declares a prefix again when it was bound differently in between',
        source: '<p:a xmlns:p="urn:1"><p:b xmlns:p="urn:2"><p:c xmlns:p="urn:1"/></p:b></p:a>',
        canonical: '<p:a xmlns:p="urn:1"><p:b xmlns:p="urn:2"><p:c xmlns:p="urn:1"></p:c></p:b></p:a>',
      },
      {
        title: 'orders attributes by namespace and local name, plain ones first',
        source: '<a xmlns="urn:x" xmlns:q="urn:1" xmlns:p="urn:2" p:a="1" z="2" q:b="3" b="4" q:a="5"/>',
        canonical:
          '<a xmlns="urn:x" xmlns:p="urn:2" xmlns:q="urn:1" b="4" z="2" q:a="5" q:b="3" p:a="1"></a>',
      },
      {
        title: 'escapes texts and attributes each in its way',
        source:
          '<a xmlns="urn:x" b="&lt;&gt;&amp;&quot;&#39;&#9;&#10;&#13;">&lt;&gt;&amp;&quot;&#9;&#13;</a>',
        canonical: '<a xmlns="urn:x" b="&lt;>&amp;&quot;\'&#x9;&#xA;&#xD;">&lt;&gt;&amp;"\t&#xD;</a>',
      },
    ]
  it.each(cases)('$title', ({ source, canonical, prefixes = [] }) => {
    expect(canonicalize(readXml(source), { inclusivePrefixes: prefixes })).toBe(canonical)
  })

  it('leaves out one element and keeps others like it', () => {
    const root = readXml('<a xmlns="urn:x"><s>1</s><b><s>2</s></b></a>')
    const [omit] = childElements(root)
    if (!omit) throw new Error('no child')
    expect(textOf(omit)).toBe('1')
    expect(canonicalize(root, { omit })).toBe('<a xmlns="urn:x"><b><s>2</s></b></a>')
  })
})
