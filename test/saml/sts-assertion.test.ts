import { generateKeyPairSync } from 'node:crypto'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isFailure } from '#kernel'
import { cachedMetadataReader, verifyStsAssertion } from '#saml'
import type { StsAssertion, StsAssertionRequest } from '#saml'
import { verifyResponse } from '#src/saml/gate.ts'
import { foreignIdp, idpMetadata, signForeign } from '../support/saml-idp.ts'
import type { Mint } from '../support/saml-idp.ts'

const now = Temporal.Instant.from('2026-11-22T12:00:00Z')
const recipient = 'https://signet.example/saml/aws'
const idp = foreignIdp()
const stranger = foreignIdp()
const needs = { readMetadata: cachedMetadataReader() }
const honest: Mint = {
  recipient,
  now,
  attributes: {
    'https://aws.amazon.com/SAML/Attributes/Role': [
      'arn:aws:iam::111122223333:role/R,arn:aws:iam::111122223333:saml-provider/p',
      'second',
    ],
    'https://aws.amazon.com/SAML/Attributes/RoleSessionName': ['alice'],
  },
}

const verify = (assertion: string, changes: Partial<StsAssertionRequest> = {}): StsAssertion =>
  verifyStsAssertion(needs, {
    metadata: idp.metadata,
    providerArn: 'arn:aws:iam::111122223333:saml-provider/p',
    accountId: '111122223333',
    assertion,
    recipients: [recipient],
    audiences: [recipient, 'https://signet.example/saml/metadata'],
    now,
    ...changes,
  })

/** The reason and kind it was refused for, or `accepted`. */
const outcome = (attempt: () => unknown): string => {
  try {
    attempt()
    return 'accepted'
  } catch (thrown) {
    if (isFailure(thrown)) return `${thrown.reason.replace('saml/', '')} ${thrown.kind}`
    throw thrown
  }
}
const of = (mint: Partial<Mint>, changes: Partial<StsAssertionRequest> = {}): string =>
  outcome(() => verify(idp.mint({ ...honest, ...mint }), changes))

/** Replaces a text that must occur, so that a changed template does not leave a test without its attack. */
const swap =
  (from: string | RegExp, to: string) =>
  (xml: string): string => {
    const changed = xml.replace(from, to)
    if (changed === xml) throw new Error(`nothing to replace: ${String(from)}`)
    return changed
  }

describe('an assertion of another identity provider', () => {
  it('is read from its signed content', () => {
    expect(verify(idp.mint(honest))).toEqual({
      issuer: idp.entityId,
      nameId: 'alice',
      nameIdFormat: 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
      recipient,
      attributes: new Map(Object.entries(honest.attributes ?? {})),
      sessionNotOnOrAfter: undefined,
      assertionId: '_a1',
      issueInstant: now,
      notOnOrAfter: now.add({ minutes: 5 }),
    })
  })

  it.each(['assertion', 'response', 'both'] as const)('counts when the %s is signed', (sign) => {
    expect(of({ sign })).toBe('accepted')
  })

  it('tells when the session at the identity provider ends', () => {
    const end = now.add({ hours: 1 })
    expect(verify(idp.mint({ ...honest, sessionNotOnOrAfter: end })).sessionNotOnOrAfter).toEqual(end)
  })

  it.each([
    'http://www.w3.org/2001/04/xmldsig-more#rsa-sha512',
    'http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1',
  ])('counts when signed with %s', (signatureAlgorithm) => {
    expect(of({ signatureAlgorithm })).toBe('accepted')
  })

  it('counts with line breaks in its base64 and white space between elements', () => {
    const xml = idp.respond({ ...honest, beforeSigning: swap('<saml:Subject>', '\r\n  <saml:Subject>') })
    expect(
      outcome(() =>
        verify(
          Buffer.from(xml)
            .toString('base64')
            .replaceAll(/(.{76})/g, '$1\r\n'),
        ),
      ),
    ).toBe('accepted')
  })

  it('counts with the attributes before the authentication, as Entra and ADFS write it', () => {
    const beforeSigning = (xml: string): string => {
      const [attributes = ''] = /<saml:AttributeStatement>.*<\/saml:AttributeStatement>/.exec(xml) ?? []
      return xml
        .replace(attributes, '')
        .replace('<saml:AuthnStatement', () => `${attributes}<saml:AuthnStatement`)
    }
    expect(of({ beforeSigning })).toBe('accepted')
  })

  it('counts when the metadata lists two keys and the second one signed', () => {
    const metadata = idp.metadata.replace('<md:KeyDescriptor use="signing">', (found) => {
      const other = /<md:KeyDescriptor.*<\/md:KeyDescriptor>/s.exec(stranger.metadata)?.[0] ?? ''
      return other + found
    })
    expect(of({}, { metadata })).toBe('accepted')
  })
})

