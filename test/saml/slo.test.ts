import { verify } from 'node:crypto'
import { inflateRawSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { sql } from '#database'
import type { User } from '#directory'
import { leaveApps, sweepSaml, userOfNameId } from '#saml'
import { fixedClock } from '../support/fixtures.ts'
import {
  authnRequest,
  freshId,
  logoutRequest,
  postBody,
  redirectQuery,
  signedRequest,
  testSp,
} from '../support/saml-sp.ts'
import type { TestSp } from '../support/saml-sp.ts'
import { postedForm, refusalOf, samlWorld } from '../support/saml-world.ts'
import type { SamlWorld, TestBrowser } from '../support/saml-world.ts'

const sp = testSp('https://app.example/metadata')
const other = testSp('https://other.example/metadata')
const persistent = 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent'
const clock = fixedClock()
let world: SamlWorld
let alice: User

beforeAll(async () => {
  world = await samlWorld(clock)
  alice = await world.user({ name: 'alice' })
  await world.app(sp.entityId, {
    acs: [{ url: 'https://app.example/acs' }],
    slo: [
      { url: 'https://app.example/slo', binding: 'post' },
      {
        url: 'https://app.example/slo?b=r',
        binding: 'redirect',
        responseUrl: 'https://app.example/slo-done',
      },
    ],
    signingCertificates: [sp.pem],
  })
  await world.app(other.entityId, {
    acs: [{ url: 'https://other.example/acs' }],
    slo: [{ url: 'https://other.example/slo', binding: 'post' }],
    signingCertificates: [other.pem],
  })
})
afterAll(() => world.close())
beforeEach(() => {
  world.state.next = { user: alice, factors: ['password'] }
})

type SignedInAt = { readonly nameId: string; readonly sessionIndex: string }

/** Signs in at an app; what the app then knows. */
async function signIn(browser: TestBrowser, at: TestSp): Promise<SignedInAt> {
  const { xml } = await postedForm(
    await browser.get(`/saml/sso?${redirectQuery(authnRequest(at, { now: clock() }))}`),
  )
  return {
    nameId: /<saml:NameID[^>]*>([^<]*)/.exec(xml)?.[1] ?? '',
    sessionIndex: / SessionIndex="([^"]*)"/.exec(xml)?.[1] ?? '',
  }
}

const isSignedIn = async (browser: TestBrowser): Promise<boolean> => {
  const query = redirectQuery(authnRequest(sp, { now: clock(), attributes: 'IsPassive="true"' }))
  return (await postedForm(await browser.get(`/saml/sso?${query}`))).xml.includes('status:Success')
}

const request = (
  known: Partial<SignedInAt>,
  more: Partial<Parameters<typeof logoutRequest>[1]> = {},
  from = sp,
): string =>
  logoutRequest(from, {
    now: clock(),
    destination: world.urls.slo,
    nameId: known.nameId ?? '',
    format: persistent,
    ...(known.sessionIndex !== undefined && { sessionIndex: known.sessionIndex }),
    ...more,
  })
const post = (browser: TestBrowser, xml: string): Promise<Response> =>
  browser.post('/saml/slo', postBody(xml, 'state'))
