import { generate } from 'otplib'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { listEvents } from '#audit'
import { putApp } from '#apps'
import { type Database, sql } from '#database'
import {
  createUser,
  type PasswordPolicy,
  putPasswordPolicy,
  removePasswordPolicy,
  setPasswordHash,
  updateUser,
  type User,
} from '#directory'
import { Router } from '#http'
import { attachPolicy, putInlinePolicy } from '#iam'
import { type Failure, Secret } from '#kernel'
import { addTotp, newRecoveryCodes, replaceRecoveryCodes } from '#mfa'
import type { Factor } from '#sessions'
import { assess, begin, finishUpstream, type Requirement, type SignInResult, signinRoutes } from '#signin'
import { Browser, formsOf, textOf } from '../support/browser.ts'
import { testDatabase } from '../support/database.ts'
import { claim, fixedClock, home } from '../support/fixtures.ts'
import { openWeb, type Web } from '../support/web.ts'

const clock = fixedClock()
const seed = new Secret('JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP')
const codes = newRecoveryCodes()
const results: (SignInResult & { reference: string })[] = []
let database: Database
let web: Web
let requirement: Requirement

/** Requests a sign-in for the requirement of the moment, as a protocol would. */
const start = (browser: Browser, path = '/begin') => browser.open(web.url + path)
const codeNow = () => generate({ secret: seed.reveal(), epoch: Math.floor(clock().epochMilliseconds / 1000) })

beforeAll(async () => {
  database = await testDatabase()
  await claim(database, clock)
  web = await openWeb(
    database,
    clock,
    (needs) => {
      const probe = new Router()
      probe.get('/begin', async (ctx) => {
        ctx.redirect(await begin(needs, { kind: 'probe', reference: 'ref-1', requirement, ctx }))
      })
      probe.get('/assess', async (ctx) => {
        const session = await needs.sessions.current(ctx)
        const from = { id: 'r', at: clock(), ip: '127.0.0.1', userAgent: '', secure: false }
        ctx.body = (await assess(needs, { session, requirement, from })).state
      })
      // Several proofs at once, each from a tab that has read the session before any of the others was done.
      probe.get('/rise', async (ctx) => {
        const session = await needs.sessions.current(ctx)
        if (session === undefined) throw new Error('nobody is signed in')
        if (ctx.querystring === 'ended')
          await database.transaction((tx) => needs.sessions.revoke(tx, session.userId, session.family))
        const rise = (factor: Factor) =>
          database.transaction((tx) => needs.sessions.strengthen(tx, ctx, session, [{ factor, at: clock() }]))
        ctx.body = (await Promise.allSettled((['totp', 'passkey', 'recovery-code'] as const).map(rise)))
          .map((each) => (each.status === 'fulfilled' ? 'risen' : (each.reason as Failure).reason))
          .join(' ')
      })
      probe.get('/upstream/back', async (ctx) => {
        const [pendingId = '', userId = '', mfa] = ctx.querystring.split(',')
        ctx.redirect(await finishUpstream(needs, { pendingId, userId, mfa: mfa === 'mfa' }))
      })
      return [probe, signinRoutes(needs)]
    },
    {
      resumers: {
        probe: async (reference, result) => {
          results.push({ ...result, reference })
          return `https://app.example.com/callback?state=${result.state}`
        },
      },
      upstream: {
        homeConnection: async (domain) => (domain === 'corp.example' ? { id: 'corp' } : undefined),
        buttons: async () => [{ id: 'corp', label: 'Corp' }],
        start: async (_, { connection, pendingId }) =>
          `https://idp.example.com/${connection}?pending=${pendingId}`,
      },
    },
  )
})
afterAll(async () => {
  await web.close()
  await database.close()
})

let number = 0
let user: User
let browser: Browser
const password = 'correct horse battery staple'