describe('refuses on the way in', () => {
  it.each([
    ['in-base64 malformed', 'AA$='],
    ['in-base64 malformed', 'AAA'],
    ['in-base64 malformed', 'AAAA=AAA'],
    ['in-base64 malformed', ''],
    ['in-base64 malformed', 'AAB='],
    ['in-too-large malformed', 'A'.repeat(100_004)],
    ['in-encoding malformed', Buffer.from([0xff, 0xfe, 0x3c]).toString('base64')],
    ['in-encoding malformed', Buffer.from('\uFEFF<a/>').toString('base64')],
    [
      'in-encoding malformed',
      Buffer.from('<?xml version="1.0" encoding="ISO-8859-1"?><a/>').toString('base64'),
    ],
    ['xml-doctype malformed', Buffer.from('<!DOCTYPE a><a/>').toString('base64')],
  ])('%s', (expected, assertion) => {
    expect(outcome(() => verify(assertion))).toBe(expected)
  })

  const documents: readonly (readonly [string, string, (xml: string) => string])[] = [
    [
      'xml-doctype',
      'a document type with entities (billion laughs)',
      (xml) => `<!DOCTYPE r [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]>${xml}`,
    ],
    ['xml-comment', 'a comment in NameID (CVE-2017-11427 and family)', swap('>alice<', '>ali<!-- -->ce<')],
    [
      'xml-comment',
      'a comment in DigestValue (CVE-2025-29775)',
      swap('<ds:DigestValue>', '<ds:DigestValue><!-- x -->'),
    ],
    ['xml-comment', 'a comment in Issuer', swap('</saml:Issuer>', '<!-- --></saml:Issuer>')],
    ['xml-cdata', 'CDATA in NameID', swap('>alice<', '><![CDATA[alice]]><')],
    ['xml-pi', 'a processing instruction in NameID', swap('>alice<', '>ali<?x?>ce<')],
    ['xml-entity', 'an unknown entity', swap('>alice<', '>&alice;<')],
    ['xml-character', 'a NUL', swap('>alice<', '>ali\0ce<')],
    [
      'xml-namespace',
      'a relative namespace (void canonicalisation, CVE-2025-66568)',
      swap('xmlns:xs="http://www.w3.org/2001/XMLSchema"', 'xmlns:xs="1"'),
    ],
    [
      'xml-name',
      'a name beyond ASCII (CVE-2025-25292 class)',
      swap('<saml:Subject>', '<saml:Subject é="1">'),
    ],
    ['xml-attribute', 'an attribute twice', swap('ID="_a1"', 'ID="_a1" ID="_a1"')],
    ['xml-duplicate-id', 'the ID of the assertion twice', swap('<samlp:Status>', '<samlp:Status ID="_a1">')],
    ['xml-foreign-id', 'a second kind of ID', swap('ID="_a1"', 'ID="_a1" samlp:ID="_a2"')],
    ['xml-malformed', 'a second root', (xml) => xml + xml],
    [
      'xml-limit',
      'a deep document',
      swap('</samlp:Status>', `${'<a xmlns="urn:a">'.repeat(32)}${'</a>'.repeat(32)}</samlp:Status>`),
    ],
  ]
  it.each(documents)('%s: %s', (code, _, afterSigning) => {
    expect(of({ afterSigning })).toBe(`${code} malformed`)
  })
})

