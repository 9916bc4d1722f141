import { AxeBuilder } from '@axe-core/playwright'
import Koa from 'koa'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openPages, serveAssets } from '#http'
import type { Shell } from '#http'
import { samples } from '../views/samples.ts'
import { launchChromium } from './support/chromium.ts'
import { describeWith } from './support/peer.ts'

/** The policy of interface.md §8, as a page without an editor gets it. */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
  "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"

const pages = openPages({ viewsDir: new URL('../../views/', import.meta.url).pathname })
const app = new Koa()
app.use(serveAssets(pages.assets))
app.use((ctx) => {
  const [, theme = '', index = '', ...name] = ctx.path.split('/')
  const variants: readonly object[] = samples[name.join('/') as keyof typeof samples]
  ctx.set('Content-Security-Policy', policy)
  ctx.type = 'html'
  // The hand-over page would leave at once; what it looks like is what counts here.
  ctx.body = pages
    .render(name.join('/'), variants[Number(index)] ?? {}, { language: 'en', theme: theme as Shell['theme'] })
    .replace(/<meta http-equiv="refresh"[^>]*>/, '')
})
const answer = app.callback()
const server = createServer((incoming, outgoing) => void answer(incoming, outgoing))
let browser: Browser
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  browser = await launchChromium()
})
afterAll(async () => {
  await browser.close()
  await new Promise<unknown>((resolve) => server.close(resolve))
})

const shots = process.env['SHOTS']
const only = process.env['PAGES']
const windows = (['light', 'dark'] as const).flatMap((theme) =>
  [320, 1280].map((width) => ({ theme, width })),
)
const cases = Object.entries(samples)
  .filter(([name]) => only === undefined || name.startsWith(only))
  .flatMap(([name, variants]) => variants.map((_, index) => ({ name, index })))

describeWith('chromium')('in Chromium', () => {
  describe.each(windows)('$theme, $width px', ({ theme, width }) => {
    let page: Page
    const complaints: string[] = []
    beforeAll(async () => {
      const context = await browser.newContext({ viewport: { width, height: 800 } })
      page = await context.newPage()
      page.on('console', (message) => complaints.push(message.text()))
      page.on('pageerror', (error) => complaints.push(error.message))
    })
    afterAll(() => page.context().close())

    it.each(cases)(
      '$name ($index) is accessible, has nothing blocked and nothing wider than the window',
      async ({ name, index }) => {
        complaints.length = 0
        const { port } = server.address() as AddressInfo
        await page.goto(`http://127.0.0.1:${port}/${theme}/${index}/${name}`)
        const found = await new AxeBuilder({ page })
          .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'])
          .analyze()
        expect(
          found.violations.flatMap(({ id, nodes }) =>
            nodes.map((node) => `${id}: ${node.html} ${node.failureSummary}`),
          ),
        ).toEqual([])
        // A string, because the test's own types know no browser.
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width)
        expect(complaints).toEqual([])
        if (shots !== undefined)
          await page.screenshot({
            path: `${shots}/${name.replace('/', '-')}-${index}-${theme}-${width}.png`,
            fullPage: true,
          })
      },
    )
  })
})