beforeEach(async () => {
  results.length = 0
  requirement = { requireMfa: false }
  browser = new Browser()
  user = await createUser(database, clock, {
    accountId: home,
    name: `Alice${++number}`,
    mail: `alice${number}@example.com`,
    mailVerified: true,
  })
  const phc = await web.needs.hasher.hash(password)
  await setPasswordHash(database, clock, { userId: user.userId, phc })
  clock.advance({ minutes: 20 })
})

const giveTotp = () => addTotp(database, web.needs, { user, seed })
const identify = async (who = user.name, page?: Awaited<ReturnType<typeof start>>) =>
  browser.submit(page ?? (await start(browser)), { identifier: who })
const signIn = async () => browser.submit(await identify(), { password })
const events = async (name: string) =>
  (await listEvents(database, { name, limit: 1000 })).map(
    ({ body }) => JSON.parse(body) as { userIdentity: { principalId: string; arn: string } },
  )

describe('a sign-in with a password', () => {
  it('goes by name, password and a page that moves on to the app', async () => {
    const go = await signIn()
    expect(go.status).toBe(200)
    expect(go.url).toMatch(/\/go\/[\w-]{43}$/)
    expect(go.title).toBe('Signing you in · Signet')
    expect(go.headers.get('cache-control')).toBe('no-store')
    expect(Browser.onward(go)).toBe('https://app.example.com/callback?state=signed-in')
    expect(results).toMatchObject([{ reference: 'ref-1', state: 'signed-in', user: { userId: user.userId } }])
  })

  it('takes a verified mail address for the name, in any case', async () => {
    await browser.submit(await identify(user.mail?.toUpperCase()), { password })
    expect(results).toMatchObject([{ user: { userId: user.userId } }])
  })

  it('leaves an event with how it was proved, in CloudTrail’s words', async () => {
    await signIn()
    const event = (await events('ConsoleLogin')).find(
      ({ userIdentity }) => userIdentity.principalId === user.userId,
    )
    expect(event).toMatchObject({
      eventSource: 'signin.signet',
      responseElements: { ConsoleLogin: 'Success' },
      additionalEventData: { MFAUsed: 'No', amr: ['pwd'] },
      sourceIPAddress: '127.0.0.1',
    })
  })

  it('gives the browser another session id than it had before', async () => {
    await signIn()
    const first = browser.cookies.get('session')
    requirement = { requireMfa: false, forceSince: clock() }
    clock.advance({ seconds: 5 })
    await signIn()
    expect(browser.cookies.get('session')).not.toBe(first)
    const { rows } = await database.query(
      sql`select family from browser_session where user_id = ${user.userId}`,
    )
    expect(rows).toHaveLength(1)
  })

  it('asks nothing the second time', async () => {
    await signIn()
    const second = await start(browser)
    expect(second.url).toContain('/go/')
    expect(results).toHaveLength(2)
    expect((await browser.open(`${web.url}/assess`)).html).toBe('satisfied')
  })
})

