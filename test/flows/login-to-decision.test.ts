/**
 * The main job, told once from the first start to the decision, through public URLs and the command line alone: a
 * server process, a browser without script, openid-client, the AWS SDK, another issuer, another SAML identity provider
 * and an internal service.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  AssumeRoleCommand,
  AssumeRoleWithSAMLCommand,
  AssumeRoleWithWebIdentityCommand,
  GetCallerIdentityCommand,
  STSClient,
} from '@aws-sdk/client-sts'
import * as oidc from 'openid-client'
import { generate } from 'otplib'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { systemClock } from '#kernel'
import { signHeaders } from '#sigv4'
import { Browser, formsOf, type Page, textOf } from '../support/browser.ts'
import { testPostgres } from '../support/database.ts'
import { type OidcIssuer, startOidcIssuer } from '../support/oidc-issuer.ts'
import { startOrdersService } from '../support/orders-service.ts'
import { foreignIdp } from '../support/saml-idp.ts'
import { authnRequest, redirectQuery } from '../support/saml-sp.ts'
import { freePort, runSignet, type SignetRun, startSignet } from '../support/signet-process.ts'
import { startTokenIssuer, type TokenIssuer } from '../support/token-issuer.ts'
import { tampered } from '../support/tampered.ts'

/** Made by setup at random. */
let account = ''
const arn = (rest: string) => `arn:aws:iam::${account}:${rest}`
const wikiId = 'https://wiki.example.com/saml'
const secrets = {
  BOB_PASSWORD: 'seven quiet lighthouse keepers',
  ORDERS_SECRET: 'orders-client-secret-of-more-than-32-characters',
}

let folder: string
let url: string
let server: SignetRun
let issuer: TokenIssuer
let upstream: OidcIssuer
let env: Record<string, string>
let app: { url: string; close(): void }
const cleanUp: (() => Promise<void>)[] = []
const partner = foreignIdp('https://idp.partner.example/metadata')

/** An app's address where the browser lands with its code. */
async function startCallback(): Promise<{ url: string; close(): void }> {
  const landing = createServer((_request, response) => response.end('<title>App</title>')).listen(
    0,
    '127.0.0.1',
  )
  await new Promise((resolve) => landing.once('listening', resolve))
  const address = landing.address()
  return {
    url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/callback`,
    close: () => landing.close(),
  }
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'signet-flow-'))
  const port = await freePort()
  url = `http://localhost:${port}`
  issuer = await startTokenIssuer()
  app = await startCallback()
  upstream = await startOidcIssuer({ redirectUris: [`${url}/federation/oidc/callback`] })
  cleanUp.push(() => upstream.close())
  const { postgres } = inject('template')
  const database = postgres === null ? undefined : await testPostgres(postgres)
  if (database !== undefined) cleanUp.push(database.drop)
  env = {
    PORT: String(port),
    PUBLIC_URL: url,
    DATA_DIR: join(folder, 'data'),
    SIGNET_STS__ALLOWED_ISSUER_HOSTS: JSON.stringify([issuer.host]),
    SIGNET_FEDERATION__ALLOWED_HOSTS: JSON.stringify([new URL(upstream.url).host]),
    UPSTREAM_SECRET: upstream.clientSecret,
    SIGNET_PASSWORDS__MEMORY_KIB: '19456',
    SIGNET_PASSWORDS__PASSES: '2',
    ...(database === undefined ? {} : { DATABASE_URL: database.url.reveal() }),
    ...secrets,
  }
  server = startSignet(['serve'], env)
  await server.says('"ready"')
}, 120_000)

afterAll(async () => {
  server.child.kill('SIGTERM')
  expect(await server.ended).toBe(0)
  app.close()
  await issuer.close()
  for (const work of cleanUp) await work()
  rmSync(folder, { recursive: true, force: true })
}, 60_000)

const alice = new Browser()
const bob = new Browser()
let aliceSeed = ''
let lastStep = 0

