import { deflateRawSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { App } from '#apps'
import type { User } from '#directory'
import { fixedClock } from '../support/fixtures.ts'
import { authnRequest, freshId, postBody, redirectQuery, signedRequest, testSp } from '../support/saml-sp.ts'
import type { SpRequest } from '../support/saml-sp.ts'
import { postedForm, refusalOf, samlWorld } from '../support/saml-world.ts'
import type { SamlWorld, TestBrowser } from '../support/saml-world.ts'

const acs = 'https://app.example/acs'
const sp = testSp('https://app.example/metadata')
const signing = testSp('https://signing.example/metadata')
const stranger = testSp('https://app.example/metadata')
const clock = fixedClock()
let world: SamlWorld
let alice: User
let bob: User
let app: App

beforeAll(async () => {
  world = await samlWorld(clock)
  alice = await world.user({
    name: 'alice',
    mail: 'alice@acme.example',
    mailVerified: true,
    displayName: 'Alice <A&B>',
  })
  bob = await world.user({ name: 'bob' })
  app = await world.app(sp.entityId, {
    acs: [
      { url: acs, index: 0 },
      { url: `${acs}/second`, index: 7, isDefault: true },
      { url: `${acs}/redirect`, binding: 'redirect', index: 9 },
    ],
    signingCertificates: [sp.pem],
    attributes: {
      uid: 'user_name',
      'urn:oid:0.9.2342.19200300.100.1.3': 'mail',
      displayName: 'display_name',
      'https://aws.amazon.com/SAML/Attributes/Role': { values: ['one', 'two'] },
    },
  })
  await world.app(signing.entityId, {
    acs: [{ url: 'https://signing.example/acs' }],
    signingCertificates: [signing.pem],
    requestsSigned: true,
    nameIdFormat: 'email',
    sign: 'both',
  })
  await world.app('https://keyless.example', { acs: [{ url: acs }] })
  await world.app('https://disabled.example', { acs: [{ url: acs }] }, { enabled: false })
})
afterAll(() => world.close())
beforeEach(() => {
  world.state.begun = []
  world.state.denied.clear()
  world.state.next = { user: alice, factors: ['password'] }
})

const request = (more: Partial<SpRequest> = {}): string => authnRequest(sp, { now: clock(), ...more })
const ask = (browser: TestBrowser, xml: string, relayState?: string): Promise<Response> =>
  browser.get(`/saml/sso?${redirectQuery(xml, { ...(relayState !== undefined && { relayState }) })}`)
const askAndRead = async (xml: string, browser = world.browser()) => postedForm(await ask(browser, xml))
const between = (xml: string, tag: string): string | undefined =>
  new RegExp(`<saml:${tag}(?: [^>]*)?>([^<]*)<`).exec(xml)?.[1]
const statuses = (xml: string): string =>
  [...xml.matchAll(/StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:(\w+)"/g)]
    .map((match) => match[1])
    .join('/')

describe('an app that asks', () => {
  it('gets an assertion about who signed in, at its endpoint, with its relay state unchanged', async () => {
    const id = freshId()
    const relayState = 'https://app.example/?a=1&b="<é>"+%20'
    const response = await ask(world.browser(), request({ id }), relayState)
    expect(response.headers.get('content-security-policy')).toContain(
      'form-action https://app.example https:',
    )
    expect(response.headers.get('cache-control')).toBe('no-store')
    const { action, fields, xml } = await postedForm(response)
    expect(action).toBe(`${acs}/second`)
    expect(fields['RelayState']).toBe(relayState)
    expect(xml).toContain(`InResponseTo="${id}"`)
    expect(xml).toContain(`Recipient="${acs}/second"`)
    expect(between(xml, 'Audience')).toBe(sp.entityId)
    expect(between(xml, 'AuthnContextClassRef')).toMatch(/PasswordProtectedTransport$/)
    expect(xml).toContain(
      '<saml:Attribute Name="uid" NameFormat="urn:oasis:names:tc:SAML:2.0:attrname-format:basic"><saml:AttributeValue>alice<',
    )
    expect(xml).toContain('<saml:AttributeValue>Alice &lt;A&amp;B&gt;<')
    expect(xml).toContain('<saml:AttributeValue>one</saml:AttributeValue><saml:AttributeValue>two<')
  })

  it('asks for nothing again when the browser is signed in, by the POST binding too', async () => {
    const browser = world.browser()
    await askAndRead(request(), browser)
    world.state.next = undefined
    const { xml, fields } = await postedForm(
      await browser.post(
        '/saml/sso',
        postBody(signedRequest(sp, request({ destination: world.urls.sso })), ''),
      ),
    )
    expect(statuses(xml)).toBe('Success')
    expect(fields['RelayState']).toBe('')
    expect(world.state.begun).toHaveLength(1)
  })

  it('that sent no relay state gets none', async () => {
    const { fields } = await askAndRead(request())
    expect(fields).not.toHaveProperty('RelayState')
  })

  it('leaves an audit event, and none holds the assertion', async () => {
    await askAndRead(request())
    const events = await world.events()
    expect(events.find(({ errorCode }) => errorCode === undefined)).toMatchObject({
      eventName: 'Federate',
      eventSource: 'saml.signet',
      userIdentity: { userName: 'alice' },
      requestParameters: { entityId: sp.entityId, unsolicited: false },
    })
    expect(JSON.stringify(events)).not.toContain('AssertionConsumerService')
    expect(JSON.stringify(events)).not.toMatch(/PHNhbWxw|<saml/)
  })

  it('signs assertion and response when the app wants both', async () => {
    const xml = signedRequest(signing, authnRequest(signing, { now: clock(), destination: world.urls.sso }))
    const answer = await postedForm(await world.browser().post('/saml/sso', postBody(xml)))
    expect(answer.xml.match(/<ds:SignatureValue>/g)).toHaveLength(2)
    expect(between(answer.xml, 'NameID')).toBe('alice@acme.example')
  })
})

describe('where the answer goes', () => {
  it.each([
    ['the URL it names', `AssertionConsumerServiceURL="${acs}"`, acs],
    ['the index it names', 'AssertionConsumerServiceIndex="7"', `${acs}/second`],
    ['index 0', 'AssertionConsumerServiceIndex="0"', acs],
    ['the default when it names none', '', `${acs}/second`],
  ])('%s', async (_, attributes, expected) => {
    expect((await askAndRead(request({ attributes }))).action).toBe(expected)
  })

  it.each([
    [
      '400 saml/req-acs',
      'one that is not registered',
      'AssertionConsumerServiceURL="https://evil.example/acs"',
    ],
    ['400 saml/req-acs', 'a longer path', `AssertionConsumerServiceURL="${acs}/x"`],
    ['400 saml/req-acs', 'another case', 'AssertionConsumerServiceURL="https://app.example/ACS"'],
    ['400 saml/req-acs', 'an extra parameter', `AssertionConsumerServiceURL="${acs}?x=1"`],
    ['400 saml/req-acs', 'an explicit port', 'AssertionConsumerServiceURL="https://app.example:443/acs"'],
    ['400 saml/req-acs-index', 'an unknown index', 'AssertionConsumerServiceIndex="3"'],
    ['400 saml/req-acs-index', 'the index of another binding', 'AssertionConsumerServiceIndex="9"'],
    [
      '400 saml/req-conflict',
      'an index and a URL',
      `AssertionConsumerServiceIndex="0" AssertionConsumerServiceURL="${acs}"`,
    ],
  ])('refuses, %s: %s', async (expected, _, attributes) => {
    const response = await ask(world.browser(), request({ attributes }))
    expect(response.headers.get('location')).toBeNull()
    expect(await refusalOf(response)).toBe(expected)
  })

  it('UnsupportedBinding goes to the default when another binding is asked for', async () => {
    const attributes = `AssertionConsumerServiceURL="${acs}" ProtocolBinding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Artifact"`
    const { action, xml } = await askAndRead(request({ attributes }))
    expect([action, statuses(xml)]).toEqual([`${acs}/second`, 'Requester/UnsupportedBinding'])
  })
})

describe('the name an app gets', () => {
  const policy = (attributes: string): string => `<samlp:NameIDPolicy ${attributes}/>`
  const format = (name: string): string => `Format="urn:oasis:names:tc:SAML:${name}"`
  const persistent = format('2.0:nameid-format:persistent')

  it('is persistent: the same each time, another for each person, none of the person', async () => {
    const [one, two] = [(await askAndRead(request())).xml, (await askAndRead(request())).xml]
    world.state.next = { user: bob, factors: ['password'] }
    const three = (await askAndRead(request())).xml
    expect(between(one, 'NameID')).toMatch(/^_[0-9a-f]{32}$/)
    expect(between(two, 'NameID')).toBe(between(one, 'NameID'))
    expect(between(three, 'NameID')).not.toBe(between(one, 'NameID'))
    expect(one).toContain(`NameQualifier="${world.urls.entityId}" SPNameQualifier="${sp.entityId}"`)
  })

  it('is transient when asked: new each time', async () => {
    const inside = policy(`${format('2.0:nameid-format:transient')} AllowCreate=" 1 "`)
    const names = [
      (await askAndRead(request({ inside }))).xml,
      (await askAndRead(request({ inside }))).xml,
    ].map((xml) => between(xml, 'NameID'))
    expect(new Set(names).size).toBe(2)
  })

  it.each([
    ['unspecified', policy(format('1.1:nameid-format:unspecified'))],
    ['nothing', ''],
  ])("is the app's own when it asks for %s", async (_, inside) => {
    expect((await askAndRead(request({ inside }))).xml).toContain('nameid-format:persistent')
  })

  it.each([
    ['a format that is not enabled', policy(format('1.1:nameid-format:emailAddress'))],
    ['kerberos', policy(format('2.0:nameid-format:kerberos'))],
    ['encrypted', policy(format('2.0:nameid-format:encrypted'))],
    ['the name space of another provider', policy('SPNameQualifier="https://other.example"')],
  ])('is refused: %s', async (_, inside) => {
    expect(statuses((await askAndRead(request({ inside }))).xml)).toBe('Requester/InvalidNameIDPolicy')
  })

  it('is refused when none may be made and there is none', async () => {
    const carol = await world.user({ name: `carol-${freshId()}` })
    world.state.next = { user: carol, factors: ['password'] }
    const inside = policy(`${persistent} AllowCreate="false"`)
    expect(statuses((await askAndRead(request({ inside }))).xml)).toBe('Requester/InvalidNameIDPolicy')
    await askAndRead(request())
    expect(statuses((await askAndRead(request({ inside }))).xml)).toBe('Success')
  })

  it('is never an unverified mail', async () => {
    world.state.next = { user: bob, factors: ['password'] }
    const xml = signedRequest(signing, authnRequest(signing, { now: clock(), destination: world.urls.sso }))
    const answer = await postedForm(await world.browser().post('/saml/sso', postBody(xml)))
    expect(statuses(answer.xml)).toBe('Requester/InvalidNameIDPolicy')
  })
})

describe('how people sign in', () => {
  it('ForceAuthn asks again, and the statement is later than the request', async () => {
    const browser = world.browser()
    await askAndRead(request(), browser)
    clock.advance({ minutes: 1 })
    const { xml } = await askAndRead(request({ attributes: 'ForceAuthn="1"' }), browser)
    expect(world.state.begun).toHaveLength(2)
    expect(xml).toContain(`AuthnInstant="${clock().toString({ fractionalSecondDigits: 3 })}"`)
  })

  it('IsPassive shows nothing: NoPassive when a page would be needed, an assertion when not', async () => {
    const browser = world.browser()
    const passive = () => request({ attributes: 'IsPassive="true"' })
    expect(statuses((await askAndRead(passive(), browser)).xml)).toBe('Responder/NoPassive')
    await askAndRead(request(), browser)
    expect(statuses((await askAndRead(passive(), browser)).xml)).toBe('Success')
    clock.advance({ seconds: 1 })
    const forced = request({ attributes: 'IsPassive="true" ForceAuthn="true"' })
    expect(statuses((await askAndRead(forced, browser)).xml)).toBe('Responder/NoPassive')
  })

  const context = (comparison: string, ...classRefs: string[]): string =>
    `<samlp:RequestedAuthnContext${comparison && ` Comparison="${comparison}"`}>${classRefs.map((each) => `<saml:AuthnContextClassRef>${each}</saml:AuthnContextClassRef>`).join('')}</samlp:RequestedAuthnContext>`
  const password = 'urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport'
  const mfa = 'https://refeds.org/profile/mfa'

  it.each([
    ['exactly a password', '', [password], false, password],
    ['exactly a second factor', 'exact', [mfa], true, mfa],
    ['at least a password', 'minimum', [password], false, password],
    ['at least a second factor', 'minimum', [mfa], true, mfa],
    ['better than a password', 'better', [password], true, mfa],
    ['at most a second factor', 'maximum', [mfa], false, password],
    ['one we do not know or one we do', '', ['urn:x', mfa], true, mfa],
    [
      'an unspecified one',
      '',
      ['urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified'],
      false,
      'urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified',
    ],
  ])('%s', async (_, comparison, classRefs, needsMfa, stated) => {
    world.state.next = { user: alice, factors: needsMfa ? ['password', 'totp'] : ['password'] }
    const { xml } = await askAndRead(request({ inside: context(comparison, ...classRefs) }))
    expect(world.state.begun[0]?.requireMfa).toBe(needsMfa)
    expect(between(xml, 'AuthnContextClassRef')).toBe(stated)
  })

  it('steps up a session that is too weak for the request', async () => {
    const browser = world.browser()
    await askAndRead(request(), browser)
    world.state.next = { user: alice, factors: ['password', 'totp'] }
    const { xml } = await askAndRead(request({ inside: context('', mfa) }), browser)
    expect(between(xml, 'AuthnContextClassRef')).toBe(mfa)
  })

  it.each([
    ['a class nobody here knows', context('', 'urn:x:smartcard')],
    ['better than the best', context('better', mfa)],
    [
      'a declaration',
      '<samlp:RequestedAuthnContext><saml:AuthnContextDeclRef>urn:x</saml:AuthnContextDeclRef></samlp:RequestedAuthnContext>',
    ],
  ])('NoAuthnContext for %s', async (_, inside) => {
    expect(statuses((await askAndRead(request({ inside }))).xml)).toBe('Responder/NoAuthnContext')
  })

  const subject = (name: string, format: string): string =>
    `<saml:Subject><saml:NameID Format="urn:oasis:names:tc:SAML:1.1:nameid-format:${format}">${name}</saml:NameID></saml:Subject>`

  it('a named subject is a hint, and another user is told as unknown, never swapped in', async () => {
    const asked = () => request({ inside: subject('Alice@acme.example', 'emailAddress') })
    expect(statuses((await askAndRead(asked())).xml)).toBe('Success')
    expect(world.state.begun[0]?.loginHint).toBe('Alice@acme.example')
    world.state.next = { user: bob, factors: ['password'] }
    const { xml } = await askAndRead(asked())
    expect(statuses(xml)).toBe('Responder/UnknownPrincipal')
    expect(xml).not.toContain('Assertion ')
  })

  it('RequestDenied for a user whom the policy does not let in, whoever says so', async () => {
    world.state.denied.add(alice.userId)
    expect(statuses((await askAndRead(request())).xml)).toBe('Responder/RequestDenied')
    world.state.next = { refuse: 'denied' }
    expect(statuses((await askAndRead(request())).xml)).toBe('Responder/RequestDenied')
  })

  it('AuthnFailed when the user gives up', async () => {
    world.state.next = { refuse: 'cancelled' }
    expect(statuses((await askAndRead(request())).xml)).toBe('Responder/AuthnFailed')
  })

  it('a waiting request is answered once, and only in the browser that began it', async () => {
    const [one, two] = [world.browser(), world.browser()]
    await askAndRead(request(), one)
    const raw = await fetchLocation(one, request())
    expect(statuses((await postedForm(await one.get(raw))).xml)).toBe('Success')
    expect(await refusalOf(await one.get(raw))).toBe('404 saml/req-gone')
    world.state.next = undefined
    const fresh = await fetchLocation(one, request({ attributes: 'IsPassive="true"' }))
    const answers = await Promise.all([one.get(fresh), one.get(fresh), one.get(fresh)])
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    expect((await two.get(fresh)).status).toBe(404)
  })

  it('a request that waited for an hour is gone', async () => {
    const browser = world.browser()
    const path = await fetchLocation(browser, request())
    clock.advance({ hours: 1 })
    expect(await refusalOf(await browser.get(path))).toBe('404 saml/req-gone')
  })
})

/** Asks without going on: where the browser was sent. */
async function fetchLocation(browser: TestBrowser, xml: string): Promise<string> {
  const response = await browser.stop(`/saml/sso?${redirectQuery(xml)}`)
  return response.headers.get('location') ?? ''
}

describe('refuses requests', () => {
  const raw = (query: string) => world.browser().get(`/saml/sso?${query}`)
  const message = (xml: string): string => encodeURIComponent(deflateRawSync(xml).toString('base64'))

  const queries: readonly (readonly [string, string, () => string])[] = [
    ['400 saml/redirect-parameters', 'without a message', () => ''],
    [
      '400 saml/redirect-parameters',
      'with the message twice',
      () => `SAMLRequest=${message(request())}&SAMLRequest=${message(request())}`,
    ],
    [
      '400 saml/redirect-parameters',
      'with a second one spelled differently',
      () => `SAMLRequest=${message(request())}&SAML%52equest=${message(request())}`,
    ],
    [
      '400 saml/redirect-parameters',
      'spelled differently alone',
      () => `SAML%52equest=${message(request())}`,
    ],
    [
      '400 saml/redirect-parameters',
      'with both kinds (CVE-2025-27773 class)',
      () => `SAMLRequest=${message(request())}&SAMLResponse=${message(request())}`,
    ],
    [
      '400 saml/redirect-parameters',
      'with a signature and no algorithm',
      () => `SAMLRequest=${message(request())}&Signature=AAAA`,
    ],
    [
      '400 saml/redirect-parameters',
      'with a broken escape',
      () => `SAMLRequest=${message(request())}&RelayState=%ZZ`,
    ],
    ['400 saml/in-binding', 'that are responses', () => `SAMLResponse=${message(request())}`],
    [
      '400 saml/in-binding',
      'in another encoding',
      () => `SAMLRequest=${message(request())}&SAMLEncoding=urn:x`,
    ],
    ['400 saml/in-base64', 'that are not base64', () => 'SAMLRequest=%21%21%21%21'],
    [
      '400 saml/in-deflate',
      'that are not deflated',
      () => `SAMLRequest=${encodeURIComponent(Buffer.from(request()).toString('base64'))}`,
    ],
    [
      '400 saml/in-deflate',
      'with bytes after the stream',
      () =>
        `SAMLRequest=${encodeURIComponent(Buffer.concat([deflateRawSync(request()), Buffer.from('x')]).toString('base64'))}`,
    ],
    [
      '400 saml/in-deflate',
      'that inflate without end (a bomb)',
      () => `SAMLRequest=${message(`${request()}${' '.repeat(1_000_000)}`)}`,
    ],
    ['400 saml/in-too-large', 'that are too long', () => `SAMLRequest=${'A'.repeat(16_388)}`],
    [
      '400 saml/in-too-large',
      'with too long a relay state',
      () => `SAMLRequest=${message(request())}&RelayState=${'a'.repeat(2_049)}`,
    ],
    [
      '400 saml/in-encoding',
      'that are not UTF-8',
      () =>
        `SAMLRequest=${encodeURIComponent(deflateRawSync(Buffer.from([0xff, 0xfe, 0x3c])).toString('base64'))}`,
    ],
    [
      '400 saml/xml-doctype',
      'with a document type',
      () => `SAMLRequest=${message(`<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>${request()}`)}`,
    ],
    [
      '400 saml/shape-root',
      'that are something else',
      () => `SAMLRequest=${message(request().replaceAll('AuthnRequest', 'AuthnQuery'))}`,
    ],
    [
      '400 saml/shape-version',
      'of another version',
      () => `SAMLRequest=${message(request().replace('Version="2.0"', 'Version="2.1"'))}`,
    ],
    [
      '400 saml/shape-element',
      'without an issuer',
      () => `SAMLRequest=${message(request().replace(/<saml:Issuer>.*<\/saml:Issuer>/, ''))}`,
    ],
    [
      '400 saml/shape-attribute',
      'with a boolean that is none',
      () => `SAMLRequest=${message(request({ attributes: 'ForceAuthn="yes"' }))}`,
    ],
    [
      '400 saml/shape-element',
      'with something unknown in them',
      () => `SAMLRequest=${message(request({ inside: '<saml:Advice/>' }))}`,
    ],
    [
      '403 saml/peer-unknown',
      'of a stranger',
      () =>
        `SAMLRequest=${message(request().replace('>https://app.example/metadata<', '>https://nobody.example<'))}`,
    ],
    [
      '403 saml/peer-disabled',
      'of a disabled app',
      () =>
        `SAMLRequest=${message(request().replace('>https://app.example/metadata<', '>https://disabled.example<'))}`,
    ],
    [
      '403 saml/req-destination',
      'meant for another',
      () => `SAMLRequest=${message(request({ destination: 'https://other.example/saml/sso' }))}`,
    ],
    [
      '400 saml/req-stale',
      'that are too old',
      () => `SAMLRequest=${message(request({ now: clock().subtract({ minutes: 10, seconds: 1 }) }))}`,
    ],
    [
      '400 saml/req-stale',
      'of the future',
      () => `SAMLRequest=${message(request({ now: clock().add({ seconds: 61 }) }))}`,
    ],
  ]
  it.each(queries)('%s: %s', async (expected, _, query) => {
    expect(await refusalOf(await raw(query()))).toBe(expected)
  })

  it('403 saml/peer-no-key: signed, of an app that has registered no key', async () => {
    const keyless = { ...sp, entityId: 'https://keyless.example' }
    const xml = signedRequest(keyless, authnRequest(keyless, { now: clock(), destination: world.urls.sso }))
    expect(await refusalOf(await world.browser().post('/saml/sso', postBody(xml)))).toBe(
      '403 saml/peer-no-key',
    )
    const query = redirectQuery(authnRequest(keyless, { now: clock(), destination: world.urls.sso }), {
      key: sp.privateKey,
    })
    expect(await refusalOf(await raw(query))).toBe('403 saml/peer-no-key')
  })

  const posts: readonly (readonly [string, string, () => string])[] = [
    ['400 saml/in-parameters', 'without a message', () => 'x=1'],
    [
      '400 saml/in-parameters',
      'with the message twice',
      () => `${postBody(request())}&${postBody(request())}`,
    ],
    ['400 saml/in-parameters', 'with both kinds', () => `${postBody(request())}&SAMLResponse=AAAA`],
    ['400 saml/in-base64', 'that are not base64', () => 'SAMLRequest=A'],
    ['400 saml/in-too-large', 'that are too long', () => `SAMLRequest=${'A'.repeat(87_384)}`],
    [
      '403 saml/req-unsigned',
      'unsigned of an app that signs',
      () => postBody(authnRequest(signing, { now: clock() })),
    ],
    [
      '403 saml/sig-value',
      'signed by somebody else',
      () => postBody(signedRequest(stranger, request({ destination: world.urls.sso }))),
    ],
    [
      '403 saml/req-destination',
      'signed without saying where to',
      () => postBody(signedRequest(sp, request())),
    ],
  ]
  it.each(posts)('by POST, %s: %s', async (expected, _, body) => {
    expect(await refusalOf(await world.browser().post('/saml/sso', body()))).toBe(expected)
  })

  it('in-binding: a form of another kind', async () => {
    const response = await world.browser().post('/saml/sso', '{}', { 'content-type': 'application/json' })
    expect(await refusalOf(response)).toBe('400 saml/in-binding')
  })

  const honest = () => signedRequest(sp, request({ destination: world.urls.sso }))
  const signatureOf = (xml: string): string => /<ds:Signature .*?<\/ds:Signature>/s.exec(xml)?.[0] ?? ''
  const evil = () =>
    request({ destination: world.urls.sso, attributes: `AssertionConsumerServiceURL="${acs}"` })
  const wrapped: readonly (readonly [string, string, () => string])[] = [
    [
      '403 saml/sig-position',
      'the honest one in Extensions (samlify #634)',
      () =>
        evil().replace(
          '</samlp:AuthnRequest>',
          () => `<samlp:Extensions>${honest()}</samlp:Extensions></samlp:AuthnRequest>`,
        ),
    ],
    [
      '403 saml/sig-structure',
      'the honest one in an Object of its signature',
      () => {
        const xml = honest()
        const object = `<ds:Object>${xml.replace(signatureOf(xml), '')}</ds:Object></ds:Signature>`
        return evil().replace(
          '</saml:Issuer>',
          () => `</saml:Issuer>${signatureOf(xml).replace('</ds:Signature>', () => object)}`,
        )
      },
    ],
    [
      '403 saml/sig-reference',
      'the signature of the honest one on another',
      () => evil().replace('</saml:Issuer>', () => `</saml:Issuer>${signatureOf(honest())}`),
    ],
    [
      '403 saml/sig-position',
      'an unsigned root around a signed one',
      () => evil().replace('</saml:Issuer>', () => `</saml:Issuer>${honest()}`),
    ],
    [
      '403 saml/sig-digest',
      'a signed one that was changed',
      () => honest().replace('Version="2.0"', `Version="2.0" ForceAuthn="true"`),
    ],
  ]
  it.each(wrapped)('wrapped, %s: %s', async (expected, _, xml) => {
    expect(await refusalOf(await world.browser().post('/saml/sso', postBody(xml())))).toBe(expected)
  })

  it('req-replay: a signed one again, and of many at once all but one', async () => {
    const body = postBody(honest())
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => world.browser().post('/saml/sso', body)),
    )
    const codes = await Promise.all(answers.map(refusalOf))
    expect(codes.filter((code) => code === '400 saml/req-replay')).toHaveLength(7)
  })

  describe('by Redirect with a signature', () => {
    const signed = (relayState = 'r') =>
      redirectQuery(authnRequest(signing, { now: clock(), destination: world.urls.sso }), {
        relayState,
        key: signing.privateKey,
      })

    it('accepts the honest one, also with lower-case escapes as .NET writes them', async () => {
      expect((await raw(signed())).status).toBe(200)
      const xml = authnRequest(signing, { now: clock(), destination: world.urls.sso })
      const { createSign } = await import('node:crypto')
      const lower = (text: string): string =>
        encodeURIComponent(text).replaceAll(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase())
      const octets = `SAMLRequest=${lower(deflateRawSync(xml).toString('base64'))}&RelayState=${lower('a/b')}&SigAlg=${lower('http://www.w3.org/2001/04/xmldsig-more#rsa-sha256')}`
      const signature = createSign('sha256').update(octets).sign(signing.privateKey, 'base64')
      expect((await raw(`${octets}&Signature=${lower(signature)}`)).status).toBe(200)
    })

    it('accepts the honest one with its parameters in another order and others beside them', async () => {
      expect((await raw(`x=1&${signed().split('&').toReversed().join('&')}`)).status).toBe(200)
    })

    const damages: readonly (readonly [string, string, () => string])[] = [
      [
        '403 saml/req-unsigned',
        'the signature taken off (switching binding does not help)',
        () => redirectQuery(authnRequest(signing, { now: clock() })),
      ],
      [
        '403 saml/redirect-signature',
        'another relay state',
        () => signed().replace('RelayState=r', 'RelayState=s'),
      ],
      [
        '403 saml/redirect-signature',
        'an added relay state',
        () =>
          redirectQuery(authnRequest(signing, { now: clock(), destination: world.urls.sso }), {
            key: signing.privateKey,
          }).replace('&SigAlg', '&RelayState=s&SigAlg'),
      ],
      [
        '403 saml/redirect-signature',
        'another message',
        () =>
          signed().replace(
            /SAMLRequest=[^&]*/,
            `SAMLRequest=${message(authnRequest(signing, { now: clock(), destination: world.urls.sso }))}`,
          ),
      ],
      [
        '403 saml/redirect-signature',
        'another spelling of the same',
        () => signed().replaceAll('%2B', '%2b').replaceAll('%2F', '%2f').replaceAll('%3D', '%3d'),
      ],
      ['403 saml/sig-algorithm', 'SHA-1', () => signed().replace(/rsa-sha256/, 'rsa-sha1')],
      [
        '403 saml/sig-key',
        'an algorithm of another kind of key',
        () => signed().replace(/rsa-sha256/, 'ecdsa-sha256'),
      ],
      [
        '403 saml/sig-position',
        'a signature inside as well',
        () =>
          redirectQuery(
            signedRequest(signing, authnRequest(signing, { now: clock(), destination: world.urls.sso })),
            { key: signing.privateKey },
          ),
      ],
    ]
    it.each(damages)('%s: %s', async (expected, _, query) => {
      expect(await refusalOf(await raw(query()))).toBe(expected)
    })
  })

  it('refuses without a word of the message, and says why in the audit log', async () => {
    const xml = request({ attributes: 'AssertionConsumerServiceURL="https://evil.example/&lt;b&gt;"' })
    const text = await (await ask(world.browser(), xml)).text()
    expect(text).not.toContain('evil.example')
    const refused = (await world.events()).filter(({ errorCode }) => errorCode === 'saml/req-acs')
    expect(JSON.stringify(refused)).toContain('https://evil.example/<b>')
  })
})

describe('a launch from the portal', () => {
  const launched = async (
    appId: string,
    browser: TestBrowser,
    fields: Record<string, string> = {},
  ): Promise<Response> => {
    const token = await (await browser.get(`/launch-token/${appId}`)).text()
    return browser.ownPost(
      `/saml/launch/${appId}`,
      new URLSearchParams({ _csrf: token, ...fields }).toString(),
    )
  }

  it('answers without a question where the app opted in, with a relay state of its list', async () => {
    const idpInitiated = await world.app('https://launch.example', {
      acs: [{ url: 'https://launch.example/acs' }],
      idpInitiated: true,
      relayStates: ['home', 'reports'],
    })
    const { xml, fields, action } = await postedForm(
      await launched(idpInitiated.appId, world.browser(), { relay_state: 'reports' }),
    )
    expect(action).toBe('https://launch.example/acs')
    expect(fields['RelayState']).toBe('reports')
    expect(statuses(xml)).toBe('Success')
    expect(xml).not.toContain('InResponseTo')
    expect(
      await refusalOf(
        await launched(idpInitiated.appId, world.browser(), { relay_state: 'https://evil.example' }),
      ),
    ).toBe('400 saml/req-relay-state')
  })

  it('is refused where the app did not, for unknown apps, and without our form', async () => {
    expect(await refusalOf(await launched(app.appId, world.browser()))).toBe('403 saml/peer-purpose')
    expect(await refusalOf(await launched('nothing', world.browser()))).toBe('403 saml/peer-unknown')
    expect(await refusalOf(await world.browser().ownPost(`/saml/launch/${app.appId}`, ''))).toBe(
      '403 http/form-token',
    )
  })
})
