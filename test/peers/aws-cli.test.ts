import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { authnRequest, redirectQuery, testSp } from '../support/saml-sp.ts'
import { foreignIdp } from '../support/saml-idp.ts'
import { startSignet } from '../support/signet-process.ts'
import type { Apache } from './support/apache.ts'
import { openidcPage, shownVariable } from './support/apps.ts'
import { type AwsCli, awsEnvironment, installedClis, overrideModels, type Ran, run } from './support/aws.ts'
import { launchChromium, visit, type Visitor } from './support/chromium.ts'
import { account, type Company, people, startCompany } from './support/company.ts'
import { type Issuer, startIssuer } from './support/issuer.ts'
import { describeWith } from './support/peer.ts'
import { leadsTo, shows, signIn } from './support/sign-in.ts'
import { tampered } from '../support/tampered.ts'

const arn = (kind: string): string => `arn:aws:iam::${account}:${kind}`
const role = (name: string): string => arn(`role/${name}`)
const aws = 'https://aws.amazon.com/SAML/Attributes'
const partner = foreignIdp('https://idp.partner.example/metadata')
const trust = (statement: object) => ({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', ...statement }],
})
const trustAccount = (condition?: object) =>
  trust({
    Principal: { AWS: arn('root') },
    Action: ['sts:AssumeRole', 'sts:TagSession', 'sts:SetSourceIdentity'],
    ...(condition === undefined ? {} : { Condition: condition }),
  })

let company: Company
let issuer: Issuer
let apache: Apache
let browser: Browser
let alice: Visitor
let idToken: string
let stsEndpoint: string
/** The lines that the portal gives to copy. */
let portalLines: string

const clis = installedClis()
const homes = new Map<AwsCli, string>()

/** Runs a command of this client with only these credentials. */
const call = (
  cli: AwsCli,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  prefix: readonly string[] = [],
): Promise<Ran> => {
  const home = homes.get(cli) ?? ''
  const [command, ...before] = [...prefix, cli.path]
  return run(command, [...before, ...args, '--output', 'json'], {
    ...awsEnvironment(home),
    ...(cli.knowsEndpointVariable ? { AWS_ENDPOINT_URL: company.url } : {}),
    ...env,
  })
}
const json = ({ code, out, err }: Ran): Record<string, never> => {
  if (code !== 0) throw new Error(`exit code ${code}: ${err}`)
  return JSON.parse(out) as Record<string, never>
}
const aliceKeys = {
  AWS_ACCESS_KEY_ID: people.alice.accessKeyId,
  AWS_SECRET_ACCESS_KEY: people.alice.secretAccessKey,
}
type Issued = {
  readonly Credentials: {
    readonly AccessKeyId: string
    readonly SecretAccessKey: string
    readonly SessionToken: string
    readonly Expiration: string
  }
  readonly AssumedRoleUser: { readonly Arn: string }
  readonly PackedPolicySize?: number
}
const keysOf = ({ Credentials }: Issued): Record<string, string> => ({
  AWS_ACCESS_KEY_ID: Credentials.AccessKeyId,
  AWS_SECRET_ACCESS_KEY: Credentials.SecretAccessKey,
  AWS_SESSION_TOKEN: Credentials.SessionToken,
})
/** What the session says of itself when it is used. */
const whoIs = async (cli: AwsCli, issued: Issued): Promise<string> =>
  json(await call(cli, ['sts', 'get-caller-identity'], keysOf(issued)))['Arn'] ?? ''

