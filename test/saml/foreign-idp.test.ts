import { afterAll, beforeAll, expect, it } from 'vitest'
import { cachedMetadataReader, parseIdpMetadata, verifyStsAssertion } from '#saml'
import { verifyResponse } from '#src/saml/gate.ts'
import { authnRequest, redirectQuery } from '../support/saml-sp.ts'
import { startForeignIdp } from '../support/saml-idp-server.ts'
import type { ForeignIdpServer } from '../support/saml-idp-server.ts'
import { postedForm } from '../support/saml-world.ts'

const now = Temporal.Instant.from('2026-11-22T12:00:00Z')
const recipient = 'https://signet.example/saml/aws'
let idp: ForeignIdpServer
beforeAll(async () => {
  idp = await startForeignIdp({ nameId: 'alice', attributes: { groups: ['eng', 'admins'] } }, () => now)
})
afterAll(() => idp.close())

const metadata = async (): Promise<string> => (await fetch(`${idp.url}/metadata`)).text()

it('mints an assertion for STS, known by the metadata it publishes', async () => {
  const read = verifyStsAssertion(
    { readMetadata: cachedMetadataReader() },
    {
      metadata: await metadata(),
      providerArn: 'arn:aws:iam::111122223333:saml-provider/p',
      accountId: '111122223333',
      assertion: await (await fetch(`${idp.url}/mint?recipient=${encodeURIComponent(recipient)}`)).text(),
      recipients: [recipient],
      audiences: [recipient],
      now,
    },
  )
  expect([read.nameId, read.attributes.get('groups')]).toEqual(['alice', ['eng', 'admins']])
})

it('answers a request at the address it names', async () => {
  const attributes = 'AssertionConsumerServiceURL="https://sp.example/acs"'
  const xml = authnRequest({ entityId: 'https://sp.example' }, { now, id: '_asked', attributes })
  const page = await postedForm(await fetch(`${idp.url}/sso?${redirectQuery(xml, { relayState: 'a"b' })}`))
  const keys = parseIdpMetadata(await metadata(), { loopbackHttp: true }).signingKeys
  expect(page.action).toBe('https://sp.example/acs')
  expect(page.fields['RelayState']).toBe('a"b')
  expect(verifyResponse(page.xml, keys).assertion?.confirmation.inResponseTo).toBe('_asked')
})
