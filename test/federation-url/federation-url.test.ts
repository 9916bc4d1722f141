import {
  AssumeRoleCommand,
  type Credentials,
  GetFederationTokenCommand,
  GetSessionTokenCommand,
  STSClient,
} from '@aws-sdk/client-sts'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Database, sql } from '#database'
import { findUserByName, setAccessKeyStatus, updateUser } from '#directory'
import { createRole, deleteRole, findRole, putInlinePolicy } from '#iam'
import { systemClock } from '#kernel'
import { federatedEpochId } from '#sts'
import { signInAt } from '../aws-sso/world.ts'
import { acme, seedAcme } from '../support/acme.ts'
import { Browser, textOf } from '../support/browser.ts'
import { testDatabase } from '../support/database.ts'
import { allow } from '../support/federated.ts'
import { home } from '../support/fixtures.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { tampered } from '../support/tampered.ts'

/** The server's clock: the SDK signs by the machine's, and this one can go ahead of it. */
let ahead = 0
const clock = () => systemClock().add({ seconds: ahead })
let database: Database
let server: TestServer
let browser: Browser

beforeAll(async () => {
  database = await testDatabase()
  await seedAcme(database)
  server = await startServer({ database, clock })
  const alice = await findUserByName(database, home, 'alice')
  const allowed = { Effect: 'Allow', Action: ['sts:AssumeRole', 'sts:GetFederationToken'], Resource: '*' }
  await putInlinePolicy(
    database,
    alice?.userId ?? '',
    'all',
    JSON.stringify({ Version: '2012-10-17', Statement: [allowed] }),
  )
  const next = await createRole(database, clock, {
    accountId: home,
    name: 'Next',
    trustDocument: JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Principal: { AWS: acme.roleArn }, Action: 'sts:AssumeRole' }],
    }),
  })
  expect(next.name).toBe('Next')
})
afterAll(async () => {
  await server.close()
  await database.close()
})
beforeEach(() => {
  browser = new Browser()
})

const keys = { accessKeyId: acme.accessKeyId, secretAccessKey: acme.secretAccessKey }
const sts = (credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string } = keys) =>
  new STSClient({
    region: 'us-east-1',
    endpoint: server.url,
    maxAttempts: 1,
    credentials,
    systemClockOffset: ahead * 1_000,
  })
const sessionOf = ({ AccessKeyId, SecretAccessKey, SessionToken }: Partial<Credentials> = {}) => ({
  sessionId: AccessKeyId ?? '',
  sessionKey: SecretAccessKey ?? '',
  sessionToken: SessionToken ?? '',
})
type Session = ReturnType<typeof sessionOf>
const assume = async (): Promise<Session> =>
  sessionOf(
    (await sts().send(new AssumeRoleCommand({ RoleArn: acme.roleArn, RoleSessionName: 'alice' })))
      .Credentials,
  )

async function tokenFor(session: unknown, more: Record<string, string> = {}, method = 'GET') {
  const query = new URLSearchParams({ Action: 'getSigninToken', Session: JSON.stringify(session), ...more })
  const answer = await (method === 'GET'
    ? fetch(`${server.url}/federation?${query.toString()}`)
    : fetch(`${server.url}/federation`, { method: 'POST', body: query }))
  return { status: answer.status, body: (await answer.json()) as { SigninToken?: string; title?: string } }
}
const loginUrl = (token: string | undefined, more: Record<string, string> = {}) =>
  `${server.url}/federation?${new URLSearchParams({
    Action: 'login',
    Issuer: 'https://broker.example.com',
    Destination: `${server.url}/federation/session`,
    SigninToken: token ?? '',
    ...more,
  }).toString()}`
const trustDocument = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { AWS: home }, Action: ['sts:AssumeRole', 'sts:TagSession'] }],
})
const arn = `arn:aws:sts::${home}:assumed-role/OrdersReader/alice`