describeWith(
  'awscli',
  'python3-boto3',
  'chromium',
  'faketime',
  'apache2-bin',
  'libapache2-mod-auth-openidc',
)('the aws command', () => {
  beforeAll(async () => {
    issuer = await startIssuer()
    company = await startCompany({ sts: { allowed_issuer_hosts: [issuer.host] } })
    stsEndpoint = `${company.url}/saml/aws`
    const own = company.url.replace('http://', '')
    const page = await openidcPage(company)
    writeFileSync(join(company.folder, 'partner.xml'), partner.metadata)
    const metadata = await fetch(`${company.url}/saml/metadata`)
    writeFileSync(join(company.folder, 'own.xml'), await metadata.text())
    await company.apply({
      roles: [
        {
          name: 'External',
          trust: trustAccount({ StringEquals: { 'sts:ExternalId': 'the-agreed-id' } }),
        },
        { name: 'Admin', trust: trustAccount({ Bool: { 'aws:MultiFactorAuthPresent': 'true' } }) },
        {
          name: 'Web',
          trust: {
            Version: '2012-10-17',
            Statement: [
              {
                Effect: 'Allow',
                Principal: { Federated: arn(`oidc-provider/${own}`) },
                Action: 'sts:AssumeRoleWithWebIdentity',
                Condition: { StringEquals: { [`${own}:aud`]: 'page' } },
              },
              {
                Effect: 'Allow',
                Principal: { Federated: arn(`oidc-provider/${issuer.host}`) },
                Action: 'sts:AssumeRoleWithWebIdentity',
                Condition: { StringLike: { [`${issuer.host}:sub`]: 'repo:acme/orders:*' } },
              },
            ],
          },
        },
        {
          name: 'Saml',
          trust: trust({
            Principal: { Federated: [arn('saml-provider/partner'), arn('saml-provider/own')] },
            Action: ['sts:AssumeRoleWithSAML', 'sts:TagSession'],
          }),
        },
      ],
      apps: [
        page.declaration,
        {
          name: 'Role sessions',
          saml: {
            entity_id: stsEndpoint,
            acs: stsEndpoint,
            attributes: {
              [`${aws}/RoleSessionName`]: 'user_name',
              [`${aws}/Role`]: { values: [`${role('Saml')},${arn('saml-provider/own')}`] },
            },
          },
        },
      ],
      oidc_providers: [
        { url: company.url, client_ids: ['page'] },
        { url: issuer.url, client_ids: ['signet'] },
      ],
      saml_providers: [
        { name: 'partner', metadata_file: join(company.folder, 'partner.xml') },
        { name: 'own', metadata_file: join(company.folder, 'own.xml') },
      ],
    })
    for (const [index, cli] of clis.entries()) {
      const home = join(company.folder, `home-${index}`)
      mkdirSync(home)
      homes.set(cli, home)
      if (!cli.knowsEndpointVariable) await overrideModels(home, company.url)
    }
    apache = await page.start()
    browser = await launchChromium()
    alice = await visit(browser)
    await alice.page.goto(`${page.url}/app/`)
    await signIn(alice.page, people.alice)
    await leadsTo(alice.page, `${page.url}/app/`)
    idToken = shownVariable((await alice.page.textContent('pre')) ?? '', 'OIDC_id_token') ?? ''
    await alice.page.goto(`${company.url}/portal/roles`)
    await alice.page.click('button:has-text("Reader")')
    portalLines = (await alice.page.textContent('details[open] pre')) ?? ''
  })
  afterAll(async () => {
    await browser?.close()
    await apache?.stop()
    await company?.stop()
    await issuer?.stop()
  })

  it.each(clis)('$version: lines copied from the portal into a shell', async (cli) => {
    expect(portalLines).toContain('export AWS_ACCESS_KEY_ID=')
    const home = homes.get(cli) ?? ''
    const ran = await run('bash', ['-c', `${portalLines}\n${cli.path} sts get-caller-identity`], {
      ...awsEnvironment(home),
    })
    expect(json(ran)).toMatchObject({
      Account: account,
      Arn: expect.stringMatching(new RegExp(`^arn:aws:sts::${account}:assumed-role/Reader/alice`)) as string,
    })
  })

  it.each(clis)('$version: --endpoint-url', async (cli) => {
    const env = { ...aliceKeys, AWS_ENDPOINT_URL: 'http://127.0.0.1:9', HOME: company.folder }
    const ran = await call(cli, ['sts', 'get-caller-identity', '--endpoint-url', company.url], env)
    expect(json(ran)['Arn']).toBe(arn('user/alice'))
  })

  it.each(clis)('$version: assume-role with policy, tags and source identity', async (cli) => {
    const policy = JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: 'orders:Get*', Resource: '*' }],
    })
    const asked = ['sts', 'assume-role', '--role-arn', role('Reader'), '--role-session-name', 'desk']
    const more = ['--policy', policy, '--tags', 'Key=team,Value=one two', '--source-identity', 'alice']
    const issued = json(
      await call(cli, [...asked, ...more, '--duration-seconds', '900'], aliceKeys),
    ) as unknown as Issued
    expect(issued.AssumedRoleUser.Arn).toBe(`arn:aws:sts::${account}:assumed-role/Reader/desk`)
    expect(issued.PackedPolicySize).toBeGreaterThan(0)
    expect(await whoIs(cli, issued)).toBe(issued.AssumedRoleUser.Arn)
  })

  it.each(clis)('$version: assume-role with the agreed external id, and not without', async (cli) => {
    const asked = ['sts', 'assume-role', '--role-arn', role('External'), '--role-session-name', 'xx']
    expect((await call(cli, asked, aliceKeys)).err).toContain('(AccessDenied)')
    expect((await call(cli, [...asked, '--external-id', 'another'], aliceKeys)).err).toContain(
      '(AccessDenied)',
    )
    const issued = json(await call(cli, [...asked, '--external-id', 'the-agreed-id'], aliceKeys))
    expect(await whoIs(cli, issued as unknown as Issued)).toContain('/External/xx')
  })

  it.each(clis)('$version: a role that wants a second factor is refused to a key alone', async (cli) => {
    const asked = ['sts', 'assume-role', '--role-arn', role('Admin'), '--role-session-name', 'xx']
    const { code, err } = await call(cli, asked, aliceKeys)
    expect([code, err]).toEqual([
      254 + (cli.version.startsWith('1.') ? 1 : 0),
      expect.stringContaining('(AccessDenied)'),
    ])
    expect(err).toContain(`User: ${arn('user/alice')} is not authorized to perform: sts:AssumeRole`)
  })

  it.each(clis)('$version: a session longer than the role allows is refused', async (cli) => {
    const asked = ['sts', 'assume-role', '--role-arn', role('Reader'), '--role-session-name', 'xx']
    const { err } = await call(cli, [...asked, '--duration-seconds', '7201'], aliceKeys)
    expect(err).toContain('(ValidationError)')
    expect(err).toContain('MaxSessionDuration')
  })

  it.each(clis)(
    "$version: assume-role-with-web-identity, Signet's own ID token and another issuer's",
    async (cli) => {
      expect(idToken).toMatch(/^ey/)
      const asked = [
        'sts',
        'assume-role-with-web-identity',
        '--role-arn',
        role('Web'),
        '--role-session-name',
        'job',
      ]
      const other = (claims: object) =>
        issuer.token({ aud: 'signet', sub: 'repo:acme/orders:main', ...claims })
      for (const token of [idToken, await other({})]) {
        const issued = json(await call(cli, [...asked, '--web-identity-token', token])) as unknown as Issued
        expect(await whoIs(cli, issued)).toBe(`arn:aws:sts::${account}:assumed-role/Web/job`)
      }
      const refused = async (token: string): Promise<string | undefined> =>
        /An error occurred \((\w+)\)/.exec(
          (await call(cli, [...asked, '--web-identity-token', token])).err,
        )?.[1]
      expect(await refused(await other({ aud: 'another' }))).toBe('InvalidIdentityToken')
      expect(await refused(await other({ sub: 'repo:evil/orders:main' }))).toBe('AccessDenied')
      expect(await refused(tampered(idToken))).toBe('InvalidIdentityToken')
    },
  )

  it.each(clis)('$version: a web identity token file in the environment', async (cli) => {
    // Debian's client takes a session for this by itself, at the endpoint of its models.
    const file = join(company.folder, 'token')
    writeFileSync(file, await issuer.token({ aud: 'signet', sub: 'repo:acme/orders:main' }))
    const ran = await call(cli, ['sts', 'get-caller-identity'], {
      AWS_WEB_IDENTITY_TOKEN_FILE: file,
      AWS_ROLE_ARN: role('Web'),
      AWS_ROLE_SESSION_NAME: 'from-file',
    })
    expect(json(ran)['Arn']).toBe(`arn:aws:sts::${account}:assumed-role/Web/from-file`)
  })

  it.each(clis)(
    "$version: assume-role-with-saml, an assertion of Signet's own and one of another",
    async (cli) => {
      const own = await ownAssertion()
      const now = Temporal.Now.instant()
      const other = (more: object = {}) =>
        partner.mint({
          recipient: stsEndpoint,
          now,
          attributes: {
            [`${aws}/Role`]: [`${role('Saml')},${arn('saml-provider/partner')}`],
            [`${aws}/RoleSessionName`]: ['machine'],
            [`${aws}/PrincipalTag:team`]: ['desk'],
          },
          ...more,
        })
      const ask = (assertion: string, provider: string) =>
        call(cli, [
          'sts',
          'assume-role-with-saml',
          '--role-arn',
          role('Saml'),
          '--principal-arn',
          arn(`saml-provider/${provider}`),
          '--saml-assertion',
          assertion,
        ])
      const ownSession = json(await ask(own, 'own')) as unknown as Issued
      expect(await whoIs(cli, ownSession)).toBe(`arn:aws:sts::${account}:assumed-role/Saml/alice`)
      const otherSession = json(await ask(other(), 'partner')) as unknown as Issued
      expect(await whoIs(cli, otherSession)).toBe(`arn:aws:sts::${account}:assumed-role/Saml/machine`)
      const forged = other({ afterSigning: (xml: string) => xml.replace('>machine<', '>admin<') })
      expect((await ask(forged, 'partner')).err).toContain('(InvalidIdentityToken)')
      expect((await ask(own, 'partner')).err).toContain('(InvalidIdentityToken)')
      const old = other({ now: now.subtract({ minutes: 6 }) })
      expect((await ask(old, 'partner')).err).toContain('(ExpiredTokenException)')
    },
  )

  it.each(clis)('$version: a profile with role_arn and source_profile', async (cli) => {
    const home = homes.get(cli) ?? ''
    const config = join(home, 'config')
    writeFileSync(
      config,
      `[profile work]\nrole_arn = ${role('Reader')}\nsource_profile = keys\nrole_session_name = by-profile\n` +
        `[profile keys]\naws_access_key_id = ${people.alice.accessKeyId}\naws_secret_access_key = ${people.alice.secretAccessKey}\n`,
    )
    const ran = await call(cli, ['sts', 'get-caller-identity', '--profile', 'work'], {
      AWS_CONFIG_FILE: config,
    })
    expect(json(ran)['Arn']).toBe(`arn:aws:sts::${account}:assumed-role/Reader/by-profile`)
  })

  it('signet login in the browser, then signet credentials as credential_process of every client', async () => {
    const env = { HOME: join(company.folder, 'home') }
    const login = startSignet(['login', '--url', company.url], { ...env, DATA_DIR: company.folder })
    const shown = /http\S+user_code=\S+/
    while (!shown.test(login.err()) && login.child.exitCode === null) await setTimeout(100)
    const { page } = alice
    await page.goto(shown.exec(login.err())?.[0] ?? '')
    await page.click('button:has-text("Connect")')
    await shows(page, 'h1:has-text("Connected")')
    expect(await login.ended).toBe(0)
    const signet = join(import.meta.dirname, '../../bin/signet.cjs')
    for (const cli of clis) {
      const config = join(homes.get(cli) ?? '', 'process')
      writeFileSync(
        config,
        `[profile work]\ncredential_process = ${process.execPath} ${signet} credentials --role Reader --url ${company.url}\n`,
      )
      const ran = await call(cli, ['sts', 'get-caller-identity', '--profile', 'work'], {
        AWS_CONFIG_FILE: config,
        XDG_CONFIG_HOME: join(company.folder, 'home', '.config'),
      })
      expect(json(ran)['Arn']).toContain(`arn:aws:sts::${account}:assumed-role/Reader/`)
    }
  })

  it('a request that boto3 presigned', async () => {
    const script = [
      'import boto3, sys',
      'sts = boto3.client("sts", endpoint_url=sys.argv[1], region_name="us-east-1")',
      'print(sts.generate_presigned_url("get_caller_identity", HttpMethod="GET"))',
    ].join('\n')
    const home = homes.get(clis[0] as AwsCli) ?? ''
    const ran = await run('/usr/bin/python3', ['-c', script, company.url], {
      ...awsEnvironment(home),
      ...aliceKeys,
    })
    expect(ran.err).toBe('')
    const url = ran.out.trim()
    const answer = await fetch(url)
    expect([answer.status, await answer.text()]).toEqual([200, expect.stringContaining(arn('user/alice'))])
    const other = await fetch(url.replace('Action=GetCallerIdentity', 'Action=GetSessionToken'))
    expect([other.status, await other.text()]).toEqual([
      403,
      expect.stringContaining('SignatureDoesNotMatch'),
    ])
  })

  it.each(clis)('$version: says what is wrong with credentials', async (cli) => {
    const asked = ['sts', 'assume-role', '--role-arn', role('Reader'), '--role-session-name', 'xx']
    const issued = json(await call(cli, asked, aliceKeys)) as unknown as Issued
    const identity = ['sts', 'get-caller-identity']
    const code = async (env: Record<string, string>, prefix: readonly string[] = []) =>
      /An error occurred \((\w+)\)/.exec((await call(cli, identity, env, prefix)).err)?.[1]
    expect(await code({ ...aliceKeys, AWS_SECRET_ACCESS_KEY: 'wrong' })).toBe('SignatureDoesNotMatch')
    expect(await code({ ...aliceKeys, AWS_ACCESS_KEY_ID: 'AKIANOBODYHASTHIS234' })).toBe(
      'InvalidClientTokenId',
    )
    const changed = tampered(issued.Credentials.SessionToken)
    expect(await code({ ...keysOf(issued), AWS_SESSION_TOKEN: changed })).toBe('InvalidClientTokenId')
    expect(await code(aliceKeys, ['faketime', '-f', '+16m'])).toBe('SignatureDoesNotMatch')
    expect(await code(aliceKeys, ['faketime', '-f', '-16m'])).toBe('SignatureDoesNotMatch')
    expect(await code(aliceKeys, ['faketime', '-f', '+10m'])).toBe(undefined)
  })

  it('the server met no fault of its own in all of this', () => {
    expect(alice.complaints).toEqual([])
    expect(company.faults()).toEqual([])
  })
})

/** An assertion of Signet's own for STS, taken where the browser was to post it. */
async function ownAssertion(): Promise<string> {
  const { page } = alice
  const posted = new Promise<string>((resolve) => {
    void page.route(stsEndpoint, async (route) => {
      resolve(new URLSearchParams(route.request().postData() ?? '').get('SAMLResponse') ?? '')
      await route.fulfill({
        contentType: 'text/html',
        body: '<link rel="icon" href="data:,"><title>Taken</title>',
      })
    })
  })
  const request = authnRequest(testSp(stsEndpoint), { now: Temporal.Now.instant() })
  await page.goto(`${company.url}/saml/sso?${redirectQuery(request)}`)
  const assertion = await posted
  await page.unroute(stsEndpoint)
  return assertion
}