const signatureOf = (xml: string): string => /<ds:Signature .*?<\/ds:Signature>/s.exec(xml)?.[0] ?? ''
const assertionOf = (xml: string): string => /<saml:Assertion .*<\/saml:Assertion>/s.exec(xml)?.[0] ?? ''
const unsigned = (xml: string): string => xml.replace(signatureOf(xml), '')
/** An assertion of the attacker's: another person, another ID, no signature. */
const evilOf = (xml: string): string =>
  unsigned(assertionOf(xml)).replace('>alice<', '>admin<').replace('ID="_a1"', 'ID="_evil"')

/** The eight wrapping shapes (Somorovsky and others, On Breaking SAML, 2012), by the names their tools use. */
const wrapping: readonly (readonly [string, string, 'assertion' | 'response', (xml: string) => string])[] = [
  [
    'sig-structure',
    'XSW1: the honest response inside the signature of an evil one',
    'response',
    (xml) => {
      const evil = xml
        .replace('>alice<', '>admin<')
        .replace(/ID="_r\w+"/, 'ID="_evil"')
        .replace('ID="_a1"', 'ID="_evil2"')
      return evil.replace('</ds:Signature>', () => `<ds:Object>${unsigned(xml)}</ds:Object></ds:Signature>`)
    },
  ],
  [
    'sig-position',
    'XSW2: the honest response beside a detached signature',
    'response',
    (xml) => {
      const signature = signatureOf(xml)
      const evil = unsigned(xml)
        .replace('>alice<', '>admin<')
        .replace(/ID="_r\w+"/, 'ID="_evil"')
        .replace('ID="_a1"', 'ID="_evil2"')
      return evil.replace('</saml:Issuer>', () => `</saml:Issuer>${unsigned(xml)}${signature}`)
    },
  ],
  [
    'shape-assertion-count',
    'XSW3: an evil assertion before the honest one',
    'assertion',
    (xml) => xml.replace('<saml:Assertion ', () => `${evilOf(xml)}<saml:Assertion `),
  ],
  [
    'sig-position',
    'XSW4: the honest assertion inside an evil one',
    'assertion',
    (xml) =>
      xml.replace(assertionOf(xml), () =>
        evilOf(xml).replace('</saml:Assertion>', () => `${assertionOf(xml)}</saml:Assertion>`),
      ),
  ],
  [
    'sig-reference',
    'XSW5: an evil assertion carries the signature of the honest one',
    'assertion',
    (xml) => {
      const evil = assertionOf(xml).replace('>alice<', '>admin<').replace('ID="_a1"', 'ID="_evil"')
      return xml.replace(assertionOf(xml), () => evil + unsigned(assertionOf(xml)))
    },
  ],
  [
    'sig-structure',
    'XSW6: the honest assertion inside the signature that an evil one carries',
    'assertion',
    (xml) => {
      const evil = assertionOf(xml).replace('>alice<', '>admin<').replace('ID="_a1"', 'ID="_evil"')
      return xml.replace(assertionOf(xml), () =>
        evil.replace('</ds:Signature>', () => `${unsigned(assertionOf(xml))}</ds:Signature>`),
      )
    },
  ],
  [
    'shape-element',
    'XSW7: an evil assertion in Extensions',
    'assertion',
    (xml) =>
      xml.replace(
        '<samlp:Status>',
        () => `<samlp:Extensions>${evilOf(xml)}</samlp:Extensions><samlp:Status>`,
      ),
  ],
  [
    'sig-structure',
    'XSW8: the honest assertion in an Object of the signature',
    'assertion',
    (xml) => {
      const evil = assertionOf(xml).replace('>alice<', '>admin<').replace('ID="_a1"', 'ID="_evil"')
      return xml.replace(assertionOf(xml), () =>
        evil.replace(
          '</ds:Signature>',
          () => `<ds:Object>${unsigned(assertionOf(xml))}</ds:Object></ds:Signature>`,
        ),
      )
    },
  ],
]

describe('refuses signature wrapping', () => {
  it.each(wrapping)('%s: %s', (code, _, sign, afterSigning) => {
    const kind = code.startsWith('sig-') ? 'unauthenticated' : 'malformed'
    expect(of({ sign, afterSigning })).toBe(`${code} ${kind}`)
  })
})