describe('a second factor', () => {
  beforeEach(giveTotp)

  it('is asked for after the password when the user has one', async () => {
    const page = await signIn()
    expect(page.title).toBe('Enter your code · Signet')
    expect(results).toEqual([])
    await browser.submit(page, { code: await codeNow() })
    expect(results).toMatchObject([{ state: 'signed-in' }])
    expect(results[0]).toMatchObject({
      session: { authentications: [{ factor: 'password' }, { factor: 'totp' }] },
    })
  })

  it('may be a recovery code', async () => {
    await database.transaction((tx) =>
      replaceRecoveryCodes(tx, web.needs, { user, codes, request: undefined }),
    )
    const page = await signIn()
    const recovery = await browser.submit(page, { do: 'use-recovery-code' })
    expect(recovery.title).toBe('Use a recovery code · Signet')
    await browser.submit(recovery, { 'recovery-code': codes[3] ?? '' })
    expect(results).toMatchObject([{ state: 'signed-in' }])
  })

  it('shows what was wrong beside the field, in an alert and in the title', async () => {
    const page = await browser.submit(await signIn(), { code: '000000' })
    expect(page.status).toBe(422)
    expect(page.title).toBe('Error: Enter your code · Signet')
    expect(page.html).toMatch(/role="alert"[\s\S]*That code is not right/)
    await browser.submit(page, { code: await codeNow() })
    expect(results).toHaveLength(1)
  })

  it('is added on top when an app wants it and the session has none', async () => {
    await database.query(sql`delete from totp_device where user_id = ${user.userId}`)
    await signIn()
    await giveTotp()
    requirement = { requireMfa: true }
    expect((await browser.open(`${web.url}/assess`)).html).toBe('interact')
    const page = await start(browser)
    expect(page.title).toBe('Enter your code · Signet')
    await browser.submit(page, { code: await codeNow() })
    expect(results.at(-1)).toMatchObject({
      session: { authentications: [{ factor: 'password' }, { factor: 'totp' }] },
    })
    expect((await browser.open(`${web.url}/assess`)).html).toBe('satisfied')
  })

  it('is not asked for again within the session', async () => {
    await browser.submit(await signIn(), { code: await codeNow() })
    requirement = { requireMfa: true }
    expect((await start(browser)).url).toContain('/go/')
  })
})

describe('a user without a second factor who needs one', () => {
  it('sets up an authenticator app and keeps recovery codes on the way', async () => {
    requirement = { requireMfa: true }
    const enrol = await signIn()
    expect(enrol.title).toBe('Set up a second factor · Signet')
    expect(enrol.html).toContain('<svg')
    const secret = (/id="totp-secret">([A-Z2-7 ]+)</.exec(enrol.html)?.[1] ?? '').replaceAll(' ', '')
    expect(secret).toHaveLength(32)

    const wrong = await browser.submit(enrol, { code: '000000' })
    expect(wrong.html).toContain(secret.slice(0, 4))
    const code = await generate({ secret, epoch: Math.floor(clock().epochMilliseconds / 1000) })
    const keep = await browser.submit(wrong, { code })
    expect(keep.title).toBe('Keep your recovery codes · Signet')
    expect(keep.html.match(/<li>(?:[A-Z2-7]{4}-){5}[A-Z2-7]{4}<\/li>/g)).toHaveLength(10)
    expect(results).toEqual([])
    const again = await browser.submit(keep, {})
    expect(again.title).toBe('Keep your recovery codes · Signet')
    await browser.submit(again, { kept: 'yes' })
    expect(results).toMatchObject([{ state: 'signed-in' }])
  })
})

describe('a password that somebody else set', () => {
  const change = (mustChange: boolean) =>
    web.needs.hasher
      .hash(password)
      .then((phc) => setPasswordHash(database, clock, { userId: user.userId, phc, mustChange }))

  it('is changed on the way, and not to itself or a weak one', async () => {
    await change(true)
    const page = await signIn()
    expect(page.title).toBe('Choose a new password · Signet')
    for (const [wanted, why] of [
      ['short', 'Use at least 15 characters'],
      [password, 'the password that you are to change'],
    ] as const) {
      const again = await browser.submit(page, { 'new-password': wanted })
      expect(again.status).toBe(422)
      expect(textOf(again)).toContain(why)
    }
    expect(results).toEqual([])
    await browser.submit(page, { 'new-password': 'marble ladder october fig' })
    expect(results).toMatchObject([{ state: 'signed-in' }])
    expect((await browser.open(`${web.url}/assess`)).html).toBe('satisfied')
    browser = new Browser()
    expect((await signIn()).status).toBe(422)
  })

  it('is not asked for before the second factor', async () => {
    await change(true)
    await giveTotp()
    const code = await signIn()
    expect(code.title).toBe('Enter your code · Signet')
    const page = await browser.submit(code, { code: await codeNow() })
    expect(page.title).toBe('Choose a new password · Signet')
  })
})

