import { afterAll, beforeAll, expect, it } from 'vitest'
import type { User } from '#directory'
import { systemClock } from '#kernel'
import { fixedClock } from '../support/fixtures.ts'
import {
  authnRequest,
  logoutRequest,
  postBody,
  redirectQuery,
  signedRequest,
  testSp,
} from '../support/saml-sp.ts'
import type { SpRequest, TestSp } from '../support/saml-sp.ts'
import { postedForm, samlWorld } from '../support/saml-world.ts'
import type { NextSignIn, SamlWorld } from '../support/saml-world.ts'
import { describeWith } from './support/peer.ts'
import { type XmlTools, xmlTools } from './support/xml-tools.ts'

// xmlsec1 checks certificates by this machine's clock.
const clock = fixedClock(systemClock().toString())
const [plain, whole, both, sealed] = ['plain', 'whole', 'both', 'sealed'].map((name) =>
  testSp(`https://${name}.example/metadata`),
) as [TestSp, TestSp, TestSp, TestSp]
let world: SamlWorld
let alice: User
let tools: XmlTools

beforeAll(async () => {
  tools = xmlTools()
  world = await samlWorld(clock)
  alice = await world.user({
    name: 'alice',
    mail: 'alice@acme.example',
    mailVerified: true,
    displayName: 'Zoë <&"\'> 日本 😀\tx\r\ny',
  })
  const settings = {
    acs: [{ url: 'https://app.example/acs' }],
    slo: [{ url: 'https://app.example/slo?a=1&b=2', binding: 'post' }],
    attributes: {
      displayName: 'display_name',
      'urn:oid:0.9.2342.19200300.100.1.3': 'mail',
      many: { values: ['1 & 2', '<3>', '"4"', ' ', ''] },
    },
  }
  await world.app(plain.entityId, { ...settings, signingCertificates: [plain.pem] })
  await world.app(whole.entityId, { ...settings, sign: 'response', nameIdFormat: 'email' })
  await world.app(sealed.entityId, {
    ...settings,
    sign: 'both',
    encrypt: true,
    encryptionCertificates: [sealed.pem],
  })
  await world.app(both.entityId, { ...settings, sign: 'both', nameIdFormat: 'transient' })
})
afterAll(async () => {
  tools.close()
  await world.close()
})

const pem = (der: string): string =>
  `-----BEGIN CERTIFICATE-----\n${der.replaceAll(/\s/g, '').replaceAll(/(.{64})/g, '$1\n')}\n-----END CERTIFICATE-----\n`
const certificates = (xml: string): readonly string[] =>
  [...xml.matchAll(/<ds:X509Certificate>([^<]*)</g)].map(([, der = '']) => pem(der))
const metadata = async (): Promise<string> => (await world.browser().get('/saml/metadata')).text()
const keysOfMetadata = async (): Promise<readonly string[]> =>
  certificates((await metadata()).replace(/<ds:Signature[ >].*?<\/ds:Signature>/s, ''))

/** The answer to one AuthnRequest. */
async function answer(sp: TestSp, next: NextSignIn, more: Partial<SpRequest> = {}): Promise<string> {
  world.state.next = next
  const query = redirectQuery(authnRequest(sp, { now: clock(), ...more }))
  return (await postedForm(await world.browser().get(`/saml/sso?${query}`))).xml
}
const signedIn = (): NextSignIn => ({ user: alice, factors: ['password', 'totp'] })