/** A code of alice's authenticator app that she has not used yet: one counts once. */
async function aliceCode(): Promise<string> {
  let now = Math.floor(Date.now() / 1_000)
  // The step before this one is still taken, so the next unused step is at most one period away.
  while (Math.floor(now / 30) <= lastStep) {
    await new Promise((resolve) => setTimeout(resolve, 500))
    now = Math.floor(Date.now() / 1_000)
  }
  lastStep = Math.floor(now / 30)
  return generate({ secret: aliceSeed, epoch: now })
}

const onward = async (browser: Browser, page: Page): Promise<Page> => {
  const next = Browser.onward(page)
  return next === undefined ? page : browser.open(next)
}

const file = (): string => `
policies:
  - name: OrdersDesk
    document:
      Version: '2012-10-17'
      Statement:
        - { Sid: Work, Effect: Allow, Action: ['orders:Get*', 'orders:Refund'], Resource: 'arn:aws:orders::${account}:order/*' }
        - { Sid: NotLarge, Effect: Deny, Action: 'orders:Refund', Resource: 'arn:aws:orders::${account}:order/large/*' }
  - name: TakeRoles
    document:
      Version: '2012-10-17'
      Statement:
        - { Effect: Allow, Action: ['sts:AssumeRole', 'sts:TagSession'], Resource: '${arn('role/*')}' }
groups:
  - { name: support, policies: [TakeRoles] }
users:
  - name: bob
    mail: bob@acme.example
    mail_verified: true
    groups: [support]
    password: \${BOB_PASSWORD}
    tags: { team: support }
roles:
  - name: Desk
    policies: [OrdersDesk, TakeRoles]
    trust:
      Version: '2012-10-17'
      Statement:
        - { Effect: Allow, Principal: { AWS: '${account}' }, Action: 'sts:AssumeRole', Condition: { StringEquals: { 'aws:PrincipalTag/team': support } } }
  - name: Partner
    policies: [OrdersDesk]
    trust:
      Version: '2012-10-17'
      Statement:
        - Effect: Allow
          Principal: { AWS: '${account}' }
          Action: ['sts:AssumeRole', 'sts:TagSession']
          Condition: { StringEquals: { 'sts:ExternalId': '4711' } }
  - name: Admin
    policies: [AdministratorAccess]
    trust:
      Version: '2012-10-17'
      Statement:
        - { Effect: Allow, Principal: { AWS: '${account}' }, Action: 'sts:AssumeRole', Condition: { Bool: { 'aws:MultiFactorAuthPresent': 'true' } } }
  - name: Pipeline
    policies: [OrdersDesk]
    trust:
      Version: '2012-10-17'
      Statement:
        - Effect: Allow
          Principal: { Federated: '${arn(`oidc-provider/${issuer.host}`)}' }
          Action: 'sts:AssumeRoleWithWebIdentity'
          Condition: { StringEquals: { '${issuer.host}:sub': 'repo:acme/orders' } }
        - Effect: Allow
          Principal: { Federated: '${arn(`oidc-provider/${new URL(url).host}`)}' }
          Action: 'sts:AssumeRoleWithWebIdentity'
          Condition: { StringEquals: { '${new URL(url).host}:aud': orders } }
        - Effect: Allow
          Principal: { Federated: ['${arn('saml-provider/partner')}', '${arn('saml-provider/signet')}'] }
          Action: 'sts:AssumeRoleWithSAML'
          Condition: { StringEquals: { 'SAML:aud': '${url}/saml/aws' } }
apps:
  - name: Orders
    service_prefix: orders
    oidc:
      client_id: orders
      secret: \${ORDERS_SECRET}
      redirect_uris: ['${app.url}']
      post_logout_redirect_uris: ['${app.url}']
      grants: [authorization_code, refresh_token, client_credentials]
  - name: Wiki
    saml: { entity_id: '${wikiId}', acs: '${wikiId}/acs', attributes: { mail: mail } }
  - name: Command line
    saml:
      entity_id: '${url}/saml/aws'
      acs: '${url}/saml/aws'
      idp_initiated: true
      attributes:
        'https://aws.amazon.com/SAML/Attributes/Role': { values: ['${arn('role/Pipeline')},${arn('saml-provider/signet')}'] }
        'https://aws.amazon.com/SAML/Attributes/RoleSessionName': user_name
oidc_providers:
  - { url: '${issuer.url}', client_ids: [sts.acme.example] }
  - { url: '${url}', client_ids: [orders] }
connections:
  - name: Partner
    client_id: ${upstream.clientId}
    secret: \${UPSTREAM_SECRET}
    issuer: ${upstream.url}
    domains: [partner.example]
    groups_claim: groups
    groups: { desk: support }
saml_providers:
  - { name: partner, metadata_file: partner.xml }
  - { name: signet, metadata_file: signet.xml }
`