describe('the account’s password policy', () => {
  const policy = (more: Partial<PasswordPolicy>) =>
    putPasswordPolicy(database, home, {
      minimumLength: 10,
      requireSymbols: false,
      requireNumbers: false,
      requireUppercase: false,
      requireLowercase: false,
      allowUsersToChange: true,
      maxAgeDays: undefined,
      reusePrevention: undefined,
      hardExpiry: false,
      ...more,
    })
  afterEach(() => removePasswordPolicy(database, home))
  const mustChange = async () => {
    const phc = await web.needs.hasher.hash(password)
    await setPasswordHash(database, clock, { userId: user.userId, phc, mustChange: true })
  }

  it('decides what a new password is like, in place of the usual length', async () => {
    await policy({ requireSymbols: true, requireNumbers: true, requireUppercase: true })
    await mustChange()
    const page = await signIn()
    for (const [wanted, why] of [
      ['fig ladde', 'Use at least 10 characters'],
      ['marble ladder fig', 'Use at least one capital letter'],
      ['Marble ladder fig', 'Use at least one digit'],
      ['Marble ladder 4 fig', 'Use at least one of these signs'],
    ] as const) {
      const again = await browser.submit(page, { 'new-password': wanted })
      expect(textOf(again)).toContain(why)
    }
    await browser.submit(page, { 'new-password': 'Ladder 4 fig+' })
    expect(results).toMatchObject([{ state: 'signed-in' }])
  })

  it('keeps former passwords from coming back', async () => {
    await policy({ reusePrevention: 1 })
    await setPasswordHash(database, clock, {
      userId: user.userId,
      phc: await web.needs.hasher.hash('marble ladder october fig'),
    })
    await mustChange()
    const page = await signIn()
    const again = await browser.submit(page, { 'new-password': 'marble ladder october fig' })
    expect(textOf(again)).toContain('You have used this password before')
    await browser.submit(page, { 'new-password': 'another ladder october fig' })
    expect(results).toMatchObject([{ state: 'signed-in' }])
  })

  it('has an old password changed at sign-in', async () => {
    await policy({ maxAgeDays: 1 })
    expect((await signIn()).title).not.toBe('Choose a new password · Signet')
    browser = new Browser()
    clock.advance({ hours: 24 })
    const page = await signIn()
    expect(page.title).toBe('Choose a new password · Signet')
    await browser.submit(page, { 'new-password': 'marble ladder october fig' })
    expect(results.at(-1)).toMatchObject({ state: 'signed-in' })
  })

  it('that expires hard lets nobody in until an administrator sets another', async () => {
    await policy({ maxAgeDays: 1, hardExpiry: true })
    clock.advance({ hours: 24 })
    const page = await signIn()
    expect(page.status).toBe(403)
    expect(textOf(page)).toContain('Your password has expired')
    expect(results).toEqual([])
  })
})

describe('another identity provider', () => {
  it('is gone to by the mail domain, known user or not', async () => {
    for (const who of ['somebody@corp.example', 'nobody@CORP.example']) {
      const go = await identify(who)
      expect(Browser.onward(go)).toMatch(/^https:\/\/idp\.example\.com\/corp\?pending=[\w-]{43}$/)
    }
  })

  it('is gone to by its button, and who comes back is signed in', async () => {
    const page = await start(browser)
    expect(textOf(page)).toContain('Continue with Corp')
    const go = await browser.submit(page, { connection: 'corp' })
    const pendingId = /pending=([\w-]+)/.exec(Browser.onward(go) ?? '')?.[1] ?? ''
    const back = await browser.open(`${web.url}/upstream/back?${pendingId},${user.userId}`)
    expect(back.url).toContain('/go/')
    expect(results).toMatchObject([{ user: { userId: user.userId } }])
    expect(results[0]).toMatchObject({ session: { authentications: [{ factor: 'upstream' }] } })
  })

  it('does not stand in for a second factor that an app wants', async () => {
    requirement = { requireMfa: true }
    await giveTotp()
    const go = await browser.submit(await start(browser), { connection: 'corp' })
    const pendingId = /pending=([\w-]+)/.exec(Browser.onward(go) ?? '')?.[1] ?? ''
    const back = await browser.open(`${web.url}/upstream/back?${pendingId},${user.userId}`)
    expect(back.title).toBe('Enter your code · Signet')
  })

  it('does not end in another browser than the one that went there', async () => {
    const go = await browser.submit(await start(browser), { connection: 'corp' })
    const pendingId = /pending=([\w-]+)/.exec(Browser.onward(go) ?? '')?.[1] ?? ''
    const thief = new Browser()
    const back = await thief.open(`${web.url}/upstream/back?${pendingId},${user.userId}`)
    expect(back.status).toBe(410)
    expect(thief.cookies.has('session')).toBe(false)
    expect(results).toEqual([])
  })
})

