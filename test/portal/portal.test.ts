import { STSClient, GetCallerIdentityCommand } from '@aws-sdk/client-sts'
import { generate } from 'otplib'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { listEvents } from '#audit'
import { putApp } from '#apps'
import type { Database } from '#database'
import {
  createUser,
  findUserById,
  putPasswordPolicy,
  removePasswordPolicy,
  setPasswordHash,
  updateUser,
  type User,
} from '#directory'
import { createPasswordHasher } from '#crypto'
import { createRole, putInlinePolicy, removeInlinePolicy } from '#iam'
import { Secret } from '#kernel'
import { addTotp, factorsOf } from '#mfa'
import { Browser, type Page, textOf } from '../support/browser.ts'
import { testDatabase } from '../support/database.ts'
import { claim, fixedClock, home, testVault } from '../support/fixtures.ts'
import { startServer, type TestServer } from '../support/server.ts'

const clock = fixedClock(Temporal.Now.instant().toString())
const seed = new Secret('JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP')
const password = 'violet kettle umbrella'
let database: Database
let server: TestServer
let phc: string
let user: User
let browser: Browser
let number = 0

beforeAll(async () => {
  database = await testDatabase()
  await claim(database, clock)
  server = await startServer({ database, clock })
  const hasher = await createPasswordHasher(
    { clock },
    { memoryKib: 19_456, passes: 2, slots: 2, queue: 50, waitMilliseconds: 2_000 },
  )
  phc = await hasher.hash(password)
  for (const [name, condition] of [
    ['ReadOnly', {}],
    ['Refunds', { Condition: { Bool: { 'aws:MultiFactorAuthPresent': 'true' } } }],
  ] as const)
    await createRole(database, clock, {
      accountId: home,
      name,
      description: `The role ${name}`,
      trustDocument: JSON.stringify({
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Principal: { AWS: home }, Action: 'sts:AssumeRole', ...condition }],
      }),
    })
})
afterAll(async () => {
  await server.close()
  await database.close()
})
beforeEach(async () => {
  clock.advance({ minutes: 10 })
  browser = new Browser()
  user = await createUser(database, clock, { accountId: home, name: `bob${++number}` })
  await setPasswordHash(database, clock, { userId: user.userId, phc })
  await allow(['sts:AssumeRole'], '*')
})

const allow = (actions: string[], resource: string) =>
  putInlinePolicy(
    database,
    user.userId,
    'allow',
    JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: actions, Resource: resource }],
    }),
  )
const deny = (action: string) =>
  putInlinePolicy(
    database,
    user.userId,
    'deny',
    JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Deny', Action: action, Resource: '*' }],
    }),
  )
const open = (path: string) => browser.open(server.url + path)
/** Signs in from a page of the portal, and comes back to it. */
async function signIn(path: string): Promise<Page> {
  const asked = await browser.submit(await open(path), { identifier: user.name })
  return browser.submit(asked, { password })
}
const codeNow = () => generate({ secret: seed.reveal(), epoch: Math.floor(clock().epochMilliseconds / 1000) })
const names = async () =>
  (await listEvents(database, { actor: user.arn, limit: 1000 })).map(
    ({ body }) => (JSON.parse(body) as { eventName: string }).eventName,
  )

describe('the portal', () => {
  it('asks who it is and comes back to the page that was opened', async () => {
    const page = await signIn('/portal/roles')
    expect(page.url).toBe(`${server.url}/portal/roles`)
    expect(page.title).toBe('Your roles · Signet')
  })

  it('is what / shows to who is signed in', async () => {
    await signIn('/')
    expect((await open('/')).title).toBe('Your apps · Signet')
  })

  it('lists the apps that the user may use, and no others', async () => {
    await putApp(database, clock, {
      accountId: home,
      kind: 'oidc',
      name: 'Grafana',
      launchUrl: 'https://grafana.example.com/',
    })
    const wiki = await putApp(database, clock, {
      accountId: home,
      kind: 'oidc',
      name: 'Wiki',
      access: 'policy',
    })
    await putApp(database, clock, { accountId: home, kind: 'oidc', name: 'Off', enabled: false })
    const page = await signIn('/portal')
    expect(page.html).toContain('href="https://grafana.example.com/"')
    expect(textOf(page)).not.toContain('Wiki')
    expect(textOf(page)).not.toContain('Off ')
    await allow(['signet:SignIn'], wiki.arn)
    expect(textOf(await open('/portal'))).toContain('Wiki')
  })
})