describe('step 2, setting up', () => {
  it('the setup link leads through organization, administrator and second factor into the portal', async () => {
    const unclaimed = await alice.open(url)
    expect(textOf(unclaimed)).toContain('signet setup-link')
    const [link = ''] = /http:\/\/localhost:\d+\/setup\/[\w-]+/.exec(server.out()) ?? []
    const welcome = await alice.open(link)
    const totp = await alice.submit(welcome, {
      organization: 'Acme',
      userName: 'alice',
      mail: 'alice@acme.example',
      password: 'violet kettle umbrella',
      passwordAgain: 'violet kettle umbrella',
    })
    aliceSeed = (/id="totp-secret">([A-Z2-7 ]+)</.exec(totp.html)?.[1] ?? '').replaceAll(' ', '')
    const codes = await alice.submit(totp, { code: await aliceCode() })
    const portal = await alice.submit(codes, { kept: 'yes' })
    expect(portal.title).toBe('Your apps · Signet')
    expect((await new Browser().open(link)).status).toBe(410)
    const { out } = await runSignet(['audit', '--json'], env)
    account = /"recipientAccountId":"(\d{12})"/.exec(out)?.[1] ?? ''
    expect(account).toMatch(/^\d{12}$/)
  })
})

describe('step 3, declaring', () => {
  it('signet apply tells every mistake with its place and changes nothing', async () => {
    const wrong = join(folder, 'wrong.yaml')
    writeFileSync(wrong, 'users:\n  - name: eve\n    mail: nobody\n    grups: [support]\n')
    const { code, err } = await runSignet(['apply', wrong], env)
    expect(code).toBe(1)
    expect(err).toMatch(/wrong\.yaml:3:\d+ .*mail/)
    expect(err).toMatch(/wrong\.yaml:4:\d+ .*groups/)
  })

  it('signet apply makes the environment, and a second time finds nothing to do', async () => {
    writeFileSync(join(folder, 'partner.xml'), partner.metadata)
    writeFileSync(join(folder, 'signet.xml'), await (await fetch(`${url}/saml/metadata`)).text())
    const path = join(folder, 'acme.yaml')
    writeFileSync(path, file())
    const first = await runSignet(['apply', path], env)
    expect(first.err + first.out).toMatch(/created/i)
    expect(first.code).toBe(0)
    const second = await runSignet(['apply', path], env)
    expect(second.code).toBe(0)
    expect(second.out).not.toMatch(/[1-9]\d* created/)
  })
})

/** Signs bob in where a page asks for it. */
async function bobSignsIn(page: Page): Promise<Page> {
  const asked = await bob.submit(page, { identifier: 'bob' })
  return onward(bob, await bob.submit(asked, { password: secrets.BOB_PASSWORD }))
}

let idToken = ''
const tokens = { access: '', refresh: '' }
let config: oidc.Configuration

