import {
  chromium,
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  type Page,
} from 'playwright-core'

/** Debian's Chromium without a window, which reaches nothing but this machine. */
export const launchChromium = (): Promise<Browser> =>
  chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1',
    ],
  })

/** A browser window of its own (own cookies), and every complaint its pages made: blocked by CSP, errors, broken files. */
export type Visitor = {
  readonly context: BrowserContext
  readonly page: Page
  readonly complaints: readonly string[]
  /** Another tab of the same window. */
  tab(): Promise<Page>
  close(): Promise<void>
}

/** Opens a window for one person. */
export async function visit(browser: Browser, options: BrowserContextOptions = {}): Promise<Visitor> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options })
  const complaints: string[] = []
  const tab = async (): Promise<Page> => {
    const page = await context.newPage()
    page.on('console', (message) => {
      // A page that is itself an answer of 400 or more is told as a file that failed to load; its files count.
      const isItself =
        message.text().startsWith('Failed to load resource') && message.location().url === page.url()
      if (!isItself && (message.type() === 'error' || message.type() === 'warning')) {
        complaints.push(`${page.url()}: ${message.text()}`)
      }
    })
    page.on('pageerror', (error) => complaints.push(`${page.url()}: ${error.message}`))
    return page
  }
  return { context, page: await tab(), complaints, tab, close: () => context.close() }
}
