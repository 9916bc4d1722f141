/** What signet.yaml says about the gateway, and what it may not say. */
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { listGatewayApps } from '#apps'
import { type Database, sql } from '#database'
import { declare } from '../access/world.ts'
import { testDatabase } from '../support/database.ts'
import { testVault } from '../support/fixtures.ts'

const example = readFileSync(new URL('../../config/examples/gateway.yaml', import.meta.url), 'utf8')
const env = { STORE_SECRET: 'the-secret-of-the-store' }
let database: Database
beforeAll(async () => {
  database = await testDatabase()
})
afterAll(() => database.close())

it('the example can be applied again and again; the store’s secret is kept sealed, and a new one is taken over', async () => {
  const secretNow = async () => {
    const [store] = (await listGatewayApps(database, testVault)).filter(({ protocol }) => protocol === 's3')
    return [store?.host, store?.upstream.secret?.reveal()]
  }
  await declare(database, example, env)
  await declare(database, example, env)
  expect(await secretNow()).toEqual(['s3.acme.example', env.STORE_SECRET])
  const { rows } = await database.query<{ all: string }>(
    sql`select string_agg(p.settings || encode(coalesce(p.upstream_secret, ''), 'escape'), ' ') as all from proxy_app p`,
  )
  expect(rows[0]?.all).toContain('GK0123456789')
  expect(rows[0]?.all).not.toContain(env.STORE_SECRET)
  await declare(database, example, { STORE_SECRET: 'another-secret-of-the-store' })
  expect(await secretNow()).toEqual(['s3.acme.example', 'another-secret-of-the-store'])
})

it('what does not go together is told with its place', async () => {
  const proxy = (text: string) => `
organization: Acme
accounts: [{ name: acme, id: '111122223333' }]
apps: [{ name: Odd, proxy: { origins: ['https://odd.example'], ${text} } }]
`
  for (const [text, told] of [
    ['protocol: s3', /Signet stands before a store itself/],
    ["protocol: s3, upstream: { url: 'http://10.0.0.1' }", /Write the store’s own key/],
    ["upstream: { url: 'http://10.0.0.1', access_key_id: abcd }", /Only a store has a key of its own/],
    ["upstream: { url: 'http://10.0.0.1/path' }", /without a path/],
    ["upstream: { url: 'file:///etc/passwd' }", /without a path/],
    [
      "protocol: s3, rules: [], upstream: { url: 'http://10.0.0.1', access_key_id: abcd, secret: '${STORE_SECRET}' }",
      /operations of S3 instead of rules/,
    ],
  ] as const)
    await expect(declare(database, proxy(text), env), text).rejects.toThrow(told)
})