describe('roles', () => {
  it('are those that the policies let the user take', async () => {
    const page = await signIn('/portal/roles')
    expect(textOf(page)).toContain('ReadOnly')
    expect(textOf(page)).toContain('Refunds needs a second factor')
    await allow(['s3:GetObject'], '*')
    await putInlinePolicy(
      database,
      user.userId,
      'deny',
      JSON.stringify({
        Version: '2012-10-17',
        Statement: [{ Effect: 'Deny', Action: 'sts:*', Resource: '*' }],
      }),
    )
    expect(textOf(await open('/portal/roles'))).toContain('No roles')
  })

  it('are taken with credentials that an unmodified AWS SDK works with', async () => {
    const list = await signIn('/portal/roles')
    const page = await browser.submit(list, { role: `arn:aws:iam::${home}:role/ReadOnly` })
    expect(page.title).toBe('Role session: ReadOnly · Signet')
    expect(page.headers.get('cache-control')).toBe('no-store')
    const value = (name: string) => new RegExp(`export ${name}=&#39;([^&]+)&#39;`).exec(page.html)?.[1] ?? ''
    expect(value('AWS_ENDPOINT_URL')).toBe(server.url)
    expect(page.html).toContain(
      `credential_process = signet credentials --role arn:aws:iam::${home}:role/ReadOnly`,
    )
    expect(page.html).toContain('$env:AWS_SECRET_ACCESS_KEY = ')
    // A client sets its clock by the answers' Date, which is the machine's; each call here begins with the test's clock.
    const client = () =>
      new STSClient({
        region: value('AWS_REGION'),
        endpoint: value('AWS_ENDPOINT_URL'),
        systemClockOffset: clock().epochMilliseconds - Temporal.Now.instant().epochMilliseconds,
        credentials: {
          accessKeyId: value('AWS_ACCESS_KEY_ID'),
          secretAccessKey: value('AWS_SECRET_ACCESS_KEY'),
          sessionToken: value('AWS_SESSION_TOKEN'),
        },
      })
    const identity = await client().send(new GetCallerIdentityCommand({}))
    expect(identity.Arn).toBe(`arn:aws:sts::${home}:assumed-role/ReadOnly/${user.name}`)

    await browser.submit(await open('/signout'))
    await expect(client().send(new GetCallerIdentityCommand({}))).rejects.toMatchObject({
      name: 'ExpiredToken',
    })
  })

  it('that want a second factor ask for it and then can be taken', async () => {
    await signIn('/portal/roles')
    await addTotp(database, { vault: testVault, clock }, { user, seed })
    const role = `arn:aws:iam::${home}:role/Refunds`
    const asked = await browser.submit(
      await open('/portal/roles'),
      { role },
      { form: (form) => form.fields['role'] === role },
    )
    expect(asked.title).toBe('Enter your code · Signet')
    const back = await browser.submit(asked, { code: await codeNow() })
    expect(back.url).toBe(`${server.url}/portal/roles`)
    const page = await browser.submit(back, { role }, { form: (form) => form.fields['role'] === role })
    expect(page.title).toBe('Role session: Refunds · Signet')
  })

  it('that the user may not take are refused in words', async () => {
    const list = await signIn('/portal/roles')
    const page = await browser.submit(list, { role: `arn:aws:iam::${home}:role/NoSuch` })
    expect(page.status).toBe(403)
    expect(textOf(page)).toContain('is not authorized to perform: sts:AssumeRole')
  })
})