describe('who may use an app', () => {
  const app = async (more: { access: 'everyone' | 'policy' }) => {
    const made = await putApp(database, clock, {
      accountId: home,
      kind: 'oidc',
      name: `app-${number}`,
      ...more,
    })
    requirement = { requireMfa: false, app: { id: made.appId, name: made.name, arn: made.arn } }
    return made
  }
  const policy = (statement: object) =>
    putInlinePolicy(
      database,
      user.userId,
      'p',
      JSON.stringify({ Version: '2012-10-17', Statement: [statement] }),
    )

  it('is everyone for an app of everyone', async () => {
    await app({ access: 'everyone' })
    await signIn()
    expect(results).toMatchObject([{ state: 'signed-in' }])
  })

  it('is who a policy allows, else a page says so and leads back', async () => {
    const { arn, name } = await app({ access: 'policy' })
    const denied = await signIn()
    expect(denied.status).toBe(403)
    expect(denied.title).toBe('Error: You have no access · Signet')
    expect(textOf(denied)).toContain(`${user.name} is not allowed to use ${name}`)
    const go = await browser.submit(denied, { do: 'give-up' })
    expect(Browser.onward(go)).toBe('https://app.example.com/callback?state=denied')
    expect(results).toMatchObject([{ state: 'denied', reason: 'No policy allows it.' }])
    expect(browser.cookies.has('session')).toBe(false)

    await policy({ Effect: 'Allow', Action: 'signet:SignIn', Resource: arn })
    await signIn()
    expect(results.at(-1)).toMatchObject({ state: 'signed-in' })
  })

  it('is not who a policy denies, even for an app of everyone', async () => {
    const { arn } = await app({ access: 'everyone' })
    await policy({ Effect: 'Deny', Action: 'signet:SignIn', Resource: arn })
    expect((await signIn()).status).toBe(403)
  })

  it('is asked for a second factor when only that is missing', async () => {
    const { arn } = await app({ access: 'policy' })
    await policy({
      Effect: 'Allow',
      Action: 'signet:SignIn',
      Resource: arn,
      Condition: { Bool: { 'aws:MultiFactorAuthPresent': 'true' } },
    })
    const page = await signIn()
    expect(page.title).toBe('Set up a second factor · Signet')
  })

  it('can be another user', async () => {
    await attachPolicy(database, user.userId, 'arn:aws:iam::aws:policy/AdministratorAccess')
    const admin = user
    await app({ access: 'policy' })
    const other = await createUser(database, clock, { accountId: home, name: `other-${number}` })
    const phc = await web.needs.hasher.hash(password)
    await setPasswordHash(database, clock, { userId: other.userId, phc })
    const denied = await browser.submit(await identify(other.name), { password })
    expect(denied.status).toBe(403)
    const anew = await browser.submit(denied, { do: 'restart' })
    await browser.submit(await identify(admin.name, anew), { password })
    expect(results).toMatchObject([{ state: 'signed-in', user: { userId: admin.userId } }])
  })
})