/** Signs bob in to the app. @returns what the app was given */
async function signInToOrders(): Promise<{
  claims: oidc.IDToken | undefined
  asked: boolean
  tokens: oidc.TokenEndpointResponse
}> {
  const pkceCodeVerifier = oidc.randomPKCECodeVerifier()
  const expectedState = oidc.randomState()
  const expectedNonce = oidc.randomNonce()
  const first = await bob.open(
    oidc.buildAuthorizationUrl(config, {
      redirect_uri: app.url,
      scope: 'openid profile email groups offline_access',
      prompt: 'consent',
      state: expectedState,
      nonce: expectedNonce,
      code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: 'S256',
    }).href,
  )
  const asked = first.title !== 'App'
  let landed = asked ? await bobSignsIn(first) : first
  // offline_access is asked for with prompt=consent (OpenID Connect Core §11), so there is a page to agree on.
  if (landed.title !== 'App')
    landed = await onward(bob, await bob.submit(landed, { decision: 'allow' }, { form: () => true }))
  const answer = await oidc.authorizationCodeGrant(config, new URL(landed.url), {
    pkceCodeVerifier,
    expectedState,
    expectedNonce,
  })
  return { claims: answer.claims(), asked, tokens: answer }
}

describe('step 4, signing in to apps', () => {
  beforeAll(async () => {
    config = await oidc.discovery(
      new URL(url),
      'orders',
      undefined,
      oidc.ClientSecretBasic(secrets.ORDERS_SECRET),
      {
        execute: [oidc.allowInsecureRequests],
      },
    )
  })

  it('an OIDC app gets an ID token for a password that was checked', async () => {
    const wrong = await bob.open(`${url}/portal`)
    const asked = await bob.submit(wrong, { identifier: 'bob' })
    expect((await bob.submit(asked, { password: 'not his' })).title).toMatch(/^Error:/)
    const { claims, asked: hadToSignIn, tokens: given } = await signInToOrders()
    expect(hadToSignIn).toBe(true)
    expect(claims).toMatchObject({
      iss: url,
      aud: 'orders',
      preferred_username: 'bob',
      email: 'bob@acme.example',
    })
    idToken = given.id_token ?? ''
    tokens.access = given.access_token
    tokens.refresh = given.refresh_token ?? ''
  })

  it('userinfo, introspection, refresh, client credentials and revocation work with the same library', async () => {
    const subject = String((await oidc.tokenIntrospection(config, tokens.access))['sub'])
    expect(await oidc.fetchUserInfo(config, tokens.access, subject)).toMatchObject({
      email: 'bob@acme.example',
      groups: ['support'],
    })
    const refreshed = await oidc.refreshTokenGrant(config, tokens.refresh)
    expect(refreshed.claims()?.sub).toBe(subject)
    const machine = await oidc.clientCredentialsGrant(config)
    expect(machine.access_token.split('.')).toHaveLength(3)
    await oidc.tokenRevocation(config, refreshed.access_token)
    expect((await oidc.tokenIntrospection(config, refreshed.access_token)).active).toBe(false)
  })

  it('a SAML app, opened in the same browser, asks for nothing', async () => {
    const xml = authnRequest({ entityId: wikiId }, { now: systemClock() })
    const answer = await bob.open(`${url}/saml/sso?${redirectQuery(xml, { relayState: 'page 7' })}`)
    const form = formsOf(answer).find(({ action }) => action === `${wikiId}/acs`)
    expect(form?.fields['RelayState']).toBe('page 7')
    const document = Buffer.from(form?.fields['SAMLResponse'] ?? '', 'base64').toString()
    expect(document).toContain('status:Success')
    expect(document).toContain('bob@acme.example')
  })
})

type Credentials = { accessKeyId: string; secretAccessKey: string; sessionToken: string }
let desk: Credentials
const sts = (credentials: Credentials | undefined) =>
  new STSClient({
    endpoint: url,
    region: 'us-east-1',
    maxAttempts: 1,
    credentials: credentials ?? { accessKeyId: 'none', secretAccessKey: 'none' },
  })

