import { afterAll, beforeAll, expect, it } from 'vitest'
import { listEvents } from '#audit'
import { systemClock } from '#kernel'
import { acme, seedAcme } from '../support/acme.ts'
import { Browser, formsOf, textOf } from '../support/browser.ts'
import type { Page } from '../support/browser.ts'
import { authnRequest, redirectQuery } from '../support/saml-sp.ts'
import { startServer } from '../support/server.ts'
import type { TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
  await seedAcme(server.database)
})
afterAll(() => server.close())

const ask = (browser: Browser, attributes = ''): Promise<Page> => {
  const xml = authnRequest({ entityId: acme.entityId }, { now: systemClock(), attributes })
  return browser.open(`${server.url}/saml/sso?${redirectQuery(xml, { relayState: 'r' })}`)
}
const answerOn = (page: Page): string => {
  const form = formsOf(page).find(({ action }) => action === acme.acs)
  if (!form) throw new Error(`no answer: ${page.status} ${textOf(page)}`)
  return Buffer.from(form.fields['SAMLResponse'] ?? '', 'base64').toString()
}
const follow = async (browser: Browser, page: Page): Promise<Page> => {
  const onward = Browser.onward(page)
  return onward === undefined ? page : browser.open(onward)
}

it('a person signs in at an app by SAML with a password, and a second time without one', async () => {
  const browser = new Browser()
  const identify = await ask(browser)
  const password = await browser.submit(identify, { identifier: 'alice' })
  const done = await follow(browser, await browser.submit(password, { password: acme.password }))
  expect(answerOn(done)).toContain('status:Success')
  expect(answerOn(await ask(browser))).toContain('status:Success')
})

it('ForceAuthn asks for the password again, and IsPassive for nothing', async () => {
  const browser = new Browser()
  expect(answerOn(await ask(browser, 'IsPassive="1"'))).toContain('status:NoPassive')
  const first = await browser.submit(await ask(browser), { identifier: 'alice' })
  await follow(browser, await browser.submit(first, { password: acme.password }))
  expect(answerOn(await ask(browser, 'IsPassive="1"'))).toContain('status:Success')
  const again = await ask(browser, 'ForceAuthn="1"')
  expect(formsOf(again).some(({ action }) => action === acme.acs)).toBe(false)
  const page =
    'password' in (formsOf(again)[0]?.fields ?? {})
      ? again
      : await browser.submit(again, { identifier: 'alice' })
  const done = await follow(browser, await browser.submit(page, { password: acme.password }))
  expect(answerOn(done)).toContain('status:Success')
})

it('every answer is in the audit log with who got it', async () => {
  const bodies = (await listEvents(server.database, { name: 'Federate' })).map(({ body }) => body)
  expect(bodies.filter((body) => body.includes('"userName":"alice"')).length).toBeGreaterThanOrEqual(2)
  expect(server.complaints).toEqual([])
})