describe('a fresh proof', () => {
  it('is asked for when the last one is older than max_age', async () => {
    await signIn()
    clock.advance({ minutes: 10 })
    requirement = { requireMfa: false, maxAgeSeconds: 300 }
    const page = await start(browser)
    expect(page.title).toBe('Sign in · Signet')
    expect(textOf(page)).toContain('Please confirm that it is you')
    expect(page.html).toContain(`value="${user.name}"`)
    await browser.submit(await browser.submit(page, { identifier: user.name }), { password })
    expect(results).toHaveLength(2)
    expect((await browser.open(`${web.url}/assess`)).html).toBe('satisfied')
  })

  it('is asked for when the app says so', async () => {
    await signIn()
    requirement = { requireMfa: false, forceSince: clock() }
    expect((await start(browser)).title).toBe('Sign in · Signet')
  })
})

describe('refuses', () => {
  it('a wrong password, an unknown user, a disabled user and a user without a password in the same words', async () => {
    const none = await createUser(database, clock, { accountId: home, name: `none-${number}` })
    const off = await createUser(database, clock, { accountId: home, name: `off-${number}` })
    const phc = await web.needs.hasher.hash(password)
    await setPasswordHash(database, clock, { userId: off.userId, phc })
    await updateUser(database, off.userId, { status: 'disabled' })
    const pages = []
    for (const [who, what] of [
      [user.name, 'wrong'],
      ['nobody-of-this-name', password],
      [off.name, password],
      [none.name, ''],
      ['a\u0000b', password],
    ] as const) {
      const at = await identify(who.replace('\u0000', ''))
      const page = await browser.submit(at, { password: what })
      pages.push({ status: page.status, text: textOf(page).replaceAll(who, 'WHO'), title: page.title })
    }
    expect(new Set(pages.map(({ status }) => status))).toEqual(new Set([422]))
    expect(new Set(pages.slice(0, 4).map(({ text }) => text)).size).toBe(1)
    expect(results).toEqual([])
  })

  it('to write a failed user name down', async () => {
    const typed = `my-secret-password-typed-as-name-${number}`
    await browser.submit(await identify(typed), { password: 'x' })
    const all = (await listEvents(database, { limit: 1000 })).map(({ body }) => body).join('\n')
    expect(all).toContain('HIDDEN_DUE_TO_SECURITY_REASONS')
    expect(all).not.toContain(typed)
    expect(all).toContain('"ConsoleLogin":"Failure"')
  })

  it('the eleventh try of strangers in 15 minutes in the same words, while the user’s own browser still gets in', async () => {
    await signIn()
    const own = browser
    browser = new Browser()
    for (let tries = 0; tries < 10; tries++) {
      const page = await browser.submit(await identify(), { password: `guess ${tries}` })
      expect(page.status).toBe(422)
    }
    const right = await signIn()
    expect(right.status).toBe(422)
    expect(results).toHaveLength(1)

    browser = own
    requirement = { requireMfa: false, forceSince: clock() }
    clock.advance({ seconds: 1 })
    await signIn()
    expect(results).toHaveLength(2)

    browser = new Browser()
    clock.advance({ minutes: 15 })
    await signIn()
    expect(results).toHaveLength(3)
  })

  it('a network that fails more than 100 times an hour', async () => {
    const key = web.needs.vault.mac('signin-bucket', ['network', '127.0.0.1'].join('\n'))
    await database.query(
      sql`insert into signin_bucket (key, points, since, until) values (${key}, 100, ${clock()}, ${clock().add({ hours: 1 })})
          on conflict (key) do update set points = 100, since = excluded.since, until = excluded.until`,
    )
    const page = await signIn()
    expect(page.status).toBe(429)
    expect(results).toEqual([])
    clock.advance({ hours: 1 })
    await signIn()
    expect(results).toHaveLength(1)
  })

  it('a network that tries more than 20 names in 10 minutes', async () => {
    for (let tries = 0; tries < 21; tries++)
      await browser.submit(await identify(`spray-${number}-${tries}`), { password: 'Winter2026!' })
    expect((await signIn()).status).toBe(429)
    clock.advance({ minutes: 11 })
    await signIn()
    expect(results).toHaveLength(1)
  })

  it('a form from another site, without a token, or with another interaction’s token', async () => {
    const page = await start(browser)
    const other = await start(browser)
    const foreign = formsOf(other)[0]?.fields['_csrf'] ?? ''
    for (const attempt of [
      browser.submit(page, { identifier: 'x' }, { headers: { origin: 'https://evil.example' } }),
      browser.submit(page, { identifier: 'x' }, { headers: { 'sec-fetch-site': 'cross-site' } }),
      browser.submit(page, { identifier: 'x', _csrf: '' }),
      browser.submit(page, { identifier: 'x', _csrf: foreign }),
    ])
      expect((await attempt).status).toBe(403)
  })

  it('another browser at an interaction that is under way', async () => {
    const page = await start(browser)
    const thief = new Browser()
    const theirs = await thief.open(page.url)
    expect(theirs.status).toBe(410)
    expect(textOf(theirs)).toContain('started in another browser')
  })

  it('another browser at a hand-over page, and anybody after five minutes', async () => {
    const go = await signIn()
    expect((await new Browser().open(go.url)).status).toBe(410)
    expect((await browser.open(go.url)).status).toBe(200)
    clock.advance({ minutes: 5 })
    expect((await browser.open(go.url)).status).toBe(410)
  })

  it('an interaction nobody began', async () => {
    expect((await browser.open(`${web.url}/login/${'x'.repeat(43)}`)).status).toBe(410)
    expect((await browser.open(`${web.url}/login/nothing`)).status).toBe(410)
  })
})

