import { describe, expect, it } from 'vitest'
import { isFailure } from '#kernel'
import { cachedMetadataReader, parseIdpMetadata, verifyStsAssertion } from '#saml'
import { foreignIdp, idpMetadata, signForeign } from '../support/saml-idp.ts'
import type { Mint } from '../support/saml-idp.ts'

/*
 * Vulnerabilities of other SAML software, as far as a document can express them, each beside what it was made of. The
 * reference page lists their causes; these are its names.
 */
const now = Temporal.Instant.from('2026-11-22T12:00:00Z')
const recipient = 'https://signet.example/saml/aws'
const idp = foreignIdp()
const needs = { readMetadata: cachedMetadataReader() }

const outcome = (xml: string, metadata = idp.metadata, at = now): string => {
  try {
    const request = {
      metadata,
      providerArn: 'arn:aws:iam::111122223333:saml-provider/p',
      accountId: '111122223333',
    }
    const assertion = Buffer.from(xml).toString('base64')
    return verifyStsAssertion(needs, {
      ...request,
      assertion,
      recipients: [recipient],
      audiences: [recipient],
      now: at,
    }).nameId
  } catch (thrown) {
    if (isFailure(thrown)) return thrown.reason.replace('saml/', '')
    throw thrown
  }
}
const honest = (mint: Partial<Mint> = {}): string => idp.respond({ recipient, now, ...mint })
const part = (xml: string, tag: string): string =>
  new RegExp(`<${tag}[ >].*?</${tag}>`, 's').exec(xml)?.[0] ?? ''
const put = (xml: string, before: string, what: string): string => xml.replace(before, () => what + before)

describe('the undamaged neighbour of each', () => {
  it.each(['assertion', 'response', 'both'] as const)('is accepted with its %s signed', (sign) => {
    expect(outcome(honest({ sign }))).toBe('alice')
  })
})

