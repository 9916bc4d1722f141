import { AxeBuilder } from '@axe-core/playwright'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { loginClient } from '../support/aws-login-client.ts'
import { type ApachePage, openidcPage } from './support/apps.ts'
import type { Apache } from './support/apache.ts'
import { launchChromium, visit, type Visitor } from './support/chromium.ts'
import { type Company, people, startCompany } from './support/company.ts'
import { describeWith } from './support/peer.ts'
import { leadsTo, nextCode, shows, signIn } from './support/sign-in.ts'

let browser: Browser
const companies: Company[] = []
const open = async (): Promise<Company> => {
  const company = await startCompany()
  companies.push(company)
  return company
}

/** Goes on to the next page by a form's button, as a person without a mouse would. */
const press = (page: Page, name: string | RegExp): Promise<void> =>
  page.getByRole('button', { name }).first().click()

/**
 * Looks at the page of the moment: axe finds nothing, nothing was blocked, nothing is wider than the window. axe is a
 * script itself, so a page without JavaScript is looked at without it.
 */
async function inspect({ page, complaints }: Visitor, heading: string, script = true): Promise<void> {
  await shows(page, `h1:has-text("${heading}")`)
  const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
  const found = script ? (await new AxeBuilder({ page }).withTags(tags).analyze()).violations : []
  const width = Number(await page.evaluate('document.documentElement.scrollWidth'))
  expect({
    url: page.url(),
    violations: found.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`)),
    complaints,
    tooWide: Math.max(0, width - (page.viewportSize()?.width ?? 0)),
  }).toEqual({ url: page.url(), violations: [], complaints: [], tooWide: 0 })
}

describeWith(
  'chromium',
  'apache2-bin',
  'libapache2-mod-auth-openidc',
)('the screens of a running Signet', () => {
  beforeAll(async () => {
    browser = await launchChromium()
  })
  afterAll(async () => {
    await browser?.close()
    await Promise.all(companies.map((company) => company.stop()))
  })

  it.each<[string, BrowserContextOptions]>([
    ['in the light, 1280 px wide', { colorScheme: 'light' }],
    ['in the dark, 320 px wide', { colorScheme: 'dark', viewport: { width: 320, height: 640 } }],
    ['without JavaScript, 320 px wide', { javaScriptEnabled: false, viewport: { width: 320, height: 640 } }],
  ])('from the setup link through the portal to the sign-out, %s', async (_, options) => {
    const company = await open()
    const visitor = await visit(browser, options)
    const { page } = visitor
    const look = (heading: string) => inspect(visitor, heading, options.javaScriptEnabled)

    await page.goto(company.url)
    await look('This Signet has no owner yet')
    const link = (await company.signet(['setup-link'])).out
    await page.goto(/http\S+\/setup\/\S+/.exec(link)?.[0] ?? '')
    await look('Set up Signet')
    await page.fill('#organization', 'Acme')
    await page.fill('#user-name', 'dora')
    await page.fill('#mail', 'dora@acme.example')
    await page.fill('#password', 'tin whistle over the marsh')
    await page.fill('#password-again', 'not the same')
    await press(page, 'Continue')
    await shows(page, '[role=alert]')
    await look('Set up Signet')
    await page.fill('#password', 'tin whistle over the marsh')
    await page.fill('#password-again', 'tin whistle over the marsh')
    await press(page, 'Continue')
    await shows(page, '#totp-secret')
    const seed = ((await page.textContent('#totp-secret')) ?? '').replaceAll(/\s/g, '')
    await look('')
    await page.fill('#code', await nextCode(seed))
    await press(page, 'Confirm')
    await shows(page, '#codes')
    await look('')
    await page.check('input[name=kept]')
    await press(page, 'Finish')
    await look('Your apps')

    for (const [path, heading] of [
      ['/portal/roles', 'Roles'],
      ['/account', ''],
      ['/no-such-page', ''],
    ] as const) {
      await page.goto(`${company.url}${path}`)
      await look(heading)
    }
    await page.goto(`${company.url}/signout`)
    await look('')
    await press(page, /sign out/i)
    await look('')
    await page.goto(`${company.url}/account`)
    await shows(page, '#identifier')
    await signIn(page, { name: 'dora', password: 'tin whistle over the marsh', seed })
    await leadsTo(page, `${company.url}/account`)
    expect(company.faults()).toEqual([])
    await visitor.close()
  })

  it.each<[string, BrowserContextOptions]>([
    ['in the light, 1280 px wide', { colorScheme: 'light' }],
    ['in the dark, 320 px wide', { colorScheme: 'dark', viewport: { width: 320, height: 640 } }],
    ['without JavaScript, 320 px wide', { javaScriptEnabled: false, viewport: { width: 320, height: 640 } }],
  ])('logs command lines in, %s', async (name, options) => {
    const company = await open()
    await company.apply()
    const visitor = await visit(browser, options)
    const { page } = visitor
    const look = async (heading: string) => {
      await inspect(visitor, heading, options.javaScriptEnabled)
      const folder = process.env['SHOTS']
      if (folder !== undefined)
        await page.screenshot({
          path: `${folder}/${heading}-${name}.png`.replaceAll(' ', '-'),
          fullPage: true,
        })
    }
    const post = async (path: string, body: object): Promise<Record<string, string>> => {
      const answer = await fetch(company.url + path, { method: 'POST', body: JSON.stringify(body) })
      return (await answer.json()) as Record<string, string>
    }

    // aws sso login, by device code
    const { clientId, clientSecret } = await post('/client/register', {
      clientName: 'botocore-client-work',
      clientType: 'public',
    })
    const start = () =>
      post('/device_authorization', { clientId, clientSecret, startUrl: 'https://x.awsapps.com/start' })
    const device = await start()
    await page.goto(`${company.url}/aws/device`)
    await signIn(page, people.carol)
    await look('Connect a command line')
    await page.fill('#user_code', 'BBBB-BBBB')
    await press(page, 'Next')
    await shows(page, '[role=alert]')
    await look('Connect a command line')
    await page.fill('#user_code', device['userCode'] ?? '')
    await press(page, 'Next')
    await look('Connect this command line?')
    await press(page, 'Connect')
    await look('Connected')
    await post('/token', {
      clientId,
      clientSecret,
      grantType: 'urn:ietf:params:oauth:grant-type:device_code',
      deviceCode: device['deviceCode'],
    })

    // aws login --remote
    const client = loginClient(company.url, { now: () => Date.now() / 1_000, remote: true })
    await page.goto(client.authorizeUrl())
    await look('What shall the command line act as?')
    await page.check('input[value="self"]')
    await press(page, 'Log in')
    await look('Type this code at your command line')
    await page.goto(loginClient(company.url, { now: () => 0, remote: true }).authorizeUrl())
    await press(page, 'Stop')
    await look('Not logged in')

    // The portal's own pages
    await page.goto(`${company.url}/portal/roles`)
    await page.click('a:has-text("Command line access")')
    await look('Command line access')
    await page.goto(`${company.url}/account`)
    expect(await page.textContent('main')).toContain('aws sso login · work')
    await look('My security')
    expect(company.faults()).toEqual([])
    await visitor.close()
  })

  it('takes a role without JavaScript', async () => {
    const company = await open()
    await company.apply()
    const visitor = await visit(browser, { javaScriptEnabled: false })
    const { page } = visitor
    await page.goto(`${company.url}/portal/roles`)
    await signIn(page, people.carol)
    await inspect(visitor, 'Roles', false)
    await page.click('button:has-text("Reader")')
    await inspect(visitor, 'Reader', false)
    expect(await page.textContent('details[open] pre')).toContain('export AWS_SESSION_TOKEN=')
    await visitor.close()
  })

  it('five tabs that were led to sign in at the same time all land at the page', async () => {
    const company = await open()
    const app: ApachePage = await openidcPage(company)
    await company.apply({ apps: [{ ...app.declaration, require_mfa: false }] })
    const apache: Apache = await app.start()
    try {
      const visitor = await visit(browser)
      const tabs = [visitor.page, ...(await Promise.all([1, 2, 3, 4].map(() => visitor.tab())))]
      for (const tab of tabs) await tab.goto(`${app.url}/app/`)
      // Each one types its name before any of them goes on.
      for (const tab of tabs) {
        await tab.fill('#identifier', people.carol.name)
        await tab.press('#identifier', 'Enter')
        await shows(tab, '#password')
      }
      await Promise.all(
        tabs.map(async (tab) => {
          await tab.fill('#password', people.carol.password)
          await tab.press('#password', 'Enter')
          await leadsTo(tab, `${app.url}/app/`)
        }),
      )
      for (const tab of tabs) expect(await tab.textContent('h1')).toBe('Hello carol')
      expect(visitor.complaints).toEqual([])
      expect(company.faults()).toEqual([])
      await visitor.close()
    } finally {
      await apache.stop()
    }
  })
})