/** The lines of the role page, as a shell would read them. */
function credentialsOn(page: Page): Credentials {
  const value = (name: string) => new RegExp(`export ${name}='([^']+)'`).exec(textOf(page))?.[1] ?? ''
  return {
    accessKeyId: value('AWS_ACCESS_KEY_ID'),
    secretAccessKey: value('AWS_SECRET_ACCESS_KEY'),
    sessionToken: value('AWS_SESSION_TOKEN'),
  }
}

describe('step 5, the portal', () => {
  it('shows bob the roles that the policy engine gives him, and the lines for one', async () => {
    const list = await bob.open(`${url}/portal/roles`)
    expect(textOf(list)).toContain('Desk')
    expect(textOf(list)).not.toContain('Pipeline')
    const page = await bob.submit(
      list,
      { role: arn('role/Desk') },
      { form: (form) => form.fields['role'] === arn('role/Desk') },
    )
    expect(textOf(page)).toContain('credential_process = signet credentials --role')
    desk = credentialsOn(page)
    expect(desk.accessKeyId).toMatch(/^ASIA/)
  })

  it('a role that wants a second factor is taken with one', async () => {
    const list = await alice.open(`${url}/portal/roles`)
    const page = await alice.submit(
      list,
      { role: arn('role/Admin') },
      { form: (form) => form.fields['role'] === arn('role/Admin') },
    )
    const admin = credentialsOn(
      page.title.startsWith('Confirm') ? await alice.submit(page, { code: await aliceCode() }) : page,
    )
    expect(await sts(admin).send(new GetCallerIdentityCommand({}))).toMatchObject({
      Arn: `arn:aws:sts::${account}:assumed-role/Admin/alice`,
    })
  })
})