describe('my security', () => {
  it('changes the password, ends the other sessions, and keeps this one', async () => {
    const page = await signIn('/account')
    const other = new Browser(
      'Mozilla/5.0 (iPhone; CPU iPhone OS 19_0) Version/19.0 Mobile/15E148 Safari/604.1',
    )
    const mine = browser
    browser = other
    await signIn('/account')
    expect(textOf(await open('/account'))).toContain('Safari on iPhone')
    browser = mine
    const wrong = await browser.submit(page, { current: 'not it', new: 'marble ladder october fig' })
    expect(wrong.status).toBe(422)
    expect(wrong.html).toContain('id="current-wrong"')
    const weak = await browser.submit(page, { current: password, new: 'short' })
    expect(weak.html).toContain('id="new-wrong"')
    expect(textOf(weak)).toContain('Use at least 15 characters')
    const done = await browser.submit(page, { current: password, new: 'marble ladder october fig' })
    expect(textOf(done)).toContain('Your password is changed')
    expect(done.url).toBe(`${server.url}/account?done=password`)
    expect((await other.open(`${server.url}/account`)).title).toBe('Sign in · Signet')
    expect(await names()).toContain('ChangePassword')
  })

  it('does not change the password where the account or a policy says no', async () => {
    const change = async () => {
      const page = await open('/account')
      return textOf(await browser.submit(page, { current: password, new: 'marble ladder october fig' }))
    }
    const no = 'you cannot change your password yourself'
    await signIn('/account')
    await putPasswordPolicy(database, home, {
      minimumLength: 8,
      requireSymbols: false,
      requireNumbers: false,
      requireUppercase: false,
      requireLowercase: false,
      allowUsersToChange: false,
      maxAgeDays: undefined,
      reusePrevention: undefined,
      hardExpiry: false,
    })
    expect(await change()).toContain(no)
    await removePasswordPolicy(database, home)
    await deny('iam:ChangePassword')
    expect(await change()).toContain(no)
    await allow(['iam:ChangePassword'], '*')
    expect(await change()).toContain(no)
    await removeInlinePolicy(database, user.userId, 'deny')
    expect(await change()).toContain('Your password is changed')
  })

  it('sets up an authenticator app, shows recovery codes once, and removes it again with a fresh code', async () => {
    await signIn('/account')
    const setup = await open('/account/totp')
    const secret = (/id="totp-secret">([A-Z2-7 ]+)</.exec(setup.html)?.[1] ?? '').replaceAll(' ', '')
    const code = () => generate({ secret, epoch: Math.floor(clock().epochMilliseconds / 1000) })
    const wrong = await browser.submit(setup, { code: '000000' })
    expect(wrong.status).toBe(422)
    const codes = await browser.submit(wrong, { code: await code() })
    expect(codes.html.match(/<li>(?:[A-Z2-7]{4}-){5}[A-Z2-7]{4}<\/li>/g)).toHaveLength(10)
    const page = await browser.submit(codes, { kept: 'yes' })
    expect(textOf(page)).toContain('The authenticator app is set up')
    expect(textOf(page)).toContain('10 codes left')

    clock.advance({ minutes: 6 })
    const ask = await browser.submit(page, {
      factor: (await factorsOf(database, user.userId)).totp[0]?.deviceId ?? '',
    })
    expect(ask.title).toBe('Confirm that it is you · Signet')
    const no = await browser.submit(ask, { confirm: '000000' })
    expect(no.status).toBe(422)
    expect((await factorsOf(database, user.userId)).totp).toHaveLength(1)
    const done = await browser.submit(no, { confirm: await code() })
    expect(textOf(done)).toContain('The authenticator app is removed')
    expect(await factorsOf(database, user.userId)).toEqual({ totp: [], recoveryCodesLeft: 0 })
    expect(await names()).toEqual(expect.arrayContaining(['EnableMFADevice', 'DeactivateMFADevice']))
  })

  it('lists sessions and ends one, or all', async () => {
    await signIn('/account')
    const mine = browser
    browser = new Browser('Mozilla/5.0 (Windows NT 10.0) Chrome/150.0 Safari/537.36')
    const theirs = browser
    await signIn('/account')
    browser = mine
    const page = await open('/account')
    expect(textOf(page)).toMatch(/Firefox on Linux\s+this one/)
    expect(textOf(page)).toContain('Chrome on Windows')
    const done = await browser.submit(page, {}, { form: (form) => form.action === '/account/sessions/end' })
    expect(textOf(done)).toContain('That session has ended')
    expect((await theirs.open(`${server.url}/account`)).title).toBe('Sign in · Signet')
    const out = await browser.submit(
      done,
      {},
      { form: (form) => form.action === '/account/sessions/end-all' },
    )
    expect(out.title).toBe('You are signed out · Signet')
    expect((await open('/account')).title).toBe('Sign in · Signet')
  })

  it('asks for the password again when the last proof is old and there is no authenticator app', async () => {
    const page = await signIn('/account')
    clock.advance({ minutes: 6 })
    const asked = await browser.submit(
      page,
      {},
      { form: (form) => form.action === '/account/sessions/end-all' },
    )
    expect(asked.title).toBe('Sign in · Signet')
    expect(textOf(asked)).toContain('Please confirm that it is you')
  })

  it('keeps the colours that were chosen', async () => {
    const page = await signIn('/account')
    const dark = await browser.submit(
      page,
      { theme: 'dark' },
      { form: (form) => form.action === '/account/look' },
    )
    expect(dark.html).toContain('data-theme="dark"')
  })

  it('ends at once when the user is switched off', async () => {
    await signIn('/account')
    await updateUser(database, user.userId, { status: 'disabled' })
    expect((await open('/account')).title).toBe('Sign in · Signet')
    expect((await findUserById(database, user.userId))?.status).toBe('disabled')
  })

  it('takes no form of another site, and no form without a session', async () => {
    const page = await signIn('/account')
    const forged = await browser.submit(
      page,
      { theme: 'dark' },
      {
        form: (form) => form.action === '/account/look',
        headers: { origin: 'https://evil.example' },
      },
    )
    expect(forged.status).toBe(403)
    const stranger = await new Browser().request(`${server.url}/account/sessions/end-all`, {
      method: 'POST',
      body: 'x=1',
    })
    expect(stranger.status).toBe(200)
    expect(stranger.title).toBe('Sign in · Signet')
    expect(server.complaints).toEqual([])
  })
})

