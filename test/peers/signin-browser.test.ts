import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { generate } from 'otplib'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { putApp, putOidcClient } from '#apps'
import type { Database } from '#database'
import { findOrganization } from '#iam'
import { systemClock } from '#kernel'
import { newSetupLink } from '#setup'
import { testDatabase } from '../support/database.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { launchChromium, visit } from './support/chromium.ts'
import { describeWith } from './support/peer.ts'

let browser: Browser
let database: Database
let server: TestServer
const callbacks: string[] = []
const app = createServer((request, response) => {
  if (request.url?.startsWith('/callback') === true) callbacks.push(request.url)
  response.setHeader('content-type', 'text/html')
  response.end('<!doctype html><html lang="en"><title>The app</title><h1>The app</h1></html>')
})
const appUrl = () => `http://127.0.0.1:${(app.address() as AddressInfo).port}`

beforeAll(async () => {
  await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve))
  database = await testDatabase()
  server = await startServer({ database })
  browser = await launchChromium()
})
afterAll(async () => {
  await browser.close()
  await server.close()
  await database.close()
  await new Promise<unknown>((resolve) => app.close(resolve))
})

const password = 'violet kettle umbrella'
let secret = ''
/** A code is good once: each sign-in waits for a step that no other has used. */
let usedStep = 0
async function freshCode(): Promise<string> {
  for (;;) {
    const seconds = Math.floor(systemClock().epochMilliseconds / 1000)
    if (Math.floor(seconds / 30) > usedStep) {
      usedStep = Math.floor(seconds / 30)
      return generate({ secret, epoch: seconds })
    }
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
}

describeWith('chromium')('a person with Chromium', () => {
  it('claims the instance by the setup link and lands in the portal', async () => {
    const person = await visit(browser)
    const { page } = person
    await page.goto(server.url)
    await page.getByRole('heading', { name: 'This Signet has no owner yet' }).waitFor()
    await page.goto(await newSetupLink({ database, clock: systemClock, publicUrl: new URL(server.url) }))
    expect(page.url()).toBe(`${server.url}/setup`)
    await page.getByLabel('Organization name').fill('Acme')
    await page.getByLabel('Your user name').fill('alice')
    await page.getByLabel('Your mail address').fill('alice@acme.test')
    await page.getByLabel('Password', { exact: true }).fill(password)
    await page.getByLabel('Password again').fill(password)
    await page.getByRole('button', { name: 'Continue' }).click()
    secret = ((await page.locator('#totp-secret').textContent()) ?? '').replaceAll(' ', '')
    await page.getByLabel('Code that the app shows now').fill(await freshCode())
    await page.getByRole('button', { name: 'Confirm' }).click()
    await page.getByLabel('I have put these codes in a safe place.').check()
    await page.getByRole('button', { name: 'Finish' }).click()
    await page.getByRole('heading', { name: 'Your apps' }).waitFor()
    expect(person.complaints).toEqual([])
    await person.close()
  })

  it.each([
    ['with script', true],
    ['without script', false],
  ])(
    'signs in to an app on another origin, %s, and to the next one without a question',
    async (_, javaScriptEnabled) => {
      const organization = await findOrganization(database)
      const clientId = `app-${javaScriptEnabled}`
      await database.transaction(async (tx) => {
        const { appId } = await putApp(tx, systemClock, {
          accountId: organization?.homeAccountId ?? '',
          kind: 'oidc',
          name: clientId,
        })
        await putOidcClient(tx, systemClock, {
          clientId,
          appId,
          metadata: {
            redirect_uris: [`${appUrl()}/callback`],
            grant_types: ['authorization_code'],
            response_types: ['code'],
            token_endpoint_auth_method: 'none',
          },
        })
      })
      const authorize = `${server.url}/oauth2/authorize?${new URLSearchParams({
        client_id: clientId,
        redirect_uri: `${appUrl()}/callback`,
        response_type: 'code',
        scope: 'openid',
        state: 'state-of-the-app',
        code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
        code_challenge_method: 'S256',
      })}`
      callbacks.length = 0
      const person = await visit(browser, { javaScriptEnabled })
      const { page } = person
      await page.goto(authorize)
      await page.getByLabel('User name or mail address').fill('alice')
      await page.getByRole('button', { name: 'Next' }).click()
      await page.getByLabel('Password', { exact: true }).fill(password)
      await page.getByRole('button', { name: 'Sign in' }).click()
      await page.getByLabel('Code from your authenticator app').fill(await freshCode())
      await page.getByRole('button', { name: 'Continue' }).click()
      await page.getByRole('heading', { name: 'The app' }).waitFor()
      expect(callbacks).toHaveLength(1)
      expect(callbacks[0]).toMatch(/^\/callback\?code=[^&]+&state=state-of-the-app/)

      await page.goto(authorize)
      await page.getByRole('heading', { name: 'The app' }).waitFor()
      expect(callbacks).toHaveLength(2)
      expect(person.complaints).toEqual([])
      await person.close()
    },
  )
})
