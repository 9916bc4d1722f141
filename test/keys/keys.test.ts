import { X509Certificate } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Database, sql } from '#database'
import { openKeys } from '#keys'
import { testDatabase } from '../support/database.ts'
import { fixedClock, testVault } from '../support/fixtures.ts'

let database: Database
beforeAll(async () => {
  database = await testDatabase()
})
afterAll(() => database.close())

const open = () =>
  openKeys({ database, vault: testVault, clock: fixedClock(), publicUrl: new URL('https://id.example.com') })

it('two nodes that start at once on an empty database agree on the keys', async () => {
  const [one, two] = await Promise.all([open(), open()])
  await Promise.all([one.refresh(), two.refresh()])
  expect(one.active('oidc', 'ES256').kid).toBe(two.active('oidc', 'ES256').kid)
  expect(
    one
      .list('oidc')
      .map(({ alg }) => alg)
      .toSorted(),
  ).toEqual(['ES256', 'RS256'])
})

it('a SAML key has a certificate that holds and verifies by itself', async () => {
  const keys = await open()
  const certificate = new X509Certificate(keys.active('saml').certificate ?? '')
  expect(certificate.subject).toBe('CN=Signet id.example.com')
  expect(certificate.verify(keys.active('saml').publicKey)).toBe(true)
  expect(certificate.checkPrivateKey(keys.active('saml').privateKey)).toBe(true)
})

it('no private key can be read out of the database', async () => {
  const keys = await open()
  const { rows } = await database.query<{ row: string }>(
    sql`select signing_key::text as row from signing_key`,
  )
  const { d = '' } = keys.active('oidc', 'ES256').privateKey.export({ format: 'jwk' })
  const text = rows.map(({ row }) => row).join()
  expect(text).not.toContain(d)
  expect(text).not.toContain(Buffer.from(d, 'base64url').toString('hex'))
})