it('refuses, peer-no-key, a response when nothing is pinned', () => {
  expect(outcome(() => verifyResponse(idp.respond(honest), []))).toBe('peer-no-key forbidden')
})

describe('refuses signatures', () => {
  const inSignature: readonly (readonly [string, string, (xml: string) => string])[] = [
    ['sig-missing', 'cut out', unsigned],
    [
      'sig-count',
      'twice on one element',
      (xml) => xml.replace(signatureOf(xml), () => signatureOf(xml).repeat(2)),
    ],
    [
      'sig-position',
      'at the end of the assertion',
      (xml) => unsigned(xml).replace('</saml:Assertion>', () => `${signatureOf(xml)}</saml:Assertion>`),
    ],
    [
      'sig-structure',
      'with a second SignedInfo (CVE-2025-29774)',
      (xml) =>
        xml.replace(
          '<ds:SignatureValue>',
          () => `${/<ds:SignedInfo>.*<\/ds:SignedInfo>/s.exec(xml)?.[0] ?? ''}<ds:SignatureValue>`,
        ),
    ],
    [
      'sig-structure',
      'with an element inside DigestValue',
      swap('<ds:DigestValue>', '<ds:DigestValue><ds:X/>'),
    ],
    ['sig-structure', 'with a text between its parts', swap('<ds:SignedInfo>', 'x<ds:SignedInfo>')],
    [
      'sig-structure',
      'with an unexpected attribute',
      swap('<ds:SignatureValue>', '<ds:SignatureValue x="1">'),
    ],
    [
      'sig-structure',
      'with parameters of the signature method',
      swap(
        /(<ds:SignatureMethod [^>]*?)\s*\/>/,
        '$1><ds:HMACOutputLength>8</ds:HMACOutputLength></ds:SignatureMethod>',
      ),
    ],
    ['sig-structure', 'without a canonicalisation method', swap(/<ds:CanonicalizationMethod[^>]*\/>/, '')],
    [
      'sig-structure',
      'with parameters of the canonicalisation method',
      swap(/(<ds:CanonicalizationMethod [^>]*?)\s*\/>/, '$1><ds:X/></ds:CanonicalizationMethod>'),
    ],
    [
      'sig-structure',
      'with parameters of the digest method',
      swap(/(<ds:DigestMethod [^>]*?)\s*\/>/, '$1><ds:X/></ds:DigestMethod>'),
    ],
    [
      'sig-structure',
      'with a second digest',
      swap('</ds:DigestValue>', '</ds:DigestValue><ds:DigestValue>AAAA</ds:DigestValue>'),
    ],
    [
      'sig-structure',
      'with something else among the transforms',
      swap('</ds:Transforms>', '<ds:X/></ds:Transforms>'),
    ],
    ['sig-structure', 'whose digest is not base64', swap(/<ds:DigestValue>[^<]*/, '<ds:DigestValue>!!')],
    [
      'sig-transform',
      'with something inside the canonicalisation transform',
      swap(
        /(<ds:Transform Algorithm="http:\/\/www\.w3\.org\/2001\/10\/xml-exc-c14n#")\s*\/>/,
        '$1><ds:XPath>x</ds:XPath></ds:Transform>',
      ),
    ],
    ['sig-reference-count', 'over nothing', swap(/<ds:Reference.*<\/ds:Reference>/s, '')],
    [
      'sig-reference-count',
      'over two things',
      (xml) =>
        xml.replace(
          '</ds:SignedInfo>',
          () => `${/<ds:Reference.*<\/ds:Reference>/s.exec(xml)?.[0] ?? ''}</ds:SignedInfo>`,
        ),
    ],
    ['sig-reference', 'over the whole document', swap('URI="#_a1"', 'URI=""')],
    ['sig-reference', 'over another element', swap(/URI="#_a1"/, 'URI="#_other"')],
    ['sig-reference', 'over something elsewhere', swap('URI="#_a1"', 'URI="http://127.0.0.1/x"')],
    [
      'sig-transform',
      'with XSLT',
      swap(
        'http://www.w3.org/2000/09/xmldsig#enveloped-signature',
        'http://www.w3.org/TR/1999/REC-xslt-19991116',
      ),
    ],
    ['sig-transform', 'without transforms', swap(/<ds:Transforms>.*<\/ds:Transforms>/s, '')],
    ['sig-transform', 'with a transform repeated', swap(/(<ds:Transform .*?\/>)/, '$1$1')],
    [
      'sig-c14n',
      'over comments',
      swap(
        /(<ds:CanonicalizationMethod Algorithm=")[^"]*/,
        '$1http://www.w3.org/2001/10/xml-exc-c14n#WithComments',
      ),
    ],
    [
      'sig-digest-algorithm',
      'with SHA-1 digests',
      swap('http://www.w3.org/2001/04/xmlenc#sha256', 'http://www.w3.org/2000/09/xmldsig#sha1'),
    ],
    [
      'sig-algorithm',
      'that say HMAC',
      swap(/(<ds:SignatureMethod Algorithm=")[^"]*/, '$1http://www.w3.org/2000/09/xmldsig#hmac-sha1'),
    ],
    [
      'sig-algorithm',
      'that say something unknown',
      swap(/(<ds:SignatureMethod Algorithm=")[^"]*/, '$1urn:x'),
    ],
    [
      'sig-key',
      'that say ECDSA before an RSA key',
      swap(/(<ds:SignatureMethod Algorithm=")[^"]*/, '$1http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256'),
    ],
    [
      'sig-value',
      'whose value is not of this SignedInfo',
      swap(/<ds:DigestValue>[^<]*/, '<ds:DigestValue>AAAA'),
    ],
    ['sig-digest', 'over a changed name', swap('>alice<', '>admin<')],
    ['sig-digest', 'over a changed attribute', swap('>second<', '>third<')],
  ]
  it.each(inSignature)('%s: %s', (code, _, afterSigning) => {
    expect(of({ afterSigning })).toBe(`${code} unauthenticated`)
  })

  it('sig-c14n: inclusive canonicalisation as a transform', () => {
    const transforms = [
      'http://www.w3.org/2000/09/xmldsig#enveloped-signature',
      'http://www.w3.org/TR/2001/REC-xml-c14n-20010315',
    ]
    expect(of({ transforms })).toBe('sig-c14n unauthenticated')
  })

  it('sig-algorithm: an honest RSA-SHA1', () => {
    expect(of({ signatureAlgorithm: 'http://www.w3.org/2000/09/xmldsig#rsa-sha1' })).toBe(
      'sig-algorithm unauthenticated',
    )
  })

  it('sig-digest-algorithm: an honest SHA-1 digest', () => {
    expect(of({ digestAlgorithm: 'http://www.w3.org/2000/09/xmldsig#sha1' })).toBe(
      'sig-digest-algorithm unauthenticated',
    )
  })

  it('sig-value: an honest signature of a stranger whose certificate came along', () => {
    expect(outcome(() => verify(stranger.mint(honest)))).toBe('sig-value unauthenticated')
  })

  it('sig-value: one good signature and one bad one', () => {
    const xml = idp.respond(honest)
    const twice = signForeign(xml, 'Response', stranger.privateKey, stranger.certificate)
    expect(outcome(() => verify(Buffer.from(twice).toString('base64')))).toBe('sig-value unauthenticated')
  })

  it('sig-key: an honest RSA signature where only an EC key is pinned', () => {
    const ec = foreignIdp(idp.entityId, generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)
    expect(of({}, { metadata: ec.metadata })).toBe('sig-key unauthenticated')
  })

  it('whatever single place of a signed response is changed, nobody else comes out', () => {
    const xml = idp.respond({ ...honest, sign: 'both' })
    const expected = verify(Buffer.from(xml).toString('base64'))
    fc.assert(
      fc.property(
        fc.nat(xml.length - 1),
        fc.nat(4),
        fc.constantFrom('', 'a', '<', '>', '"', '&', ' ', '/', '<!--', 'saml:', '\0', '#', '=', 'é'),
        (at, length, insert) => {
          const changed = xml.slice(0, at) + insert + xml.slice(at + length)
          try {
            expect(verify(Buffer.from(changed).toString('base64'))).toEqual(expected)
          } catch (thrown) {
            if (!isFailure(thrown)) throw thrown
          }
        },
      ),
      { numRuns: 1_500 },
    )
  })
})