describe('stays whole', () => {
  /** Sends a form whose answer is lost, and with it its cookies, and sends it again. */
  async function submitTwice(...form: Parameters<Browser['submit']>) {
    const before = new Map(browser.cookies)
    await browser.submit(...form)
    browser.cookies.clear()
    for (const [name, value] of before) browser.cookies.set(name, value)
    return browser.submit(...form)
  }

  it('when five tabs sign in at the same time', async () => {
    const tabs = await Promise.all(Array.from({ length: 5 }, () => start(browser)))
    const asked = await Promise.all(tabs.map((tab) => browser.submit(tab, { identifier: user.name })))
    const done = await Promise.all(asked.map((tab) => browser.submit(tab, { password })))
    expect(done.map(({ status, url }) => [status, url.includes('/go/')])).toEqual(
      Array.from({ length: 5 }, () => [200, true]),
    )
    expect(results).toHaveLength(5)
  })

  it('when a session rises in three tabs at once: one new id, and every proof counts', async () => {
    await signIn()
    const before = browser.cookies.get('session')
    expect((await browser.open(`${web.url}/rise`)).html).toBe('risen risen risen')
    expect(browser.cookies.get('session')).not.toBe(before)
    expect((await browser.open(`${web.url}/assess`)).html).toBe('satisfied')
    const [session, ...others] = await web.needs.sessions.list(user.userId)
    expect(others).toEqual([])
    expect(session?.authentications.map(({ factor }) => factor).toSorted()).toEqual([
      'passkey',
      'password',
      'recovery-code',
      'totp',
    ])
  })

  it('when it was ended in one tab while another was proving more: it stays ended', async () => {
    await signIn()
    expect((await browser.open(`${web.url}/rise?ended`)).html).toBe(
      'sessions/ended sessions/ended sessions/ended',
    )
    expect((await browser.open(`${web.url}/assess`)).html).toBe('interact')
    expect(await web.needs.sessions.list(user.userId)).toEqual([])
  })

  it('when a form is sent twice at once: one sign-in, and both answers lead to the app', async () => {
    const page = await identify()
    const twice = await Promise.all([browser.submit(page, { password }), browser.submit(page, { password })])
    for (const answer of twice) {
      // The slower answer waits on a page that asks again until the faster one has settled where to go.
      let on = answer
      for (let round = 0; round < 20 && Browser.onward(on)?.startsWith(web.url) === true; round++)
        on = await browser.open(Browser.onward(on) ?? '')
      expect(Browser.onward(on)).toBe('https://app.example.com/callback?state=signed-in')
    }
    expect(results).toHaveLength(1)
  })

  it('when the last form is sent again after the answer was lost: the browser is signed in all the same', async () => {
    const again = await submitTwice(await identify(), { password })
    expect(Browser.onward(again)).toBe('https://app.example.com/callback?state=signed-in')
    expect((await browser.open(`${web.url}/assess`)).html).toBe('satisfied')
    expect(results).toHaveLength(1)
  })

  it('when that form was one more proof of somebody who was signed in already', async () => {
    await signIn()
    await giveTotp()
    requirement = { requireMfa: true }
    const page = await start(browser)
    expect(page.title).toBe('Enter your code · Signet')
    const again = await submitTwice(page, { code: await codeNow() })
    expect(Browser.onward(again)).toBe('https://app.example.com/callback?state=signed-in')
    expect((await browser.open(`${web.url}/assess`)).html).toBe('satisfied')
  })

  it('when the back button brings an old form: the present step is shown', async () => {
    await giveTotp()
    const first = await start(browser)
    const second = await browser.submit(first, { identifier: user.name })
    await browser.submit(second, { password })
    const back = await browser.submit(first, { identifier: 'somebody else' })
    expect(back.title).toBe('Enter your code · Signet')
    expect(textOf(back)).toContain(user.name)
  })

  it('after an hour: it begins anew, says so, and keeps the name that was typed', async () => {
    const page = await identify()
    clock.advance({ minutes: 61 })
    const anew = await browser.submit(page, { password })
    expect(anew.title).toBe('Sign in · Signet')
    expect(textOf(anew)).toContain('it starts again here')
    expect(anew.html).toContain(`value="${user.name}"`)
    await browser.submit(await browser.submit(anew, { identifier: user.name }), { password })
    expect(results).toHaveLength(1)
  })

  it('when the user is somebody else after all', async () => {
    const page = await identify('typo')
    const anew = await browser.submit(page, { do: 'restart' })
    expect(anew.title).toBe('Sign in · Signet')
    await browser.submit(await identify(user.name, anew), { password })
    expect(results).toHaveLength(1)
  })
})