const cases: readonly (readonly [string, string, string, () => string])[] = [
  [
    'CVE-2012-5664',
    'no signature at all is no reason to skip its check',
    'sig-missing',
    () => honest({ sign: 'none' }),
  ],
  [
    'CVE-2016-1000252',
    'an assertion of the attacker before the signed one',
    'shape-assertion-count',
    () => {
      const xml = honest()
      const evil = part(xml, 'saml:Assertion').replace(part(xml, 'ds:Signature'), '').replace('_a1', '_evil')
      return put(xml, '<saml:Assertion ', evil.replace('>alice<', '>admin<'))
    },
  ],
  [
    'CVE-2017-11427',
    'a comment cuts a NameID',
    'xml-comment',
    () => honest({ nameId: 'admin.evil' }).replace('admin.evil', 'admin<!---->.evil'),
  ],
  [
    'CVE-2018-0489',
    'the same with a processing instruction',
    'xml-pi',
    () => honest({ nameId: 'admin.evil' }).replace('admin.evil', 'admin<?x?>.evil'),
  ],
  [
    'CVE-2020-29509',
    'a prefix whose meaning depends on the reader',
    'xml-name',
    () => honest().replace('<saml:Subject>', '<saml:Subject :x="1">'),
  ],
  [
    'CVE-2021-21239',
    'a signature made with the key that came along',
    'sig-value',
    () => {
      const stranger = foreignIdp(idp.entityId)
      return stranger.respond({ recipient, now })
    },
  ],
  ['CVE-2022-39299', 'a second root element', 'xml-malformed', () => honest() + honest({ nameId: 'admin' })],
  [
    'CVE-2024-32962',
    'a signature that nothing here has pinned',
    'sig-value',
    () =>
      signForeign(
        honest({ sign: 'none', nameId: 'admin' }),
        'Assertion',
        foreignIdp().privateKey,
        idp.certificate,
      ),
  ],
  [
    'CVE-2024-45409',
    'a DigestValue smuggled in elsewhere',
    'sig-structure',
    () => {
      const xml = honest()
      return put(xml, '</ds:Signature>', `<ds:Object>${part(xml, 'ds:DigestValue')}</ds:Object>`).replace(
        '>alice<',
        '>admin<',
      )
    },
  ],
  [
    'CVE-2025-23369',
    'an entity hides the ID that is signed',
    'xml-doctype',
    () => `<!DOCTYPE r [<!ENTITY i "_a1">]>${honest()}`,
  ],
  [
    'CVE-2025-25291',
    'a document type read by one parser and not by another',
    'xml-doctype',
    () => `<!DOCTYPE x [<!ENTITY % y '">'>]>${honest()}`,
  ],
  [
    'CVE-2025-25292',
    'a namespace that one parser does not see',
    'xml-namespace',
    () => honest().replace('<saml:Subject>', '<saml:Subject xmlns="">'),
  ],
  [
    'CVE-2025-29774',
    'a second SignedInfo',
    'sig-structure',
    () => {
      const xml = honest()
      return put(xml, '<ds:SignatureValue>', part(xml, 'ds:SignedInfo')).replace('>alice<', '>admin<')
    },
  ],
  [
    'CVE-2025-29775',
    'a comment inside a DigestValue',
    'xml-comment',
    () => honest().replace('<ds:DigestValue>', '<ds:DigestValue><!--x-->'),
  ],
  [
    'CVE-2025-46572',
    'a signature that belongs to another element',
    'sig-reference',
    () => {
      const xml = honest()
      const evil = part(xml, 'saml:Assertion').replace('ID="_a1"', 'ID="_evil"').replace('>alice<', '>admin<')
      return xml.replace(part(xml, 'saml:Assertion'), () => evil)
    },
  ],
  [
    'CVE-2025-47949',
    'an evil assertion around the honest one',
    'sig-position',
    () => {
      const xml = honest()
      const inner = part(xml, 'saml:Assertion')
      const evil = inner
        .replace(part(xml, 'ds:Signature'), '')
        .replace('_a1', '_evil')
        .replace('>alice<', '>admin<')
      return xml.replace(inner, () => evil.replace('</saml:Assertion>', () => `${inner}</saml:Assertion>`))
    },
  ],
  [
    'CVE-2025-54369',
    'a text that changes after it was signed',
    'sig-digest',
    () => honest().replace('>alice<', '>alicia<'),
  ],
  [
    'CVE-2025-66567',
    'two elements of one ID',
    'xml-duplicate-id',
    () => put(honest(), '</samlp:Status>', '<samlp:StatusDetail ID="_a1"/>'),
  ],
  [
    'CVE-2025-66568',
    'canonicalisation that comes out empty',
    'xml-namespace',
    () => honest().replace('<saml:Assertion ', '<saml:Assertion xmlns:n="1" '),
  ],
  [
    'CVE-2026-57580',
    'a comment between two readers',
    'xml-comment',
    () => honest().replace('<saml:Issuer>', '<!-- --><saml:Issuer>'),
  ],
  [
    'CVE-2026-79772',
    'a relative namespace',
    'xml-namespace',
    () => honest().replace('<samlp:Status>', '<samlp:Status xmlns:n="../x">'),
  ],
  [
    'CVE-2026-9093',
    'an assertion for somebody else',
    'ctx-audience',
    () => honest({ audience: 'https://other.example' }),
  ],
  [
    'CVE-2026-41577',
    'an assertion that is over',
    'ctx-expired',
    () =>
      honest({
        beforeSigning: (xml) =>
          xml.replace(/(<saml:Conditions [^>]*NotOnOrAfter=")[^"]*/, '$12026-11-22T11:58:00Z'),
      }),
  ],
  [
    'CVE-2026-49284',
    'an assertion of another trusted provider',
    'ctx-issuer',
    () =>
      honest({
        beforeSigning: (xml) => xml.replace(/(ID="_a1".*?<saml:Issuer>)[^<]*/, '$1https://other.example'),
      }),
  ],
]

describe('is refused', () => {
  it.each(cases)('%s: %s (%s)', (_, __, code, document) => {
    expect(outcome(document())).toBe(code)
  })

  it('CVE-2026-28323: a provider without a usable key is not a provider without checks', () => {
    const metadata = idp.metadata.replace('use="signing"', 'use="encryption"')
    expect(outcome(honest({ sign: 'none' }), metadata)).toBe('meta-no-key')
  })

  it('CVE-2026-16443: a key without use serves both uses, and one for encryption never signs', () => {
    expect(parseIdpMetadata(idp.metadata.replace(' use="signing"', '')).signingKeys).toHaveLength(1)
    const other = foreignIdp(idp.entityId)
    const encryptionOnly =
      /<md:KeyDescriptor.*<\/md:KeyDescriptor>/s.exec(idpMetadata(idp.entityId, other.certificate))?.[0] ?? ''
    const both = put(
      idp.metadata,
      '<md:SingleSignOnService',
      encryptionOnly.replace('use="signing"', 'use="encryption"'),
    )
    expect(outcome(other.respond({ recipient, now }), both)).toBe('sig-value')
    expect(outcome(honest(), both)).toBe('alice')
  })
})