describe('step 6, the AWS SDK, unmodified', () => {
  const code = (name: string) => expect.objectContaining({ name })

  it('knows who it is', async () => {
    expect(await sts(desk).send(new GetCallerIdentityCommand({}))).toMatchObject({
      Account: account,
      Arn: `arn:aws:sts::${account}:assumed-role/Desk/bob`,
    })
  })

  it('assumes a role with external id, tags and a session policy, and not without or for too long', async () => {
    const ask = { RoleArn: arn('role/Partner'), RoleSessionName: 'nightly' }
    const session = await sts(desk).send(
      new AssumeRoleCommand({
        ...ask,
        ExternalId: '4711',
        Tags: [{ Key: 'run', Value: '7' }],
        Policy: JSON.stringify({
          Version: '2012-10-17',
          Statement: [{ Effect: 'Allow', Action: 'orders:Get*', Resource: '*' }],
        }),
      }),
    )
    expect(session.AssumedRoleUser?.Arn).toBe(`arn:aws:sts::${account}:assumed-role/Partner/nightly`)
    await expect(sts(desk).send(new AssumeRoleCommand({ ...ask, ExternalId: 'guess' }))).rejects.toEqual(
      code('AccessDenied'),
    )
    await expect(
      sts(desk).send(new AssumeRoleCommand({ ...ask, ExternalId: '4711', DurationSeconds: 7_200 })),
    ).rejects.toMatchObject({ name: expect.stringMatching(/ValidationError/) as string })
  })

  it('trades an ID token of Signet’s own, and one of another issuer', async () => {
    const trade = (WebIdentityToken: string) =>
      sts(undefined).send(
        new AssumeRoleWithWebIdentityCommand({
          RoleArn: arn('role/Pipeline'),
          RoleSessionName: 'ci',
          WebIdentityToken,
        }),
      )
    expect((await trade(idToken)).Provider).toBe(url)
    const foreign = await trade(await issuer.mint({ sub: 'repo:acme/orders', aud: 'sts.acme.example' }))
    expect(foreign.SubjectFromWebIdentityToken).toBe('repo:acme/orders')
    await expect(
      trade(await issuer.mint({ sub: 'repo:evil/fork', aud: 'sts.acme.example' })),
    ).rejects.toEqual(code('AccessDenied'))
    await expect(
      trade(await issuer.mint({ sub: 'repo:acme/orders', aud: 'elsewhere' })),
    ).rejects.toMatchObject({ name: 'InvalidIdentityTokenException' })
  })

  it('trades an assertion of Signet’s own identity provider, and one of another', async () => {
    const trade = (provider: string, SAMLAssertion: string) =>
      sts(undefined).send(
        new AssumeRoleWithSAMLCommand({
          RoleArn: arn('role/Pipeline'),
          PrincipalArn: arn(`saml-provider/${provider}`),
          SAMLAssertion,
        }),
      )
    const recipient = `${url}/saml/aws`
    const theirs = await trade(
      'partner',
      partner.mint({
        recipient,
        audience: recipient,
        now: systemClock(),
        attributes: {
          'https://aws.amazon.com/SAML/Attributes/Role': [
            `${arn('role/Pipeline')},${arn('saml-provider/partner')}`,
          ],
          'https://aws.amazon.com/SAML/Attributes/RoleSessionName': ['machine'],
        },
      }),
    )
    expect(theirs.AssumedRoleUser?.Arn).toBe(`arn:aws:sts::${account}:assumed-role/Pipeline/machine`)
    const xml = authnRequest({ entityId: recipient }, { now: systemClock() })
    const page = await bob.open(`${url}/saml/sso?${redirectQuery(xml, {})}`)
    const own = formsOf(page).find(({ action }) => action === recipient)?.fields['SAMLResponse'] ?? ''
    expect((await trade('signet', own)).AssumedRoleUser?.Arn).toBe(
      `arn:aws:sts::${account}:assumed-role/Pipeline/bob`,
    )
    const forged = Buffer.from(Buffer.from(own, 'base64').toString().replaceAll('>bob<', '>alice<')).toString(
      'base64',
    )
    await expect(trade('signet', forged)).rejects.toMatchObject({ name: 'InvalidIdentityTokenException' })
  })

  it('a wrong secret, a tampered token: codes that a client understands', async () => {
    const identity = new GetCallerIdentityCommand({})
    await expect(sts({ ...desk, secretAccessKey: 'x'.repeat(40) }).send(identity)).rejects.toEqual(
      code('SignatureDoesNotMatch'),
    )
    const sessionToken = tampered(desk.sessionToken)
    await expect(sts({ ...desk, sessionToken }).send(identity)).rejects.toEqual(code('InvalidClientTokenId'))
  })
})

describe('step 7, a service asks for a decision', () => {
  it('the internal service does what Signet decides on the signed request, and says by which statement', async () => {
    const orders = await startOrdersService({
      signet: url,
      clientId: 'orders',
      clientSecret: secrets.ORDERS_SECRET,
      account,
    })
    const call = async (method: string, path: string, credentials: Credentials) => {
      const { host } = new URL(orders.url)
      const headers = signHeaders(
        { method, rawUrl: path, headers: [['host', host]], body: new Uint8Array() },
        credentials,
        {
          at: systemClock(),
          region: 'us-east-1',
          service: 'orders',
        },
      )
      const response = await fetch(orders.url + path, {
        method,
        headers: headers.filter(([name]) => name !== 'host').map(([name, value]) => [name, value]),
      })
      return { status: response.status, body: (await response.json()) as Record<string, unknown> }
    }
    expect(await call('GET', '/orders/17', desk)).toMatchObject({
      status: 200,
      body: { id: '17', by: `arn:aws:sts::${account}:assumed-role/Desk/bob` },
    })
    expect(await call('POST', '/orders/17/refund', desk)).toMatchObject({
      status: 200,
      body: { refunded: true },
    })
    expect(await call('POST', '/orders/large/18/refund', desk)).toMatchObject({
      status: 403,
      body: { because: expect.stringContaining('NotLarge') as string },
    })
    expect((await call('GET', '/orders/17', { ...desk, secretAccessKey: 'wrong' })).status).toBe(403)
    await orders.close()
  })

  it('AuthZEN answers for a named user, and only to a client that proves itself', async () => {
    const ask = (secret: string) =>
      fetch(`${url}/access/v1/evaluation`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          authorization: `Basic ${Buffer.from(`orders:${secret}`).toString('base64')}`,
        },
        body: JSON.stringify({
          subject: { type: 'user', id: 'bob' },
          action: { name: 'GetOrder' },
          resource: { type: 'order', id: '17' },
        }),
      })
    const answer = await ask(secrets.ORDERS_SECRET)
    expect(await answer.json()).toMatchObject({ decision: false })
    expect((await ask('guess')).status).toBe(401)
  })
})

