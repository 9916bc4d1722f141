/**
 * Writes the README's pictures to docs/pictures: npm run shots. Needs what npm run test:peers installs.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { launchChromium } from '../test/peers/support/chromium.ts'
import { account, people, startCompany } from '../test/peers/support/company.ts'
import { nextCode } from '../test/peers/support/sign-in.ts'

const folder = join(import.meta.dirname, '..', 'docs', 'pictures')
mkdirSync(folder, { recursive: true })
const company = await startCompany()
const role = (name: string, description: string, more: object = {}) => ({
  name,
  description,
  trust: {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { AWS: `arn:aws:iam::${account}:root` },
        Action: 'sts:AssumeRole',
        ...more,
      },
    ],
  },
})
await company.apply({
  roles: [
    role('Admin', 'Administer everything.', {
      Condition: { Bool: { 'aws:MultiFactorAuthPresent': 'true' } },
    }),
    role('OrdersDesk', 'Work on orders.'),
  ],
})
const browser = await launchChromium()
for (const colorScheme of ['light', 'dark'] as const) {
  const context = await browser.newContext({ viewport: { width: 960, height: 600 }, colorScheme })
  const page = await context.newPage()
  const shoot = (name: string) => page.screenshot({ path: join(folder, `${name}-${colorScheme}.png`) })
  await page.goto(company.url)
  await page.fill('#identifier', people.alice.name)
  await shoot('sign-in')
  await page.press('#identifier', 'Enter')
  await page.fill('#password', people.alice.password)
  await page.press('#password', 'Enter')
  await page.fill('#code', await nextCode(people.alice.seed))
  await page.press('#code', 'Enter')
  await page.waitForURL(/\/(portal)?$/)
  await page.goto(`${company.url}/portal/roles`)
  await shoot('roles')
  await context.close()
}
await browser.close()
await company.stop()
console.log(`Pictures are in ${folder}`)