describe('the console federation URL', () => {
  it.each(['GET', 'POST'])(
    'turns a role session into a session of this browser, once (%s)',
    async (method) => {
      const { status, body } = await tokenFor(await assume(), {}, method)
      expect(status).toBe(200)
      const first = await browser.request(loginUrl(body.SigninToken), { follow: false })
      expect([first.status, first.headers.get('location')]).toEqual([302, `${server.url}/federation/session`])
      const page = await browser.open(`${server.url}/federation/session`)
      expect(textOf(page)).toContain(arn)
      expect((await new Browser().open(loginUrl(body.SigninToken))).status).toBe(410)
    },
  )

  it('lasts as long as was asked, within the role’s maximum', async () => {
    const session = await assume()
    const { body } = await tokenFor(session, { SessionDuration: '1800' })
    await browser.open(loginUrl(body.SigninToken))
    expect(textOf(await browser.open(`${server.url}/federation/session`))).toContain(arn)
    ahead += 1_801
    expect((await browser.open(`${server.url}/federation/session`)).title).not.toContain('You act as a role')
    for (const wrong of ['899', '3601', '43201', 'long', '-1'])
      expect((await tokenFor(await assume(), { SessionDuration: wrong })).status).toBe(400)
  })

  it('refuses a duration with a chained role and with GetFederationToken', async () => {
    const { sessionId, sessionKey, sessionToken } = await assume()
    const role = { accessKeyId: sessionId, secretAccessKey: sessionKey, sessionToken }
    const chained = await sts(role).send(
      new AssumeRoleCommand({ RoleArn: `arn:aws:iam::${home}:role/Next`, RoleSessionName: 'alice' }),
    )
    const federated = await sts().send(new GetFederationTokenCommand({ Name: 'guest' }))
    for (const { Credentials: given } of [chained, federated]) {
      expect((await tokenFor(sessionOf(given), { SessionDuration: '900' })).status).toBe(400)
      expect((await tokenFor(sessionOf(given))).status).toBe(200)
    }
  })

  it('refuses credentials that are a user’s own', async () => {
    const { Credentials: given } = await sts().send(new GetSessionTokenCommand({}))
    expect((await tokenFor(sessionOf(given))).status).toBe(400)
  })

  it('proves the credentials: another secret, key id or token is refused', async () => {
    const [one, two] = [await assume(), await assume()]
    for (const wrong of [
      { ...one, sessionKey: two.sessionKey },
      { ...one, sessionId: two.sessionId },
      { ...one, sessionToken: two.sessionToken },
      { ...one, sessionToken: tampered(one.sessionToken) },
      { sessionId: acme.accessKeyId, sessionKey: acme.secretAccessKey, sessionToken: one.sessionToken },
    ])
      expect((await tokenFor(wrong)).status).toBe(401)
    for (const wrong of [{}, [], 'x', null, { ...one, sessionKey: 1 }])
      expect((await tokenFor(wrong)).status).toBe(400)
  })

  it('refuses a token after fifteen minutes, a changed one, and none', async () => {
    const { body } = await tokenFor(await assume())
    const token = body.SigninToken ?? ''
    for (const wrong of ['', 'x', tampered(token)])
      expect((await browser.open(loginUrl(wrong))).status).toBe(410)
    ahead += 901
    expect((await browser.open(loginUrl(token))).status).toBe(410)
  })

  it.each([
    'https://evil.example/',
    '//evil.example/',
    'https://localhost@evil.example/',
    'javascript:alert(1)',
    '/\\evil.example',
  ])('leads to no other place than our own pages: %s', async (destination) => {
    const { body } = await tokenFor(await assume())
    const { status, headers } = await browser.request(
      loginUrl(body.SigninToken, { Destination: destination }),
      {
        follow: false,
      },
    )
    expect([status, headers.get('location')]).toEqual([400, null])
  })

  it('asks before it takes the place of another session, and names both', async () => {
    await signInAt(browser, `${server.url}/portal`, { name: 'alice' }, acme.password)
    const { body } = await tokenFor(await assume())
    const page = await browser.open(loginUrl(body.SigninToken))
    expect(textOf(page)).toContain(arn)
    expect(textOf(page)).toContain('You are signed in as alice')
    expect((await browser.open(`${server.url}/portal`)).title).toContain('Your apps')
    expect((await browser.submit(page, { token: body.SigninToken ?? '', _csrf: 'x' })).status).toBe(403)
    const entered = await browser.submit(page, { token: body.SigninToken ?? '' })
    expect(textOf(entered)).toContain('You act as a role')
    expect((await browser.open(`${server.url}/portal`)).title).toContain('Sign in')
  })

  it('ends when it is signed out, wherever its cookie is', async () => {
    const { body } = await tokenFor(await assume())
    await browser.open(loginUrl(body.SigninToken))
    const copy = new Browser()
    copy.cookies.set('console', browser.cookies.get('console') ?? '')
    expect((await copy.open(`${server.url}/federation/session`)).title).toContain('You act as a role')
    await browser.submit(await browser.open(`${server.url}/federation/session`))
    await expect
      .poll(async () => (await copy.open(`${server.url}/federation/session`)).title)
      .not.toContain('You act as a role')
  })

  const raise = (kind: string, id: string) => database.query(sql`select raise_epoch(${kind}, ${id})`)
  const alice = async () => (await findUserByName(database, home, 'alice'))?.userId ?? ''
  type End = (session: Session) => Promise<unknown>
  it.each<[what: string, end: End, after?: End]>([
    ['the account is revoked', () => raise('account', home)],
    ['the user behind it is revoked', async () => raise('user', await alice())],
    [
      'the user behind it is disabled',
      async () => updateUser(database, await alice(), { status: 'disabled' }),
      async () => updateUser(database, await alice(), { status: 'active' }),
    ],
    [
      'the role is revoked',
      async () => raise('role', (await findRole(database, home, 'OrdersReader'))?.roleId ?? ''),
    ],
    ['the key of the user is revoked', () => raise('key', acme.accessKeyId)],
    [
      'the key of the user is switched off',
      () => setAccessKeyStatus(database, acme.accessKeyId, 'Inactive'),
      () => setAccessKeyStatus(database, acme.accessKeyId, 'Active'),
    ],
    ['the credentials it was made from are revoked', ({ sessionId }) => raise('key', sessionId)],
    [
      'the role is deleted',
      async () => {
        const role = await findRole(database, home, 'OrdersReader')
        await database.transaction((tx) => deleteRole(tx, role?.roleId ?? ''))
      },
      async () =>
        void (await createRole(database, clock, { accountId: home, name: 'OrdersReader', trustDocument })),
    ],
  ])('ends at once when %s, and a token that was not used yet is over', async (_what, end, after) => {
    const session = await assume()
    const [used, unused] = [await tokenFor(session), await tokenFor(session)]
    await browser.open(loginUrl(used.body.SigninToken))
    const title = async () => (await browser.open(`${server.url}/federation/session`)).title
    expect(await title()).toContain('You act as a role')
    await end(session)
    await expect.poll(title).not.toContain('You act as a role')
    const late = await new Browser().open(loginUrl(unused.body.SigninToken))
    expect([late.status, late.title]).not.toEqual([200, expect.stringContaining('You act as a role')])
    expect(late.status).toBeGreaterThanOrEqual(400)
    expect((await tokenFor(session)).status).toBeGreaterThanOrEqual(400)
    await after?.(session)
  })

  it('ends with the federated user, and not with another of the same caller', async () => {
    const federated = async (Name: string) =>
      sessionOf(
        (await sts().send(new GetFederationTokenCommand({ Name, Policy: allow('orders:Get') }))).Credentials,
      )
    const [dave, erin] = [new Browser(), new Browser()]
    await dave.open(loginUrl((await tokenFor(await federated('dave'))).body.SigninToken))
    await erin.open(loginUrl((await tokenFor(await federated('erin'))).body.SigninToken))
    const path = `${server.url}/federation/session`
    expect((await dave.open(path)).title).toContain('You act as')
    await raise(
      'federated',
      federatedEpochId({ federatedUserArn: `arn:aws:sts::${home}:federated-user/dave` }),
    )
    await expect.poll(async () => (await dave.open(path)).title).not.toContain('You act as')
    expect((await erin.open(path)).title).toContain('You act as')
  })

  it('takes no sealed value of another kind for its token or its cookie', async () => {
    const { body } = await tokenFor(await assume())
    const session = await assume()
    for (const foreign of [
      session.sessionToken,
      server.vault.seal('{}', 'aws-sso/client').toString('base64url'),
    ])
      expect((await browser.open(loginUrl(foreign))).status).toBe(410)
    browser.cookies.set('console', body.SigninToken ?? '')
    expect((await browser.open(`${server.url}/federation/session`)).title).not.toContain('You act as a role')
  })
})
