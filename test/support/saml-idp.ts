import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { SignedXml } from 'xml-crypto'
import { testCertificate } from './certificate.ts'

/** An assertion to be minted. What is not given is what an honest identity provider would say. */
export type Mint = {
  readonly recipient: string
  readonly audience?: string
  readonly now: Temporal.Instant
  readonly nameId?: string
  readonly nameIdFormat?: string
  readonly attributes?: Readonly<Record<string, readonly string[]>>
  readonly inResponseTo?: string
  readonly assertionId?: string
  readonly sessionNotOnOrAfter?: Temporal.Instant
  readonly sign?: 'assertion' | 'response' | 'both' | 'none'
  readonly signatureAlgorithm?: string
  readonly digestAlgorithm?: string
  readonly transforms?: readonly string[]
  /** Changes the document before it is signed (an IdP that says odd things) and after (an attacker). */
  readonly beforeSigning?: (xml: string) => string
  readonly afterSigning?: (xml: string) => string
}

/** Another identity provider, with its own key, written with xml-crypto and none of our code. */
export type ForeignIdp = {
  readonly entityId: string
  readonly privateKey: KeyObject
  readonly certificate: string
  readonly metadata: string
  /** The Response document. */
  readonly respond: (mint: Mint) => string
  /** The same, as SAMLResponse or SAMLAssertion carries it. */
  readonly mint: (mint: Mint) => string
}

const enveloped = 'http://www.w3.org/2000/09/xmldsig#enveloped-signature'
const exclusive = 'http://www.w3.org/2001/10/xml-exc-c14n#'

const escape = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')

/** Signs one element of a document, the signature after its Issuer, as xml-crypto does it. */
export function signForeign(
  xml: string,
  element: string,
  key: KeyObject,
  certificate: string,
  options: Pick<Mint, 'signatureAlgorithm' | 'digestAlgorithm' | 'transforms'> = {},
): string {
  const xpath = `//*[local-name(.)='${element}']`
  const signer = new SignedXml({
    privateKey: key.export({ type: 'pkcs8', format: 'pem' }),
    signatureAlgorithm: options.signatureAlgorithm ?? 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
    canonicalizationAlgorithm: exclusive,
    getKeyInfoContent: () =>
      `<ds:X509Data><ds:X509Certificate>${certificate}</ds:X509Certificate></ds:X509Data>`,
  })
  signer.addReference({
    xpath,
    digestAlgorithm: options.digestAlgorithm ?? 'http://www.w3.org/2001/04/xmlenc#sha256',
    transforms: options.transforms ?? [enveloped, exclusive],
  })
  signer.computeSignature(xml, {
    prefix: 'ds',
    location: { reference: `${xpath}/*[local-name(.)='Issuer']`, action: 'after' },
  })
  return signer.getSignedXml()
}

/** Starts a foreign identity provider: makes its key (RSA-2048 unless told) and its metadata. */
export function foreignIdp(entityId = 'https://idp.example/metadata', key?: KeyObject): ForeignIdp {
  const privateKey =
    key ??
    createPrivateKey(
      generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' }),
    )
  const certificate = testCertificate(privateKey, 'foreign idp')
  const respond = (mint: Mint): string => {
    let xml = responseXml(entityId, mint)
    xml = mint.beforeSigning?.(xml) ?? xml
    const sign = mint.sign ?? 'assertion'
    if (sign === 'assertion' || sign === 'both')
      xml = signForeign(xml, 'Assertion', privateKey, certificate, mint)
    if (sign === 'response' || sign === 'both')
      xml = signForeign(xml, 'Response', privateKey, certificate, mint)
    return mint.afterSigning?.(xml) ?? xml
  }
  return {
    entityId,
    privateKey,
    certificate,
    metadata: idpMetadata(entityId, certificate),
    respond,
    mint: (mint) => Buffer.from(respond(mint)).toString('base64'),
  }
}

/** Metadata of an identity provider with one certificate. */
export const idpMetadata = (entityId: string, certificate: string, sso = 'https://idp.example/sso'): string =>
  `<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="${escape(entityId)}">
  <md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
    <md:KeyDescriptor use="signing">
      <ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data><ds:X509Certificate>
        ${certificate.replaceAll(/(.{64})/g, '$1\n')}
      </ds:X509Certificate></ds:X509Data></ds:KeyInfo>
    </md:KeyDescriptor>
    <md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="${sso}"/>
  </md:IDPSSODescriptor>
</md:EntityDescriptor>`

function responseXml(entityId: string, mint: Mint): string {
  const { now, recipient } = mint
  const at = (instant: Temporal.Instant): string => instant.toString({ fractionalSecondDigits: 3 })
  const soon = at(now.add({ minutes: 5 }))
  const answers = mint.inResponseTo === undefined ? '' : ` InResponseTo="${escape(mint.inResponseTo)}"`
  const session =
    mint.sessionNotOnOrAfter === undefined ? '' : ` SessionNotOnOrAfter="${at(mint.sessionNotOnOrAfter)}"`
  const attributes = Object.entries(mint.attributes ?? {}).map(
    ([name, values]) =>
      `<saml:Attribute Name="${escape(name)}" NameFormat="urn:oasis:names:tc:SAML:2.0:attrname-format:uri">` +
      values
        .map((value) => `<saml:AttributeValue xsi:type="xs:string">${escape(value)}</saml:AttributeValue>`)
        .join('') +
      '</saml:Attribute>',
  )
  const statement =
    attributes.length === 0 ? '' : `<saml:AttributeStatement>${attributes.join('')}</saml:AttributeStatement>`
  return (
    `<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_r${at(now).replaceAll(/\W/g, '')}" Version="2.0" IssueInstant="${at(now)}" Destination="${escape(recipient)}"${answers}>` +
    `<saml:Issuer>${escape(entityId)}</saml:Issuer>` +
    '<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>' +
    `<saml:Assertion xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" ID="${mint.assertionId ?? '_a1'}" Version="2.0" IssueInstant="${at(now)}">` +
    `<saml:Issuer>${escape(entityId)}</saml:Issuer>` +
    `<saml:Subject><saml:NameID Format="${mint.nameIdFormat ?? 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent'}">${escape(mint.nameId ?? 'alice')}</saml:NameID>` +
    `<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData NotOnOrAfter="${soon}" Recipient="${escape(recipient)}"${answers}/></saml:SubjectConfirmation></saml:Subject>` +
    `<saml:Conditions NotBefore="${at(now.subtract({ minutes: 1 }))}" NotOnOrAfter="${soon}"><saml:AudienceRestriction><saml:Audience>${escape(mint.audience ?? recipient)}</saml:Audience></saml:AudienceRestriction></saml:Conditions>` +
    `<saml:AuthnStatement AuthnInstant="${at(now)}" SessionIndex="_s1"${session}><saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>` +
    statement +
    '</saml:Assertion></samlp:Response>'
  )
}