const statuses = (xml: string): string =>
  [...xml.matchAll(/StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:(\w+)"/g)]
    .map((match) => match[1])
    .join('/')

describe('a logout that an app asks for', () => {
  it('ends the session and answers signed, with its relay state', async () => {
    const browser = world.browser()
    const known = await signIn(browser, sp)
    const id = freshId()
    const { action, fields, xml } = await postedForm(
      await post(browser, signedRequest(sp, request(known, { id }))),
    )
    expect(action).toBe('https://app.example/slo')
    expect(fields['RelayState']).toBe('state')
    expect(xml).toContain(`InResponseTo="${id}"`)
    expect(xml).toContain('<ds:SignatureValue>')
    expect(statuses(xml)).toBe('Success')
    expect(await isSignedIn(browser)).toBe(false)
  })

  it('answers by Redirect where it was asked so, at the address for answers, with a signature over the octets', async () => {
    const browser = world.browser()
    const known = await signIn(browser, sp)
    const query = redirectQuery(request(known), { relayState: 'a b', key: sp.privateKey })
    const response = await browser.stop(`/saml/slo?${query}`)
    expect(response.status).toBe(303)
    const location = response.headers.get('location') ?? ''
    expect(location).toMatch(/^https:\/\/app\.example\/slo-done\?SAMLResponse=/)
    const [octets = '', signature = ''] = location.slice(location.indexOf('?') + 1).split('&Signature=')
    const key = world.keys.active('saml').publicKey
    expect(
      verify('sha256', Buffer.from(octets), key, Buffer.from(decodeURIComponent(signature), 'base64')),
    ).toBe(true)
    const message = new URLSearchParams(octets).get('SAMLResponse') ?? ''
    expect(statuses(inflateRawSync(Buffer.from(message, 'base64')).toString())).toBe('Success')
    expect(new URLSearchParams(octets).get('RelayState')).toBe('a b')
  })

  it('says PartialLogout when another app was not told, and ends the session there too', async () => {
    const browser = world.browser()
    const [known] = [await signIn(browser, sp), await signIn(browser, other)]
    const { xml } = await postedForm(await post(browser, signedRequest(sp, request(known))))
    expect(statuses(xml)).toBe('Success/PartialLogout')
    expect(await isSignedIn(browser)).toBe(false)
  })

  it('ends one session when it names one, and all of the subject at this app when it names none', async () => {
    const [one, two] = [world.browser(), world.browser()]
    const [first] = [await signIn(one, sp), await signIn(two, sp)]
    await post(one, signedRequest(sp, request(first)))
    expect([await isSignedIn(one), await isSignedIn(two)]).toEqual([false, true])
    await signIn(one, sp)
    await post(one, signedRequest(sp, request({ nameId: first.nameId })))
    expect([await isSignedIn(one), await isSignedIn(two)]).toEqual([false, false])
  })

  it('gives the same session index to the same session and app', async () => {
    const browser = world.browser()
    const [first, second] = [await signIn(browser, sp), await signIn(browser, sp)]
    expect(second).toEqual(first)
    expect((await signIn(browser, other)).sessionIndex).not.toBe(first.sessionIndex)
  })

  it('slo-no-session: for a session of another app it answers Success and ends nothing', async () => {
    const browser = world.browser()
    const known = await signIn(browser, sp)
    const { xml } = await postedForm(await post(browser, signedRequest(other, request(known, {}, other))))
    expect(statuses(xml)).toBe('Success')
    expect(await isSignedIn(browser)).toBe(true)
    expect(await world.events()).toContainEqual(
      expect.objectContaining({ eventName: 'Logout', errorCode: 'saml/slo-no-session' }),
    )
  })
})

describe('refuses logouts', () => {
  const known = { nameId: 'x' }
  const signed = (xml: string): string => signedRequest(sp, xml)
  const cases: readonly (readonly [string, string, () => string])[] = [
    ['403 saml/slo-unsigned', 'unsigned', () => request(known)],
    ['403 saml/sig-value', 'signed by another app', () => signedRequest(other, request(known))],
    [
      '403 saml/peer-unknown',
      'of a stranger',
      () => signed(request(known).replace('>https://app.example/metadata<', '>https://nobody.example<')),
    ],
    [
      '400 saml/slo-expired',
      'past their end',
      () =>
        signed(
          request(known, { attributes: `NotOnOrAfter="${clock().subtract({ seconds: 61 }).toString()}"` }),
        ),
    ],
    [
      '400 saml/req-stale',
      'too old',
      () => signed(request(known, { now: clock().subtract({ minutes: 11 }) })),
    ],
    [
      '403 saml/req-destination',
      'meant for another',
      () => signed(request(known, { destination: 'https://other.example/slo' })),
    ],
    [
      '403 saml/req-destination',
      'that do not say whom they are meant for',
      () => signed(request(known).replace(/ Destination="[^"]*"/, '')),
    ],
    [
      '400 saml/shape-nameid',
      'without a name',
      () => signed(request(known).replace(/<saml:NameID.*<\/saml:NameID>/, '')),
    ],
    [
      '400 saml/shape-root',
      'that are sign-ins',
      () => signed(authnRequest(sp, { now: clock(), destination: world.urls.slo })),
    ],
    [
      '403 saml/sig-position',
      'an evil one around a captured one (CVE-2025-47949 class)',
      () =>
        request({ nameId: 'victim' }).replace(
          '</saml:Issuer>',
          () => `</saml:Issuer><samlp:Extensions>${signed(request(known))}</samlp:Extensions>`,
        ),
    ],
  ]
  it.each(cases)('%s: %s', async (expected, _, xml) => {
    expect(await refusalOf(await post(world.browser(), xml()))).toBe(expected)
  })

  it('slo-no-endpoint: of an app that could not hear the answer, and nothing is ended', async () => {
    const deaf = testSp('https://deaf.example/metadata')
    await world.app(deaf.entityId, {
      acs: [{ url: 'https://deaf.example/acs' }],
      signingCertificates: [deaf.pem],
    })
    const browser = world.browser()
    const known = await signIn(browser, deaf)
    const xml = signedRequest(deaf, request(known, {}, deaf))
    expect(await refusalOf(await post(browser, xml))).toBe('400 saml/slo-no-endpoint')
    expect(await isSignedIn(browser)).toBe(true)
  })

  it('slo-replay: the same one again', async () => {
    const xml = signed(request(known))
    expect(statuses((await postedForm(await post(world.browser(), xml))).xml)).toBe('Success')
    expect(await refusalOf(await post(world.browser(), xml))).toBe('400 saml/slo-replay')
  })

  it('slo-unsolicited: an answer to nothing', async () => {
    const body = new URLSearchParams({
      SAMLResponse: Buffer.from(request(known)).toString('base64'),
    }).toString()
    expect(await refusalOf(await world.browser().post('/saml/slo', body))).toBe('403 saml/slo-unsolicited')
  })
})

describe('what other slices ask', () => {
  it('which user an assertion of ours named', async () => {
    const known = await signIn(world.browser(), sp)
    const find = (nameId: string, nameIdFormat: string) =>
      userOfNameId(world.database, { nameId, nameIdFormat })
    expect(await find(known.nameId, persistent)).toBe(alice.userId)
    expect(await find(known.nameId, 'urn:x')).toBeUndefined()
    expect(await find('_nobody', persistent)).toBeUndefined()
  })

  it('which apps were told about a session that ends here', async () => {
    const browser = world.browser()
    await signIn(browser, sp)
    await signIn(browser, other)
    const [session] = await world.sessions.list(alice.userId)
    const names = await leaveApps(world.database, session?.family ?? '')
    expect(names).toEqual(['https-app-example-metadata', 'https-other-example-metadata'])
    expect(await leaveApps(world.database, session?.family ?? '')).toEqual([])
  })

  it('sweeping takes what is over and nothing else', async () => {
    const count = async (): Promise<Record<string, unknown> | undefined> =>
      (
        await world.database.query(
          sql`select (select count(*) from saml_seen) as seen, (select count(*) from saml_participant) as participants`,
        )
      ).rows[0]
    await signIn(world.browser(), sp)
    const before = await count()
    await sweepSaml(world.database, clock())
    expect(await count()).toEqual(before)
    await sweepSaml(world.database, clock().add({ hours: 24 }))
    expect(await count()).toEqual({ seen: 0, participants: 0 })
  })
})
