import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { tmpdir } from 'node:os'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { Browser } from '../support/browser.ts'
import { confirmDevice } from '../support/confirm-device.ts'
import { type SignetRun, startSignet } from '../support/signet-process.ts'
import { signInAt } from '../aws-sso/world.ts'
import { awsEnvironment, installedClis, overrideModels, type Ran, run } from './support/aws.ts'
import { account, type Company, people, startCompany } from './support/company.ts'
import { describeWith } from './support/peer.ts'

/** The logins of aws-wire's matrix, by the clients of this machine. What is not installed is listed as missing. */
const clis = installedClis()
const debian = clis.find(({ version }) => version.startsWith('2.9.'))
const first = clis.find(({ version }) => version.startsWith('1.'))
const newest = clis.find(({ version }) => /^2\.(?:[1-9]\d)\./.test(version))
const pythons = [
  ['boto3 of Debian', '/usr/bin/python3'],
  ['boto3 of the path', 'python3'],
] as const

let company: Company
let home: string
const carol = people.carol

/** A profile by SSO session, as the portal hands it out. */
const profile = (url: string): string =>
  [
    '[services signet]',
    ...['sts', 'iam', 'sso', 'sso_oidc', 'signin'].flatMap((service) => [
      `${service} =`,
      `  endpoint_url = ${url}`,
    ]),
    '[sso-session signet]',
    'sso_region = us-east-1',
    'sso_start_url = https://signet-7f3a91c2.awsapps.com/start',
    'sso_registration_scopes = sso:account:access',
    '[profile work]',
    'services = signet',
    'region = us-east-1',
    'sso_session = signet',
    `sso_account_id = ${account}`,
    'sso_role_name = Reader',
    '',
  ].join('\n')

const environment = () => ({ ...awsEnvironment(home), AWS_PROFILE: 'work' })
const whoAmI = async (path: string, env: Readonly<Record<string, string>> = {}): Promise<Ran> =>
  run(path, ['sts', 'get-caller-identity', '--query', 'Arn', '--output', 'text'], {
    ...environment(),
    ...env,
  })
const reader = `arn:aws:sts::${account}:assumed-role/Reader/carol`

/** `aws sso login` to its end, with Carol at the browser. */
async function ssoLogin(path: string): Promise<Ran> {
  const child = spawn(path, ['sso', 'login', '--profile', 'work', '--no-browser'], {
    env: { PATH: process.env['PATH'] ?? '', LANG: 'C.UTF-8', ...environment() },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 60_000,
    killSignal: 'SIGKILL',
  })
  let out = ''
  let err = ''
  let approving: Promise<unknown> | undefined
  child.stdout.on('data', (text) => {
    out += String(text)
    const url = /http:\/\/localhost:\d+\/aws\/device\?user_code=[A-Z]{4}-[A-Z]{4}/.exec(out)?.[0]
    if (url === undefined || approving !== undefined) return
    approving = (async () => {
      const browser = new Browser()
      const page = await signInAt(browser, url, carol, carol.password)
      await browser.submit(page, { do: 'allow' }, { form: () => true })
    })()
  })
  child.stderr.on('data', (text) => (err += String(text)))
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  await approving
  return { code, out, err }
}

