import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Apache } from './support/apache.ts'
import { type ApachePage, mellonPage, openidcPage, shownVariable } from './support/apps.ts'
import { launchChromium, visit } from './support/chromium.ts'
import { type Company, people, startCompany } from './support/company.ts'
import { describeWith } from './support/peer.ts'
import { leadsTo, shows, signIn } from './support/sign-in.ts'

let company: Company
let browser: Browser
let openidc: ApachePage
let mellon: ApachePage
const apaches: Apache[] = []

describeWith(
  'chromium',
  'apache2-bin',
  'libapache2-mod-auth-openidc',
  'libapache2-mod-auth-mellon',
)('pages behind Apache', () => {
  beforeAll(async () => {
    company = await startCompany()
    openidc = await openidcPage(company)
    mellon = await mellonPage(company)
    await company.apply({ apps: [openidc.declaration, mellon.declaration] })
    apaches.push(await openidc.start(), await mellon.start())
    browser = await launchChromium()
  })
  afterAll(async () => {
    await browser?.close()
    await Promise.all(apaches.map((apache) => apache.stop()))
    await company?.stop()
  })

  it.each([
    ['with', true],
    ['without', false],
  ])(
    'one sign-in, %s JavaScript, opens the page behind mod_auth_openidc and then the one behind mod_auth_mellon',
    async (_, javaScriptEnabled) => {
      const visitor = await visit(browser, { javaScriptEnabled })
      const { page } = visitor
      await page.goto(`${openidc.url}/app/`)
      await signIn(page, people.alice)
      await leadsTo(page, `${openidc.url}/app/`)
      expect(await page.textContent('h1')).toBe('Hello alice')
      const claims = (await page.textContent('pre')) ?? ''
      expect(shownVariable(claims, 'OIDC_CLAIM_iss')).toBe(company.url)
      expect(shownVariable(claims, 'OIDC_CLAIM_name')).toBe('Alice Adams')
      expect(shownVariable(claims, 'OIDC_CLAIM_email')).toBe('alice@acme.example')
      expect(shownVariable(claims, 'OIDC_CLAIM_amr')).toContain('otp')

      await page.goto(`${mellon.url}/app/`)
      // Without script the person presses the button of the page that carries the assertion.
      if (!javaScriptEnabled) await page.click('form[action*="/mellon/postResponse"] button')
      await leadsTo(page, `${mellon.url}/app/`)
      expect(await page.textContent('h1')).toBe('Hello alice')
      const attributes = (await page.textContent('pre')) ?? ''
      expect(shownVariable(attributes, 'MELLON_mail')).toBe('alice@acme.example')
      expect(shownVariable(attributes, 'MELLON_displayName')).toBe('Alice Adams')
      expect(shownVariable(attributes, 'MELLON_groups')).toBe('admins')
      expect(visitor.complaints).toEqual([])
      await visitor.close()
    },
  )

  it('the other way about, the second app asks for nothing either', async () => {
    const visitor = await visit(browser)
    const { page } = visitor
    await page.goto(`${mellon.url}/app/`)
    await signIn(page, people.alice)
    await leadsTo(page, `${mellon.url}/app/`)
    expect(await page.textContent('h1')).toBe('Hello alice')
    await page.goto(`${openidc.url}/app/`)
    await leadsTo(page, `${openidc.url}/app/`)
    expect(await page.textContent('h1')).toBe('Hello alice')
    await visitor.close()
  })

  it('signing out at mod_auth_openidc ends the session, and both apps ask again', async () => {
    const visitor = await visit(browser)
    const { page } = visitor
    await page.goto(`${openidc.url}/app/`)
    await signIn(page, people.alice)
    await leadsTo(page, `${openidc.url}/app/`)
    await page.goto(`${openidc.url}/app/redirect?logout=${encodeURIComponent(`${openidc.url}/`)}`)
    if (page.url().startsWith(company.url)) await page.click('button.primary')
    await leadsTo(page, `${openidc.url}/`)
    await page.goto(`${openidc.url}/app/`)
    await shows(page, '#identifier')
    await page.goto(`${mellon.url}/app/`)
    await shows(page, '#identifier')
    expect(visitor.complaints).toEqual([])
    await visitor.close()
  })

  it('signing out at mod_auth_mellon ends the session too, and leads back to the page', async () => {
    const visitor = await visit(browser)
    const { page } = visitor
    await page.goto(`${mellon.url}/app/`)
    await signIn(page, people.alice)
    await leadsTo(page, `${mellon.url}/app/`)
    await page.goto(`${mellon.url}/mellon/logout?ReturnTo=${encodeURIComponent(`${mellon.url}/`)}`)
    await leadsTo(page, `${mellon.url}/`)
    await page.goto(`${mellon.url}/app/`)
    await shows(page, '#identifier')
    expect(visitor.complaints).toEqual([])
    await visitor.close()
  })

  it('an app that the person may not use is refused in words, and no page behind it opens', async () => {
    await company.apply({
      apps: [openidc.declaration, { ...mellon.declaration, access: 'policy' }],
    })
    const visitor = await visit(browser)
    const { page } = visitor
    await page.goto(`${mellon.url}/app/`)
    await signIn(page, people.carol)
    await shows(page, 'main h1')
    expect(page.url()).toMatch(new RegExp(`^${company.url}/`))
    expect(await page.textContent('main')).toContain('carol')
    await visitor.close()
  })

  it('the server met no fault of its own in all of this', () => {
    expect(company.faults()).toEqual([])
  })
})
