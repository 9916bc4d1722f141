import { generate } from 'otplib'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { listEvents } from '#audit'
import { type Database, sql } from '#database'
import { findUserByName } from '#directory'
import { Router } from '#http'
import { attachedPolicies, findOrganization } from '#iam'
import { factorsOf } from '#mfa'
import { newSetupLink, setupRoutes, unclaimedPages } from '#setup'
import { Browser, type Page, textOf } from '../support/browser.ts'
import { testDatabase } from '../support/database.ts'
import { fixedClock } from '../support/fixtures.ts'
import { openWeb, type Web } from '../support/web.ts'

const clock = fixedClock()
let database: Database
let web: Web
let browser: Browser

beforeAll(async () => {
  database = await testDatabase()
  web = await openWeb(database, clock, (needs) => {
    const first = new Router()
    first.get('/', (ctx) => {
      ctx.body = 'portal'
    })
    return [unclaimedPages(needs), first, setupRoutes(needs)]
  })
})
afterAll(async () => {
  await web.close()
  await database.close()
})
beforeEach(async () => {
  browser = new Browser()
  await database.query(sql`delete from organization`)
})

const newLink = () => newSetupLink({ database, clock, publicUrl: new URL(web.url) })
const good = {
  organization: 'Acme & Sons',
  userName: 'alice',
  mail: 'alice@example.com',
  password: 'violet kettle umbrella',
  passwordAgain: 'violet kettle umbrella',
}
let number = 0
/** Accounts and users stay from test to test; a name of its own keeps them apart. */
const filled = () => ({ ...good, userName: `alice-${++number}`, mail: `alice-${number}@example.com` })
const secretOf = (page: Page) =>
  (/id="totp-secret">([A-Z2-7 ]+)</.exec(page.html)?.[1] ?? '').replaceAll(' ', '')
const codeOf = (page: Page) =>
  generate({ secret: secretOf(page), epoch: Math.floor(clock().epochMilliseconds / 1000) })

describe('an instance without an owner', () => {
  it('says on its pages where the setup link is', async () => {
    for (const path of ['/', '/login/x', '/portal/roles']) {
      const page = await browser.open(web.url + path)
      expect(page.title).toBe('This Signet has no owner yet · Signet')
      expect(textOf(page)).toContain('signet setup-link')
    }
  })

  it('is claimed by the link: organization, first administrator, authenticator app, recovery codes, signed in', async () => {
    const link = await newLink()
    const welcome = await browser.open(link)
    expect(welcome.url).toBe(`${web.url}/setup`)
    expect(welcome.title).toBe('Set up Signet · Signet')
    const values = filled()
    const totp = await browser.submit(welcome, values)
    expect(totp.title).toBe('Add your authenticator app · Signet')
    expect(await findOrganization(database)).toBeUndefined()
    const wrong = await browser.submit(totp, { code: '000000' })
    expect(wrong.status).toBe(422)
    expect(secretOf(wrong)).toBe(secretOf(totp))
    const keep = await browser.submit(wrong, { code: await codeOf(wrong) })
    expect(keep.html.match(/<li>(?:[A-Z2-7]{4}-){5}[A-Z2-7]{4}<\/li>/g)).toHaveLength(10)
    const portal = await browser.submit(keep, { kept: 'yes' })
    expect(portal.html).toBe('portal')

    const organization = await findOrganization(database)
    expect(organization?.name).toBe('Acme & Sons')
    expect(organization?.homeAccountId).toMatch(/^\d{12}$/)
    const user = await findUserByName(database, organization?.homeAccountId ?? '', values.userName)
    expect(user?.mail).toBe(values.mail)
    expect(await attachedPolicies(database, user?.userId ?? '')).toEqual([
      'arn:aws:iam::aws:policy/AdministratorAccess',
    ])
    expect(await factorsOf(database, user?.userId ?? '')).toMatchObject({
      totp: [{ serialNumber: `arn:aws:iam::${organization?.homeAccountId}:mfa/${values.userName}` }],
      recoveryCodesLeft: 10,
    })
    const names = (await listEvents(database)).map(
      ({ body }) => (JSON.parse(body) as { eventName: string }).eventName,
    )
    expect(names).toEqual(
      expect.arrayContaining([
        'CreateOrganization',
        'CreateUser',
        'CreateLoginProfile',
        'AttachUserPolicy',
        'EnableMFADevice',
        'CreateRecoveryCodes',
        'ConsoleLogin',
      ]),
    )
    const again = await browser.open(link)
    expect(again.status).toBe(410)
    expect(textOf(again)).toContain('already has an administrator')
    await expect(newLink()).rejects.toMatchObject({ reason: 'setup/claimed' })
  })

  it('shows every mistake of the first form beside its field and keeps what was typed', async () => {
    const welcome = await browser.open(await newLink())
    const page = await browser.submit(welcome, {
      organization: '',
      userName: 'alice smith',
      mail: 'nowhere',
      password: 'short',
      passwordAgain: 'other',
    })
    expect(page.status).toBe(422)
    expect(page.title).toMatch(/^Error: /)
    expect(page.html).toContain('value="alice smith"')
    for (const field of ['organization', 'user-name', 'mail', 'password', 'password-again'])
      expect(page.html).toContain(`id="${field}-wrong"`)
    expect(page.html).not.toContain('value="short"')
  })

  it.each([
    ['password1234', 'lists of common passwords'],
    ['acmeacme & so on', 'contains'],
    ['aaaaaaaaaaaaaaa', 'guessed'],
  ])('refuses the password %s and says why', async (password, why) => {
    const welcome = await browser.open(await newLink())
    const page = await browser.submit(welcome, {
      ...filled(),
      organization: 'AcmeAcme',
      password,
      passwordAgain: password,
    })
    expect(page.status).toBe(422)
    expect(textOf(page)).toContain(why)
  })
})