describe('step 8, through an upstream OpenID provider', () => {
  it('a mail domain leads there, the person is made at the first sign-in, and the upstream’s groups give roles', async () => {
    upstream.people.set('u-1', {
      email: 'dora@partner.example',
      email_verified: true,
      name: 'Dora',
      preferred_username: 'dora',
      groups: ['desk', 'chess'],
    })
    const dora = new Browser()
    const away = await dora.submit(await dora.open(`${url}/portal/roles`), {
      identifier: 'dora@partner.example',
    })
    const there = await onward(dora, away)
    expect(new URL(there.url).origin).toBe(upstream.url)
    const back = await onward(dora, await dora.submit(there, { sub: 'u-1' }))
    expect(textOf(back)).toContain('Roles')
    const { out } = await runSignet(['audit', '--json', '--name', 'CreateUser'], env)
    expect(out).toContain('dora')
  })

  it('and a role that wants a second factor still asks for one', async () => {
    upstream.people.set('u-2', { email: 'emil@partner.example', email_verified: true, groups: ['desk'] })
    const emil = new Browser()
    const away = await emil.submit(await emil.open(`${url}/portal/roles`), {
      identifier: 'emil@partner.example',
    })
    await onward(emil, await emil.submit(await onward(emil, away), { sub: 'u-2' }))
    const admin = await emil.submit(
      await emil.open(`${url}/portal/roles`),
      { role: arn('role/Admin') },
      { form: (form) => form.fields['role'] === arn('role/Admin') },
    )
    expect(admin.title).toBe('Set up a second factor · Signet')
    expect(textOf(admin)).not.toContain('AWS_SECRET_ACCESS_KEY')
  })
})

describe('step 9, the audit log', () => {
  it('holds every step, in CloudTrail’s words, and no secret', async () => {
    const { out } = await runSignet(['audit', '--json'], env)
    const events = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { eventName: string; eventVersion: string; errorCode?: string })
    const names = new Set(events.map(({ eventName }) => eventName))
    for (const name of [
      'ConsoleLogin',
      'CreateUser',
      'CreateRole',
      'AssumeRole',
      'AssumeRoleWithWebIdentity',
      'AssumeRoleWithSAML',
      'Federate',
    ])
      expect([...names], name).toContain(name)
    expect(events.every(({ eventVersion }) => eventVersion === '1.11')).toBe(true)
    for (const secret of [
      desk.secretAccessKey,
      desk.sessionToken,
      secrets.BOB_PASSWORD,
      secrets.ORDERS_SECRET,
      aliceSeed,
      idToken,
      tokens.refresh,
    ])
      expect(out).not.toContain(secret)
    expect(server.err()).toBe('')
  })

  it('signing out ends the session for every app', async () => {
    await bob.submit(await bob.open(`${url}/signout`))
    expect((await bob.open(`${url}/portal`)).title).toBe('Sign in · Signet')
  })
})
