import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { deflateRawSync } from 'node:zlib'
import { testCertificate } from './certificate.ts'
import { signForeign } from './saml-idp.ts'

/** A service provider of the tests, written without our code. */
export type TestSp = {
  readonly entityId: string
  readonly privateKey: KeyObject
  readonly pem: string
  readonly certificate: string
}

/** Makes a service provider with its own key. */
export function testSp(entityId: string): TestSp {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const certificate = testCertificate(privateKey, 'sp')
  const lines = certificate.match(/.{1,64}/g)?.join('\n') ?? ''
  return {
    entityId,
    privateKey,
    certificate,
    pem: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
  }
}

/** What a request says; `attributes` and `inside` are written into it as they are. */
export type SpRequest = {
  readonly now: Temporal.Instant
  readonly id?: string
  readonly destination?: string
  readonly attributes?: string
  readonly inside?: string
}

export const freshId = (): string => `_${randomBytes(12).toString('hex')}`

const protocol = 'urn:oasis:names:tc:SAML:2.0:protocol'
const saml = 'urn:oasis:names:tc:SAML:2.0:assertion'

const message = (
  name: string,
  issuer: string,
  { now, id, destination, attributes, inside }: SpRequest,
): string =>
  `<samlp:${name} xmlns:samlp="${protocol}" xmlns:saml="${saml}" ID="${id ?? freshId()}" Version="2.0" IssueInstant="${now.toString({ smallestUnit: 'second' })}"` +
  `${destination === undefined ? '' : ` Destination="${destination}"`} ${attributes ?? ''}>` +
  `<saml:Issuer>${issuer}</saml:Issuer>${inside ?? ''}</samlp:${name}>`

export const authnRequest = (sp: Pick<TestSp, 'entityId'>, request: SpRequest): string =>
  message('AuthnRequest', sp.entityId, request)

export const logoutRequest = (
  sp: TestSp,
  request: SpRequest & { readonly nameId: string; readonly format: string; readonly sessionIndex?: string },
): string =>
  message('LogoutRequest', sp.entityId, {
    ...request,
    inside:
      `<saml:NameID Format="${request.format}">${request.nameId}</saml:NameID>` +
      (request.sessionIndex === undefined
        ? ''
        : `<samlp:SessionIndex>${request.sessionIndex}</samlp:SessionIndex>`),
  })

/** Signs a request inside, as the POST binding wants it. */
export const signedRequest = (sp: TestSp, xml: string): string =>
  signForeign(
    xml,
    xml.includes('<samlp:AuthnRequest') ? 'AuthnRequest' : 'LogoutRequest',
    sp.privateKey,
    sp.certificate,
  )

/** The query of the Redirect binding, signed when `key` is given. */
export function redirectQuery(
  xml: string,
  options: {
    readonly relayState?: string
    readonly key?: KeyObject
    readonly kind?: string
    readonly algorithm?: string
  } = {},
): string {
  const parts = [
    `${options.kind ?? 'SAMLRequest'}=${encodeURIComponent(deflateRawSync(xml).toString('base64'))}`,
  ]
  if (options.relayState !== undefined) parts.push(`RelayState=${encodeURIComponent(options.relayState)}`)
  if (!options.key) return parts.join('&')
  parts.push(
    `SigAlg=${encodeURIComponent(options.algorithm ?? 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256')}`,
  )
  const octets = parts.join('&')
  const signature = sign('sha256', Buffer.from(octets), options.key).toString('base64')
  return `${octets}&Signature=${encodeURIComponent(signature)}`
}

/** The form body of the POST binding. */
export const postBody = (xml: string, relayState?: string): string =>
  new URLSearchParams({
    SAMLRequest: Buffer.from(xml).toString('base64'),
    ...(relayState !== undefined && { RelayState: relayState }),
  }).toString()
