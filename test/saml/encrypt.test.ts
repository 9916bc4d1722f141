import { constants, createDecipheriv, privateDecrypt } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { systemClock } from '#kernel'
import { parseIdpMetadata } from '#saml'
import { verifyResponse } from '#src/saml/gate.ts'
import { canonicalize, readXml } from '#xml'
import { fixedClock } from '../support/fixtures.ts'
import { authnRequest, redirectQuery, testSp } from '../support/saml-sp.ts'
import type { TestSp } from '../support/saml-sp.ts'
import { postedForm, samlWorld } from '../support/saml-world.ts'
import type { SamlWorld } from '../support/saml-world.ts'

const clock = fixedClock(systemClock().toString())
const stranger = testSp('https://stranger.example')
let world: SamlWorld

beforeAll(async () => {
  world = await samlWorld(clock)
  const alice = await world.user({ name: 'alice', displayName: 'Zoë <&"\'> 日本 😀' })
  world.state.next = { user: alice, factors: ['password'] }
})
afterAll(() => world.close())

async function answer(sp: TestSp, settings: object) {
  await world.app(sp.entityId, {
    acs: [{ url: `${sp.entityId}/acs` }],
    attributes: { displayName: 'display_name' },
    encrypt: true,
    ...settings,
  })
  return world.browser().get(`/saml/sso?${redirectQuery(authnRequest(sp, { now: clock() }))}`)
}

it.each(['assertion', 'response', 'both'] as const)(
  'an assertion is encrypted for the app, with %s signed, and only its key opens it',
  async (sign) => {
    const sp = testSp(`https://${sign}.example`)
    const { xml } = await postedForm(await answer(sp, { sign, encryptionCertificates: [sp.pem] }))
    expect(xml).not.toContain('<saml:Assertion')
    expect(xml).not.toContain('Zoë')
    expect(canonicalize(readXml(xml))).toBe(xml)
    const { signingKeys } = parseIdpMetadata(await (await world.browser().get('/saml/metadata')).text())
    const read = verifyResponse(xml, signingKeys, [sp.privateKey])
    expect([read.isAssertionSigned, read.isResponseSigned]).toEqual([
      sign !== 'response',
      sign !== 'assertion',
    ])
    expect(read.assertion?.attributes.get('displayName')).toEqual(['Zoë <&"\'> 日本 😀'])
    expect(() => verifyResponse(xml, signingKeys, [stranger.privateKey])).toThrow()

    // Once more, without our reader: AES-256-GCM under RSA-OAEP with SHA-1.
    const [wrapped = '', content = ''] = [...xml.matchAll(/<xenc:CipherValue>([^<]*)</g)].map(
      ([, text]) => text,
    )
    const key = privateDecrypt(
      { key: sp.privateKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' },
      Buffer.from(wrapped, 'base64'),
    )
    const bytes = Buffer.from(content, 'base64')
    const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12))
    decipher.setAuthTag(bytes.subarray(-16))
    const plain = `${decipher.update(bytes.subarray(12, -16)).toString()}${decipher.final().toString()}`
    expect(plain).toMatch(/^<saml:Assertion xmlns:saml=/)
  },
)

it('an app that wants it encrypted and has no key for it gets nothing', async () => {
  const response = await answer(testSp('https://keyless.example'), { encryptionCertificates: [] })
  expect(response.status).toBe(403)
  expect(await response.text()).toContain('saml/peer-no-key')
})