describe('signing out', () => {
  it('asks, ends the session, and says so', async () => {
    await signIn()
    const ask = await browser.open(`${web.url}/signout`)
    expect(textOf(ask)).toContain(`You are signed in as ${user.name}`)
    const out = await browser.submit(ask)
    expect(out.title).toBe('You are signed out · Signet')
    expect(browser.cookies.has('session')).toBe(false)
    expect((await browser.open(`${web.url}/assess`)).html).toBe('interact')
    expect((await events('ConsoleLogout')).some(({ userIdentity }) => userIdentity.arn === user.arn)).toBe(
      true,
    )
  })

  it('takes a form of ours', async () => {
    await signIn()
    const forged = await browser.request(`${web.url}/signout`, { method: 'POST', body: 'a=b' })
    expect(forged.status).toBe(403)
    expect((await browser.open(`${web.url}/assess`)).html).toBe('satisfied')
  })
})

describe('the database', () => {
  it('holds no cookie, no interaction id and no hand-over id', async () => {
    const go = await signIn()
    const dump = JSON.stringify(
      await Promise.all([
        database.query(sql`select * from signin_pending`),
        database.query(sql`select * from signin_go`),
        database.query(sql`select * from known_device`),
        database.query(sql`select * from signin_bucket`),
        database.query(sql`select * from browser_session`),
      ]),
    )
    for (const secret of [...browser.cookies.values(), go.url.split('/').at(-1) ?? ''])
      expect(dump).not.toContain(secret)
    expect(web.errors).toEqual([])
  })
})