describeWith('awscli', 'python3-boto3')('logins by AWS clients', () => {
  beforeAll(async () => {
    company = await startCompany()
    await company.apply()
    home = mkdtempSync(join(tmpdir(), 'signet-aws-'))
    mkdirSync(join(home, '.aws'))
    writeFileSync(join(home, '.aws/config'), profile(company.url))
    await overrideModels(home, company.url)
  })
  afterAll(async () => {
    rmSync(home, { recursive: true, force: true })
    await company.stop()
  })

  describe('aws sso login', () => {
    it('CLI 2.9 of Debian, by device code and its own models: logs in, takes the role, logs out', async () => {
      if (debian === undefined) throw new Error('missing: CLI 2.9 of Debian')
      const login = await ssoLogin(debian.path)
      expect(login, login.err).toMatchObject({ code: 0 })
      expect(login.out).toContain('Successfully logged into Start URL')
      expect((await whoAmI(debian.path)).out.trim()).toBe(reader)
    })

    it.skipIf(first === undefined)(
      'CLI v1: role credentials from the cached token, by a services section',
      async () => {
        rmSync(join(home, '.aws/models'), { recursive: true })
        const who = await whoAmI(first?.path ?? '')
        expect(who.out.trim(), who.err).toBe(reader)
        await overrideModels(home, company.url)
      },
    )

    it.each(pythons)('%s: role credentials from the cached token', async (_name, python) => {
      const program = 'import boto3; print(boto3.client("sts").get_caller_identity()["Arn"])'
      const { out, err } = await run(python, ['-c', program], environment())
      expect(out.trim(), err).toBe(reader)
    })

    it('CLI 2.9 of Debian: sso logout ends it for everybody', async () => {
      if (debian === undefined) throw new Error('missing: CLI 2.9 of Debian')
      const cached = () => readdirSync(join(home, '.aws/sso/cache')).length
      const before = cached()
      const { code, err } = await run(debian.path, ['sso', 'logout', '--profile', 'work'], environment())
      expect([code, err]).toEqual([0, ''])
      expect(cached()).toBe(before - 1)
      expect((await whoAmI(debian.path)).err).toContain('Error loading SSO Token')
      expect(existsSync(join(home, '.aws/config'))).toBe(true)
    })

    // In the output of every run, so that nobody takes silence for success.
    it.skipIf(newest !== undefined)(
      'missing: a CLI from 2.22 on (PKCE, aws login); missing: awscrt (aws login by boto3)',
      () => {
        expect(newest).toBeUndefined()
      },
    )
  })

  describe('signet agent', () => {
    let agents: SignetRun[] = []
    const whoIs = 'import boto3; print(boto3.client("sts").get_caller_identity()["Arn"])'
    /** What the agent says to set. */
    const started = async (...more: string[]): Promise<Record<string, string>> => {
      const agent = startSignet(['agent', '--role', 'Reader', '--port', '0', ...more], own())
      agents = [...agents, agent]
      await agent.says(more.includes('--imds') ? 'METADATA_SERVICE_ENDPOINT' : 'AUTHORIZATION_TOKEN')
      return Object.fromEntries(
        [...agent.out().matchAll(/^export (\w+)='([^']*)'$/gm)].map(([, name = '', value = '']) => [
          name,
          value,
        ]),
      )
    }
    const own = () => ({ HOME: home, SIGNET_URL: company.url })
    /** What botocore of Debian needs: its own models, and no metadata switch. */
    const bare = (): Record<string, string> => {
      const { AWS_EC2_METADATA_DISABLED: _off, ...rest } = awsEnvironment(home)
      return { ...rest, AWS_ENDPOINT_URL: company.url, AWS_CONFIG_FILE: join(home, 'none') }
    }

    beforeAll(async () => {
      const login = startSignet(['login'], own())
      const address = await vi.waitUntil(() => /Open (\S+)/.exec(login.err())?.[1], { timeout: 60_000 })
      await confirmDevice(address, carol)
      expect(await login.ended).toBe(0)
    })
    afterAll(async () => {
      for (const agent of agents) {
        agent.child.kill('SIGTERM')
        await agent.ended
      }
    })

    it.each(pythons)(
      '%s: the container endpoint, with the token in the environment',
      async (_name, python) => {
        const { out, err } = await run(python, ['-c', whoIs], {
          ...bare(),
          ...(await started('--token-in-env')),
        })
        expect(out.trim(), err).toBe(reader)
      },
    )

    it('boto3 of the path: the container endpoint, with the token in a file', async () => {
      const { out, err } = await run('python3', ['-c', whoIs], { ...bare(), ...(await started()) })
      expect(out.trim(), err).toBe(reader)
    })

    it.each(pythons)('%s: the instance metadata', async (_name, python) => {
      const { AWS_EC2_METADATA_SERVICE_ENDPOINT: endpoint = '' } = await started('--imds')
      const env = { ...bare(), AWS_EC2_METADATA_SERVICE_ENDPOINT: endpoint }
      const { out, err } = await run(python, ['-c', whoIs], env)
      expect(out.trim(), err).toBe(reader)
    })

    it.each(clis.map((cli) => [cli.version, cli] as const))(
      'CLI %s: credential_process',
      async (_version, cli) => {
        const config = join(home, 'process-config')
        const signet = join(import.meta.dirname, '../../bin/signet.cjs')
        const command = `${process.execPath} ${signet} credentials --role Reader --url ${company.url}`
        writeFileSync(config, `[default]\nregion = us-east-1\ncredential_process = ${command}\n`)
        const { out, err } = await run(
          cli.path,
          ['sts', 'get-caller-identity', '--query', 'Arn', '--output', 'text'],
          {
            ...bare(),
            AWS_CONFIG_FILE: config,
          },
        )
        expect(out.trim(), err).toBe(reader)
      },
    )
  })

  it('caused no fault of the server', () => {
    expect(company.faults()).toEqual([])
  })
})
