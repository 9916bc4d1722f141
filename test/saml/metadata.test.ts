import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { isFailure } from '#kernel'
import { parseIdpMetadata, parseSpMetadata } from '#saml'
import type { MetadataOptions } from '#saml'
import { testCertificate } from '../support/certificate.ts'
import { foreignIdp, idpMetadata } from '../support/saml-idp.ts'

const idp = foreignIdp()
const ec = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey
const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey
const now = Temporal.Instant.from('2026-11-22T12:00:00Z')

const outcome = (attempt: () => unknown): string => {
  try {
    attempt()
    return 'accepted'
  } catch (thrown) {
    if (isFailure(thrown)) return thrown.reason
    throw thrown
  }
}

const keyDescriptor = (certificate: string, use = ''): string =>
  `<md:KeyDescriptor${use}><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data><ds:X509Certificate>${certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>`

const spMetadata = (inside: string, attributes = ''): string =>
  `<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://sp.example"><md:SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"${attributes}>${inside}</md:SPSSODescriptor></md:EntityDescriptor>`
const acs = (attributes: string, binding = 'HTTP-POST'): string =>
  `<md:AssertionConsumerService Binding="urn:oasis:names:tc:SAML:2.0:bindings:${binding}" ${attributes}/>`

describe('metadata of an identity provider', () => {
  it('gives its name, endpoints and signing keys', () => {
    const read = parseIdpMetadata(idp.metadata)
    expect(read).toMatchObject({
      entityId: idp.entityId,
      singleSignOn: [
        {
          binding: 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect',
          location: 'https://idp.example/sso',
        },
      ],
      wantAuthnRequestsSigned: false,
    })
    expect(read.signingKeys).toHaveLength(1)
    expect(read.encryptionKeys).toEqual([])
    expect(read.signingKeys[0]?.notAfter.toString()).toBe('2049-01-01T00:00:00Z')
  })

  it('takes a key without use for both uses, and an EC key', () => {
    const read = parseIdpMetadata(
      idpMetadata('https://idp.example', testCertificate(ec)).replace(' use="signing"', ''),
    )
    expect(read.signingKeys).toEqual(read.encryptionKeys)
    expect(read.signingKeys[0]?.key.asymmetricKeyType).toBe('ec')
  })

  it('may begin with a byte order mark and a comment, and hold roles we do not know', () => {
    const odd = idp.metadata
      .replace(
        '<md:IDPSSODescriptor',
        '<!-- ws-federation --><md:RoleDescriptor protocolSupportEnumeration="http://docs.oasis-open.org/wsfed/federation/200706"/><md:IDPSSODescriptor',
      )
      .replace(
        'protocolSupportEnumeration="urn:oasis',
        'WantAuthnRequestsSigned=" 1 " protocolSupportEnumeration="urn:oasis',
      )
    expect(
      parseIdpMetadata(`\uFEFF<?xml version="1.0"?><!-- generated -->${odd}`).wantAuthnRequestsSigned,
    ).toBe(true)
  })

  it('may be one of many when it is named', () => {
    const many = `<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata">${idp.metadata}${idpMetadata('https://two.example', idp.certificate)}</md:EntitiesDescriptor>`
    expect(parseIdpMetadata(many, { entityId: 'https://two.example' }).entityId).toBe('https://two.example')
    expect(outcome(() => parseIdpMetadata(many))).toBe('saml/meta-entity')
  })

  it('is refused unsigned when a signer is pinned', () => {
    const signers = parseIdpMetadata(idp.metadata).signingKeys
    expect(outcome(() => parseIdpMetadata(idp.metadata, { signers }))).toBe('saml/meta-signature')
  })

  const refused: readonly (readonly [string, string, string, MetadataOptions?])[] = [
    ['meta-xml', 'a document type', `<!DOCTYPE a>${idp.metadata}`],
    ['meta-xml', 'CDATA', idp.metadata.replace('<ds:X509Certificate>', '<ds:X509Certificate><![CDATA[')],
    [
      'meta-xml',
      'a comment inside a certificate',
      idp.metadata.replace('<ds:X509Certificate>', '<ds:X509Certificate><!-- -->'),
    ],
    ['meta-too-large', 'too long a document', idp.metadata, { maxLength: 100 }],
    ['meta-entity', 'no entityID', idp.metadata.replace(/ entityID="[^"]*"/, '')],
    ['meta-entity', 'another entityID than expected', idp.metadata, { entityId: 'https://other.example' }],
    [
      'meta-entity',
      'the same entity twice',
      `<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata">${idp.metadata.repeat(2)}</md:EntitiesDescriptor>`,
      { entityId: idp.entityId },
    ],
    ['meta-role', 'no such role', spMetadata(acs('index="0" Location="https://sp.example/acs"'))],
    [
      'meta-role',
      'SAML 1.1 only',
      idp.metadata.replace(
        'protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"',
        'protocolSupportEnumeration="urn:oasis:names:tc:SAML:1.1:protocol"',
      ),
    ],
    ['meta-no-key', 'an encryption key alone', idp.metadata.replace('use="signing"', 'use="encryption"')],
    ['meta-no-key', 'a weak key', idpMetadata(idp.entityId, testCertificate(weak))],
    ['meta-no-key', 'something that is no certificate', idpMetadata(idp.entityId, 'AAAA')],
    [
      'meta-no-key',
      'a key of another role',
      spMetadata(keyDescriptor(idp.certificate) + acs('index="0" Location="https://sp.example/acs"')).replace(
        '</md:EntityDescriptor>',
        '<md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><md:SingleSignOnService Binding="x" Location="https://sp.example/"/></md:IDPSSODescriptor></md:EntityDescriptor>',
      ),
    ],
    [
      'meta-expired',
      'a validity that has ended',
      idp.metadata.replace('entityID', 'validUntil="2026-11-22T12:00:00Z" entityID'),
      { now },
    ],
    [
      'meta-expired',
      'a role whose validity has ended',
      idp.metadata.replace('<md:IDPSSODescriptor', '<md:IDPSSODescriptor validUntil="2026-11-22T11:00:00Z"'),
      { now },
    ],
    [
      'meta-endpoint',
      'plain http',
      idp.metadata.replace('https://idp.example/sso', 'http://idp.example/sso'),
    ],
    [
      'meta-endpoint',
      'plain http elsewhere when this machine is allowed',
      idp.metadata.replace('https://idp.example/sso', 'http://idp.example/sso'),
      { loopbackHttp: true },
    ],
    ['meta-endpoint', 'a script', idp.metadata.replace('https://idp.example/sso', 'javascript:alert(1)')],
    ['meta-endpoint', 'an endpoint without a binding', idp.metadata.replace(/ Binding="[^"]*"/, '')],
    ['meta-endpoint', 'an endpoint without a place', idp.metadata.replace(/ Location="[^"]*"/, '')],
    [
      'meta-expired',
      'a validity that is no time',
      idp.metadata.replace('entityID', 'validUntil="soon" entityID'),
    ],
    ['meta-endpoint', 'no endpoint', idp.metadata.replace(/<md:SingleSignOnService[^>]*>/, '')],
  ]
  for (const [code, title, xml, options] of refused) {
    it(`is refused, ${code}: ${title}`, () => {
      expect(outcome(() => parseIdpMetadata(xml, options))).toBe(`saml/${code}`)
    })
  }

  it('may name plain http on this machine when that is allowed', () => {
    const local = idp.metadata.replace('https://idp.example/sso', 'http://127.0.0.1:7021/sso')
    expect(outcome(() => parseIdpMetadata(local, { loopbackHttp: true }))).toBe('accepted')
    expect(outcome(() => parseIdpMetadata(local))).toBe('saml/meta-endpoint')
  })
})

describe('metadata of a service provider', () => {
  it('gives its assertion consumer services as they are marked', () => {
    const read = parseSpMetadata(
      spMetadata(
        acs('index="1" isDefault="false" Location="https://sp.example/1"') +
          acs('index="2" isDefault="1" Location="https://sp.example/2"') +
          acs('index="3" Location="https://sp.example/3"', 'HTTP-Artifact'),
        ' WantAssertionsSigned="true"',
      ),
    )
    expect(read).toMatchObject({
      entityId: 'https://sp.example',
      wantAssertionsSigned: true,
      authnRequestsSigned: false,
    })
    expect(read.assertionConsumers.map(({ index, isDefault }) => [index, isDefault])).toEqual([
      [1, false],
      [2, true],
      [3, undefined],
    ])
  })

  it.each([
    [
      'meta-endpoint',
      'no assertion consumer by POST',
      spMetadata(acs('index="0" Location="https://sp.example/"', 'PAOS')),
    ],
    ['meta-endpoint', 'no index', spMetadata(acs('Location="https://sp.example/"'))],
    [
      'meta-no-key',
      'signed requests announced without a key',
      spMetadata(acs('index="0" Location="https://sp.example/"'), ' AuthnRequestsSigned="true"'),
    ],
  ])('is refused, %s: %s', (code, _, xml) => {
    expect(outcome(() => parseSpMetadata(xml))).toBe(`saml/${code}`)
  })
})