describe('a setup link', () => {
  it('is over after 30 minutes, and the page says how to print a new one', async () => {
    const link = await newLink()
    clock.advance({ minutes: 30 })
    const page = await browser.open(link)
    expect(page.status).toBe(410)
    expect(textOf(page)).toContain('more than 30 minutes old')
    expect(textOf(page)).toContain('signet setup-link')
  })

  it('is void once there is a newer one', async () => {
    const old = await newLink()
    await newLink()
    expect(textOf(await browser.open(old))).toContain('a newer one has taken its place')
  })

  it('that nobody made is refused', async () => {
    await newLink()
    expect((await browser.open(`${web.url}/setup/${'x'.repeat(43)}`)).status).toBe(410)
  })

  it('makes one owner when it is finished twice at once', async () => {
    const totp = await browser.submit(await browser.open(await newLink()), filled())
    const keep = await browser.submit(totp, { code: await codeOf(totp) })
    const answers = await Promise.all([1, 2, 3].map(() => browser.submit(keep, { kept: 'yes' })))
    expect(answers.every(({ status }) => status === 200 || status === 410)).toBe(true)
    const { rows } = await database.query(sql`select name from organization`)
    expect(rows).toHaveLength(1)
    const users = await database.query(sql`select name from users where name = ${`alice-${number}`}`)
    expect(users.rows).toHaveLength(1)
  })

  it('cannot be finished without confirming the app', async () => {
    const totp = await browser.submit(await browser.open(await newLink()), filled())
    const skipped = await browser.submit(
      totp,
      { code: '000000', step: 'codes', kept: 'yes' },
      { form: () => true },
    )
    expect(skipped.title).toBe('Add your authenticator app · Signet')
    expect(await findOrganization(database)).toBeUndefined()
  })

  it('is not in the database, and neither is what was entered', async () => {
    const link = await newLink()
    const totp = await browser.submit(await browser.open(link), filled())
    const { rows } = await database.query<{ token_hash: Buffer; draft: Buffer }>(
      sql`select token_hash, draft from setup_link`,
    )
    const dump = rows
      .map(({ token_hash, draft }) => token_hash.toString('latin1') + draft.toString('latin1'))
      .join()
    for (const secret of [link.split('/').at(-1) ?? '', secretOf(totp), 'alice', '$argon2'])
      expect(dump).not.toContain(secret)
  })

  it('takes only a form of its own browser', async () => {
    const welcome = await browser.open(await newLink())
    const thief = new Browser()
    const page = await thief.submit(welcome, filled())
    expect(page.status).toBe(403)
    expect(web.errors).toEqual([])
  })
})
