import { setTimeout } from 'node:timers/promises'
import { generate } from 'otplib'
import type { Page } from 'playwright-core'

export type Person = { readonly name: string; readonly password: string; readonly seed?: string | undefined }

const used = new Map<string, string>()

/** The person's next code: each is good once, so a second one within the same half minute has to wait for the next. */
export async function nextCode(seed: string): Promise<string> {
  for (;;) {
    const code = await generate({ secret: seed })
    if (used.get(seed) !== code) {
      used.set(seed, code)
      return code
    }
    await setTimeout(500)
  }
}

/** Waits for an element; a failure tells what the page says instead. */
export async function shows(page: Page, selector: string): Promise<void> {
  try {
    await page.waitForSelector(selector, { timeout: 20_000 })
  } catch {
    const text = (await page.textContent('body')) ?? ''
    throw new Error(`${selector} is not at ${page.url()}: ${text.replaceAll(/\s+/g, ' ')}`)
  }
}

/** Waits for an address; a failure tells what the page says instead. */
export async function leadsTo(page: Page, url: string): Promise<void> {
  try {
    await page.waitForURL(url, { timeout: 20_000 })
  } catch {
    const text = (await page.textContent('body')) ?? ''
    throw new Error(`${page.url()} is not ${url}: ${text.replaceAll(/\s+/g, ' ')}`)
  }
}

async function fill(page: Page, selector: string, text: string): Promise<void> {
  await shows(page, selector)
  await page.fill(selector, text)
  await page.press(selector, 'Enter')
}

/** Fills the sign-in pages that a browser has been led to, step by step, as the person. */
export async function signIn(page: Page, person: Person): Promise<void> {
  await fill(page, '#identifier', person.name)
  await fill(page, '#password', person.password)
  if (person.seed === undefined) return
  await shows(page, '#code')
  await fill(page, '#code', await nextCode(person.seed))
}
