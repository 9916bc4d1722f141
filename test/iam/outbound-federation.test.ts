import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Database } from '#database'
import {
  disableOutboundFederation,
  enableOutboundFederation,
  hasOutboundFederation,
  outboundIssuer,
} from '#iam'
import { testDatabase } from '../support/database.ts'
import { claim, fixedClock, home } from '../support/fixtures.ts'

const clock = fixedClock()
let database: Database
beforeAll(async () => {
  database = await testDatabase()
  await claim(database, clock)
})
afterAll(() => database.close())

it('is off until it is switched on, and each switch says whether it changed anything', async () => {
  expect(await hasOutboundFederation(database, home)).toBe(false)
  expect(await enableOutboundFederation(database, clock, home)).toBe(true)
  expect(await enableOutboundFederation(database, clock, home)).toBe(false)
  expect(await hasOutboundFederation(database, home)).toBe(true)
  expect(await disableOutboundFederation(database, home)).toBe(true)
  expect(await disableOutboundFederation(database, home)).toBe(false)
})

it('gives each account an issuer of its own, which is not the OpenID provider', () => {
  expect(outboundIssuer(new URL('https://id.example.com/'), '111122223333')).toBe(
    'https://id.example.com/outbound/111122223333',
  )
})