describeWith(
  'xmlsec1',
  'libxml2-utils',
  'opensaml-schemas',
  'xmltooling-schemas',
)('another implementation', () => {
  it.each([
    ['an assertion that is signed', plain, ['Assertion']],
    ['a response that is signed', whole, ['Response']],
    ['both', both, ['Response', 'Assertion']],
  ])('verifies and validates %s, and notices one changed letter', async (_, sp, signed) => {
    const xml = await answer(sp, signedIn())
    const keys = await keysOfMetadata()
    expect(tools.validate(xml)).toBe('valid')
    for (const element of signed) {
      expect(tools.verify(xml, element, keys)).toBe('valid')
      expect(tools.verify(xml.replace('>alice', '>mallory').replace('Zoë', 'Zoe'), element, keys)).not.toBe(
        'valid',
      )
    }
    expect(xml.match(/<ds:Signature[ >]/g)).toHaveLength(signed.length)
  })

  it('validates, verifies and opens an encrypted assertion, and verifies what was inside', async () => {
    const xml = await answer(sealed, signedIn())
    const keys = await keysOfMetadata()
    expect(tools.validate(xml)).toBe('valid')
    expect(tools.verify(xml, 'Response', keys)).toBe('valid')
    const privateKey = sealed.privateKey.export({ type: 'pkcs8', format: 'pem' })
    const [opened = ''] = /<saml:Assertion.*<\/saml:Assertion>/s.exec(tools.decrypt(xml, privateKey)) ?? []
    expect(tools.validate(opened)).toBe('valid')
    expect(tools.verify(opened, 'Assertion', keys)).toBe('valid')
    expect(tools.verify(opened.replace('>alice', '>mallory'), 'Assertion', keys)).not.toBe('valid')
  })

  it('validates the transient and the mail name', async () => {
    expect(await answer(whole, signedIn())).toContain('>alice@acme.example<')
    for (const format of ['2.0:nameid-format:transient', '1.1:nameid-format:emailAddress']) {
      const inside = `<samlp:NameIDPolicy Format="urn:oasis:names:tc:SAML:${format}"/>`
      expect(tools.validate(await answer(plain, signedIn(), { inside }))).toBe('valid')
    }
  })

  it.each<[string, () => NextSignIn, Partial<SpRequest>]>([
    ['NoPassive', signedIn, { attributes: 'IsPassive="true"' }],
    ['RequestDenied', () => ({ refuse: 'denied' }), {}],
    ['AuthnFailed', () => ({ refuse: 'cancelled' }), {}],
    [
      'InvalidNameIDPolicy',
      signedIn,
      { inside: '<samlp:NameIDPolicy Format="urn:oasis:names:tc:SAML:2.0:nameid-format:kerberos"/>' },
    ],
    [
      'UnsupportedBinding',
      signedIn,
      {
        attributes:
          'AssertionConsumerServiceURL="https://app.example/acs" ProtocolBinding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Artifact"',
      },
    ],
    [
      'NoAuthnContext',
      signedIn,
      {
        inside:
          '<samlp:RequestedAuthnContext Comparison="exact"><saml:AuthnContextClassRef>urn:x:unknown</saml:AuthnContextClassRef></samlp:RequestedAuthnContext>',
      },
    ],
  ])('validates the answer %s, and verifies it as far as it is signed', async (status, next, more) => {
    const xml = await answer(plain, next(), more)
    expect(xml).toContain(`urn:oasis:names:tc:SAML:2.0:status:${status}"`)
    expect(tools.validate(xml)).toBe('valid')
    if (xml.includes('<ds:Signature')) {
      expect(tools.verify(xml, 'Response', await keysOfMetadata())).toBe('valid')
    }
  })

  it('verifies and validates the answer to a logout', async () => {
    world.state.next = signedIn()
    const browser = world.browser()
    const query = redirectQuery(authnRequest(plain, { now: clock() }))
    const assertion = (await postedForm(await browser.get(`/saml/sso?${query}`))).xml
    const request = logoutRequest(plain, {
      now: clock(),
      destination: world.urls.slo,
      nameId: /<saml:NameID[^>]*>([^<]*)/.exec(assertion)?.[1] ?? '',
      format: 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
      sessionIndex: / SessionIndex="([^"]*)"/.exec(assertion)?.[1] ?? '',
    })
    const { xml } = await postedForm(await browser.post('/saml/slo', postBody(signedRequest(plain, request))))
    expect(xml).toContain('<samlp:LogoutResponse')
    expect(tools.validate(xml)).toBe('valid')
    expect(tools.verify(xml, 'LogoutResponse', await keysOfMetadata())).toBe('valid')
  })

  it('verifies and validates our metadata', async () => {
    const xml = await metadata()
    expect(tools.validate(xml)).toBe('valid')
    const [own] = certificates(/<ds:Signature[ >].*?<\/ds:Signature>/s.exec(xml)?.[0] ?? '')
    expect(tools.verify(xml, 'EntityDescriptor', [own ?? ''])).toBe('valid')
    expect(tools.verify(xml.replace('/saml/sso"', '/saml/ss0"'), 'EntityDescriptor', [own ?? ''])).not.toBe(
      'valid',
    )
  })
})
