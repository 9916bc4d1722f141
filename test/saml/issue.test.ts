import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '#kernel'
import { cachedMetadataReader, parseIdpMetadata, verifyStsAssertion } from '#saml'
import { verifyResponse } from '#src/saml/gate.ts'
import { secondOpinion } from '#src/saml/samlify-adapter.ts'
import { canonicalize, readXml } from '#xml'
import { fixedClock } from '../support/fixtures.ts'
import { authnRequest, redirectQuery, testSp } from '../support/saml-sp.ts'
import { postedForm, samlWorld } from '../support/saml-world.ts'
import type { SamlWorld } from '../support/saml-world.ts'

// samlify reads this machine's clock, so the world of these tests begins now.
const clock = fixedClock(systemClock().toString())
const sts = 'https://signet.example/saml/aws'
let world: SamlWorld

beforeAll(async () => {
  world = await samlWorld(clock)
  const alice = await world.user({ name: 'alice', displayName: 'Zoë <&"\'> 日本 😀\tx' })
  world.state.next = { user: alice, factors: ['password', 'totp'] }
})
afterAll(() => world.close())

async function issued(settings: object): Promise<{ xml: string; response: string; entityId: string }> {
  const sp = testSp(
    `https://sp-${clock().epochMilliseconds}-${Object.keys(settings).length}-${JSON.stringify(settings).length}.example`,
  )
  await world.app(sp.entityId, { acs: [{ url: sts }], ...settings })
  const { xml, fields } = await postedForm(
    await world.browser().get(`/saml/sso?${redirectQuery(authnRequest(sp, { now: clock() }))}`),
  )
  return { xml, response: fields['SAMLResponse'] ?? '', entityId: sp.entityId }
}

const attributes = {
  displayName: 'display_name',
  'urn:x:name': 'user_name',
  many: { values: ['1 & 2', '<3>', '"4"'] },
}

describe('what we issue', () => {
  it('is canonical as it is written', async () => {
    const { xml } = await issued({ attributes, sign: 'both' })
    expect(canonicalize(readXml(xml))).toBe(xml)
  })

  it.each(['assertion', 'response', 'both'] as const)(
    'passes our own gate with the keys of our metadata: %s signed',
    async (sign) => {
      const { xml } = await issued({ attributes, sign })
      const metadata = parseIdpMetadata(await (await world.browser().get('/saml/metadata')).text())
      const { isAssertionSigned, isResponseSigned, assertion } = verifyResponse(xml, metadata.signingKeys)
      expect([isAssertionSigned, isResponseSigned]).toEqual([sign !== 'response', sign !== 'assertion'])
      expect(assertion?.attributes.get('displayName')).toEqual(['Zoë <&"\'> 日本 😀\tx'])
      expect(assertion?.authnStatements[0]?.contextClassRef).toBe('https://refeds.org/profile/mfa')
    },
  )

  it.each(['assertion', 'response', 'both'] as const)(
    'is read the same by samlify: %s signed',
    async (sign) => {
      const { xml, response, entityId } = await issued({
        attributes: { ...attributes, two: 'user_id' },
        sign,
      })
      const certificates = [world.keys.active('saml').certificate ?? '']
      const metadata = parseIdpMetadata(await (await world.browser().get('/saml/metadata')).text())
      const { assertion } = verifyResponse(xml, metadata.signingKeys)
      if (!assertion) throw new Error('no assertion')
      await secondOpinion(assertion, { response, certificates, acs: sts, entityId })
      const other = { ...assertion, nameId: { ...assertion.nameId, value: 'somebody else' } }
      const opinion = secondOpinion(other, { response, certificates, acs: sts, entityId })
      await expect(opinion).rejects.toMatchObject({ reason: 'saml/second-opinion' })
      const forged = Buffer.from(xml.replace('>1 &amp; 2<', '>1 &amp; 3<')).toString('base64')
      await expect(
        secondOpinion(assertion, { response: forged, certificates, acs: sts, entityId }),
      ).rejects.toMatchObject({
        reason: 'saml/second-opinion',
      })
    },
  )

  it('opens a role session at STS, through the metadata we publish', async () => {
    const role = 'https://aws.amazon.com/SAML/Attributes/Role'
    const pair = 'arn:aws:iam::111122223333:role/R,arn:aws:iam::111122223333:saml-provider/signet'
    const { response, entityId } = await issued({ attributes: { [role]: { values: [pair] } } })
    const read = verifyStsAssertion(
      { readMetadata: cachedMetadataReader() },
      {
        metadata: await (await world.browser().get('/saml/metadata')).text(),
        providerArn: 'arn:aws:iam::111122223333:saml-provider/signet',
        accountId: '111122223333',
        assertion: response,
        recipients: [sts],
        audiences: [entityId],
        now: clock(),
      },
    )
    expect(read.attributes.get(role)).toEqual([pair])
    expect(read.issuer).toBe(world.urls.entityId)
  })
})

describe('our metadata', () => {
  it('is signed with its own key, which is not the one that signs assertions', async () => {
    const response = await world.browser().get('/saml/metadata')
    expect(response.headers.get('content-type')).toMatch(/^application\/samlmetadata\+xml/)
    const xml = await response.text()
    const own = world.keys.active('saml-metadata')
    const read = parseIdpMetadata(xml, {
      signers: [{ key: own.publicKey, fingerprint: own.kid }],
      now: clock(),
    })
    const saml = world.keys.active('saml')
    expect(read.entityId).toBe('https://signet.example/saml/metadata')
    expect(read.signingKeys.map(({ fingerprint }) => fingerprint)).toEqual([
      createHash('sha256')
        .update(Buffer.from((saml.certificate ?? '').replaceAll(/-----[^-]+-----|\s/g, ''), 'base64'))
        .digest('hex'),
    ])
    expect(() =>
      parseIdpMetadata(xml, { signers: [{ key: saml.publicKey, fingerprint: saml.kid }] }),
    ).toThrow('meta-signature')
    expect(() =>
      parseIdpMetadata(xml.replace('/saml/sso"', '/saml/ssx"'), {
        signers: [{ key: own.publicKey, fingerprint: '' }],
      }),
    ).toThrow('meta-signature')
  })

  it('names both bindings for sign-in and logout', async () => {
    const read = parseIdpMetadata(await (await world.browser().get('/saml/metadata')).text())
    expect(read.singleSignOn.map(({ location }) => location)).toEqual(Array(2).fill(world.urls.sso))
    expect(read.singleLogout.map(({ location }) => location)).toEqual(Array(2).fill(world.urls.slo))
  })
})