describe('refuses shapes', () => {
  const shapes: readonly (readonly [string, string, (xml: string) => string])[] = [
    ['shape-version', 'SAML 1.1', swap('ID="_a1" Version="2.0"', 'ID="_a1" Version="1.1"')],
    ['shape-version', 'a Response of another version', swap('Version="2.0"', 'Version="3.0"')],
    [
      'shape-element',
      'Extensions',
      swap('<samlp:Status>', '<samlp:Extensions><a xmlns="urn:a"/></samlp:Extensions><samlp:Status>'),
    ],
    ['shape-element', 'Advice', swap('<saml:AuthnStatement', '<saml:Advice/><saml:AuthnStatement')],
    [
      'shape-element',
      'an authorization decision',
      swap('<saml:AuthnStatement', '<saml:AuthzDecisionStatement/><saml:AuthnStatement'),
    ],
    [
      'shape-element',
      'Conditions before Subject',
      (xml) => {
        const [conditions = ''] = /<saml:Conditions.*<\/saml:Conditions>/.exec(xml) ?? []
        return xml.replace(conditions, '').replace('<saml:Subject>', () => `${conditions}<saml:Subject>`)
      },
    ],
    ['shape-element', 'an element inside an attribute value', swap('>second<', '><a xmlns="urn:a"/><')],
    ['shape-attribute', 'a confirmation without a method', swap(/ Method="[^"]*"/, '')],
    [
      'shape-attribute',
      'an issuer that is not an entity',
      swap('<saml:Issuer>', '<saml:Issuer Format="urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress">'),
    ],
    [
      'shape-attribute',
      'an unexpected attribute of an attribute value',
      swap('<saml:AttributeValue ', '<saml:AttributeValue extra="1" '),
    ],
    [
      'shape-element',
      'an authentication context without a reference',
      swap(/<saml:AuthnContextClassRef>.*<\/saml:AuthnContextClassRef>/, ''),
    ],
    ['shape-attribute', 'an unexpected attribute', swap('ID="_a1"', 'ID="_a1" Extra="1"')],
    [
      'shape-attribute',
      'an assertion without a time',
      swap(/(ID="_a1" Version="2.0") IssueInstant="[^"]*"/, '$1'),
    ],
    ['shape-assertion-count', 'no assertion in a Success', (xml) => xml.replace(assertionOf(xml), '')],
    [
      'shape-nameid',
      'two NameIDs',
      swap('<saml:SubjectConfirmation ', '<saml:NameID>admin</saml:NameID><saml:SubjectConfirmation '),
    ],
    ['shape-nameid', 'no NameID', swap(/<saml:NameID.*<\/saml:NameID>/, '')],
    ['shape-text', 'an element inside NameID', swap('>alice<', '>ali<saml:b/>ce<')],
    ['shape-text', 'a text between elements', swap('<saml:Subject>', 'x<saml:Subject>')],
    [
      'shape-confirmation',
      'no confirmation',
      swap(/<saml:SubjectConfirmation .*<\/saml:SubjectConfirmation>/, ''),
    ],
    [
      'shape-confirmation',
      'two confirmations',
      swap(/(<saml:SubjectConfirmation .*<\/saml:SubjectConfirmation>)/, '$1$1'),
    ],
    ['shape-confirmation', 'holder of key', swap('cm:bearer', 'cm:holder-of-key')],
    ['shape-confirmation', 'sender vouches', swap('cm:bearer', 'cm:sender-vouches')],
    [
      'shape-confirmation',
      'NotBefore in its data',
      swap(
        '<saml:SubjectConfirmationData ',
        '<saml:SubjectConfirmationData NotBefore="2026-11-22T12:00:00Z" ',
      ),
    ],
    [
      'shape-confirmation',
      'no end in its data',
      swap(/(<saml:SubjectConfirmationData )NotOnOrAfter="[^"]*"/, '$1'),
    ],
    ['shape-conditions', 'no Conditions', swap(/<saml:Conditions.*<\/saml:Conditions>/, '')],
    [
      'shape-condition',
      'an unknown condition',
      swap('</saml:Conditions>', '<saml:Condition/></saml:Conditions>'),
    ],
    ['shape-authn-statement', 'no AuthnStatement', swap(/<saml:AuthnStatement.*<\/saml:AuthnStatement>/, '')],
    ['shape-time', 'a local time', swap(/(AuthnInstant=")[^"]*/, '$12026-11-22T12:00:00')],
    ['shape-time', 'a thirteenth month', swap(/(AuthnInstant=")[^"]*/, '$12026-13-22T12:00:00Z')],
    ['shape-attribute-name', 'an attribute twice', swap(/(<saml:Attribute .*?<\/saml:Attribute>)/, '$1$1')],
  ]
  it.each(shapes)('%s: %s', (code, _, beforeSigning) => {
    // Signed as a whole, so that the signature is good and the shape alone is what refuses.
    const sign = code === 'shape-assertion-count' ? 'none' : 'response'
    expect(of({ beforeSigning, sign })).toBe(`${code} malformed`)
  })

  it('shape-root: a signed root of another name', () => {
    const xml = idp.respond({ ...honest, sign: 'none' }).replaceAll('samlp:Response', 'samlp:LogoutResponse')
    const signed = signForeign(xml, 'LogoutResponse', idp.privateKey, idp.certificate)
    expect(outcome(() => verify(Buffer.from(signed).toString('base64')))).toBe('shape-root malformed')
  })
})

describe('refuses what was not meant', () => {
  type Meaning = readonly [
    expected: string,
    title: string,
    mint: Partial<Mint>,
    changes?: Partial<StsAssertionRequest>,
  ]
  const meanings: readonly Meaning[] = [
    [
      'ctx-issuer unauthenticated',
      'an assertion that names another issuer',
      { beforeSigning: swap(/(ID="_a1".*?<saml:Issuer>)[^<]*/, '$1https://other.example') },
    ],
    [
      'ctx-issuer unauthenticated',
      'a response that names another issuer',
      { beforeSigning: swap(/<saml:Issuer>[^<]*/, '<saml:Issuer>https://other.example') },
    ],
    [
      'ctx-destination unauthenticated',
      'another destination',
      { beforeSigning: swap(/ Destination="[^"]*"/, ' Destination="https://other.example"') },
    ],
    [
      'ctx-destination unauthenticated',
      'a signed response without destination',
      { sign: 'response', beforeSigning: swap(/ Destination="[^"]*"/, '') },
    ],
    [
      'accepted',
      'an unsigned response without destination',
      { beforeSigning: swap(/ Destination="[^"]*"/, '') },
    ],
    [
      'ctx-recipient unauthenticated',
      'another recipient',
      { beforeSigning: swap(/ Recipient="[^"]*"/, ' Recipient="https://signin.aws.amazon.com/saml"') },
    ],
    ['ctx-recipient unauthenticated', 'no recipient', { beforeSigning: swap(/ Recipient="[^"]*"/, '') }],
    [
      'accepted',
      "AWS's recipient where the provider opted in",
      { recipient: 'https://signin.aws.amazon.com/saml', audience: 'urn:amazon:webservices' },
      { recipients: ['https://signin.aws.amazon.com/saml'], audiences: ['urn:amazon:webservices'] },
    ],
    [
      'ctx-destination unauthenticated',
      "AWS's recipient where it did not",
      { recipient: 'https://signin.aws.amazon.com/saml' },
    ],
    ['ctx-audience unauthenticated', 'another audience', { audience: 'https://other.example' }],
    [
      'ctx-audience unauthenticated',
      'no audience',
      { beforeSigning: swap(/<saml:AudienceRestriction>.*<\/saml:AudienceRestriction>/, '') },
    ],
    [
      'ctx-audience unauthenticated',
      'a second restriction that leaves us out',
      {
        beforeSigning: swap(
          '</saml:Conditions>',
          '<saml:AudienceRestriction><saml:Audience>x</saml:Audience></saml:AudienceRestriction></saml:Conditions>',
        ),
      },
    ],
    ['accepted', 'the last moment of the five minutes', { now: now.subtract({ minutes: 5 }) }],
    [
      'ctx-issue-instant expired',
      'a moment more than five minutes old',
      { now: now.subtract({ minutes: 5, milliseconds: 1 }) },
    ],
    ['accepted', 'a clock a minute fast', { now: now.add({ minutes: 1 }) }],
    ['ctx-issue-instant expired', 'an assertion of the future', { now: now.add({ seconds: 61 }) }],
    [
      'ctx-not-yet expired',
      'conditions that begin later',
      { beforeSigning: swap(/NotBefore="[^"]*"/, 'NotBefore="2026-11-22T12:02:00Z"') },
    ],
    [
      'ctx-expired expired',
      'conditions that are over',
      { beforeSigning: swap(/(<saml:Conditions [^>]*NotOnOrAfter=")[^"]*/, '$12026-11-22T11:59:00Z') },
    ],
    [
      'accepted',
      'conditions over within the forgiven difference',
      { beforeSigning: swap(/(<saml:Conditions [^>]*NotOnOrAfter=")[^"]*/, '$12026-11-22T11:59:01Z') },
    ],
    [
      'ctx-confirmation-expired expired',
      'a confirmation that is over',
      {
        beforeSigning: swap(/(<saml:SubjectConfirmationData NotOnOrAfter=")[^"]*/, '$12026-11-22T11:59:00Z'),
      },
    ],
    ['ctx-session-expired expired', 'a session that is over', { sessionNotOnOrAfter: now }],
    ['ctx-nameid unauthenticated', 'an empty NameID', { nameId: '' }],
    ['ctx-nameid unauthenticated', 'a padded NameID', { nameId: ' alice' }],
    ['ctx-nameid unauthenticated', 'a NameID with a line break', { nameId: 'al\nice' }],
    ['ctx-nameid unauthenticated', 'a NameID in decomposed form', { nameId: 'e\u0301' }],
    [
      'ctx-status unauthenticated',
      'an answer that is not Success',
      {
        sign: 'none',
        beforeSigning: (xml) =>
          xml.replace('status:Success', 'status:Responder').replace(assertionOf(xml), ''),
      },
    ],
    [
      'meta-expired malformed',
      'metadata whose validity has ended',
      {},
      { metadata: idp.metadata.replace('entityID=', 'validUntil="2026-11-22T12:00:00Z" entityID=') },
    ],
    [
      'meta-no-key malformed',
      'a provider whose only key is for encryption (CVE-2026-28323 class)',
      {},
      { metadata: idp.metadata.replace('use="signing"', 'use="encryption"') },
    ],
    ['meta-xml malformed', 'a provider whose metadata is not XML', {}, { metadata: '<' }],
    [
      'sig-value unauthenticated',
      'metadata of the same name with another key',
      {},
      { metadata: idpMetadata(idp.entityId, stranger.certificate) },
    ],
    [
      'ctx-issuer unauthenticated',
      'metadata of another name with the same key',
      {},
      { metadata: idpMetadata('https://other.example', idp.certificate) },
    ],
  ]
  for (const [expected, title, mint, changes] of meanings) {
    it(`${expected}: ${title}`, () => {
      expect(of(mint, changes)).toBe(expected)
    })
  }

  it("in AWS's words, with no word of the message in them", () => {
    const message = (mint: Partial<Mint>): string => {
      try {
        verify(idp.mint({ ...honest, ...mint }))
        return ''
      } catch (thrown) {
        return thrown instanceof Error ? thrown.message : ''
      }
    }
    expect(message({ now: now.subtract({ hours: 1 }) })).toBe(
      'Token must be redeemed within 5 minutes of issuance',
    )
    expect(message({ afterSigning: swap('>alice<', '>admin<') })).toBe('Response signature invalid')
    expect(message({ sessionNotOnOrAfter: now })).toBe('Response has expired')
    expect(message({ audience: 'x' })).toBe('The SAML message was refused (ctx-audience)')
  })
})