describe('command line access', () => {
  it('gives lines for each way to log in, without a secret', async () => {
    await signIn('/portal/roles')
    const arn = `arn:aws:iam::${home}:role/ReadOnly`
    const list = await open('/portal/roles')
    expect(list.html).toContain(`/portal/command-line?role=${encodeURIComponent(arn)}`)
    const page = await open(`/portal/command-line?role=${encodeURIComponent(arn)}`)
    expect(page.title).toBe('Command line access: ReadOnly · Signet')
    const text = page.html
    for (const service of ['sts', 'iam', 'sso', 'sso_oidc', 'signin'])
      expect(text).toContain(`${service} =\n  endpoint_url = ${server.url}`)
    expect(text).toMatch(/sso_start_url = https:\/\/signet-[0-9a-f]{8}\.awsapps\.com\/start/)
    expect(text).toContain(`export AWS_ENDPOINT_URL=${server.url}`)
    expect(text).toContain(`credential_process = signet credentials --role ${arn} --url ${server.url}`)
    expect(text).toContain(`signet agent --role ${arn} --url ${server.url}`)
    expect(text).toContain(`signet aws-models --url ${server.url}`)
    expect(text).not.toContain('ASIA')
    // The same at every visit: people paste it once.
    const again = await open(`/portal/command-line?role=${encodeURIComponent(arn)}`)
    expect(/signet-\w{8}/.exec(again.html)?.[0]).toBe(/signet-\w{8}/.exec(text)?.[0])
  })

  it('is there for roles of one’s own alone', async () => {
    await signIn('/portal/roles')
    expect((await open('/portal/command-line?role=arn%3Aaws%3Aiam%3A%3A1%3Arole%2FX')).status).toBe(404)
  })
})
