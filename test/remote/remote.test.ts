import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { Browser, textOf } from '../support/browser.ts'
import { freePort, runSignet, type SignetRun, startSignet } from '../support/signet-process.ts'

// Whole processes are started here.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

const folder = mkdtempSync(join(tmpdir(), 'signet-remote-'))
let url: string
let server: SignetRun
let env: Record<string, string>

beforeAll(async () => {
  const port = await freePort()
  url = `http://localhost:${port}`
  server = startSignet(['demo'], {
    DATA_DIR: join(folder, 'data'),
    PORT: String(port),
    ACME_ALICE_PASSWORD: 'orange ladder trumpet',
    ACME_BOB_PASSWORD: 'violet kettle umbrella',
    SIGNET_PASSWORDS__MEMORY_KIB: '19456',
    SIGNET_PASSWORDS__PASSES: '2',
  })
  await server.says('"msg":"ready"')
  env = { XDG_CONFIG_HOME: join(folder, 'config'), SIGNET_URL: url, DATA_DIR: folder }
})
afterAll(async () => {
  server.child.kill('SIGTERM')
  await server.ended
  rmSync(folder, { recursive: true })
})

/** Confirms the code in a browser. */
async function confirm(
  address: string,
  { name, password } = { name: 'bob', password: 'violet kettle umbrella' },
): Promise<string> {
  const browser = new Browser()
  let page = await browser.open(address)
  for (let steps = 0; steps < 10 && !textOf(page).includes('You can close this page'); steps++) {
    const onward = Browser.onward(page)
    if (onward !== undefined) page = await browser.open(onward)
    else if (page.html.includes('name="password"')) page = await browser.submit(page, { password })
    else if (page.html.includes('name="identifier"')) page = await browser.submit(page, { identifier: name })
    else page = await browser.submit(page)
  }
  return textOf(page)
}

describe('the command line of a person', () => {
  it('that is not signed in says how to', async () => {
    for (const args of [['token'], ['credentials', '--role', 'OrdersDesk']]) {
      const { code, out, err } = await runSignet(args, env)
      expect([code, out]).toEqual([1, ''])
      expect(err).toBe(`You are not signed in to ${url}. Run: signet login --url ${url}\n`)
    }
  })

  it('signs in with a browser and takes a role that an AWS client can use', async () => {
    const login = startSignet(['login'], env)
    const address = await vi.waitUntil(() => /Open (\S+)/.exec(login.err())?.[1], { timeout: 60_000 })
    expect(new URL(address).origin).toBe(url)
    expect(await confirm(address)).toContain('You can close this page')
    expect(await login.ended).toBe(0)
    expect(login.out()).toBe('')

    const kept = join(folder, 'config/signet/login.json')
    expect(statSync(kept).mode & 0o777).toBe(0o600)
    const token = await runSignet(['token'], env)
    expect(readFileSync(kept, 'utf8')).toContain(token.out.trim())

    const taken = await runSignet(['credentials', '--role', 'OrdersDesk'], env)
    expect(taken).toMatchObject({ code: 0, err: '' })
    const credentials = JSON.parse(taken.out) as Record<string, string>
    expect(Object.keys(credentials)).toEqual([
      'Version',
      'AccessKeyId',
      'SecretAccessKey',
      'SessionToken',
      'Expiration',
    ])
    const sts = new STSClient({
      endpoint: url,
      region: 'us-east-1',
      credentials: {
        accessKeyId: credentials['AccessKeyId'] ?? '',
        secretAccessKey: credentials['SecretAccessKey'] ?? '',
        sessionToken: credentials['SessionToken'] ?? '',
      },
    })
    const { Arn } = await sts.send(new GetCallerIdentityCommand({}))
    expect(Arn).toBe('arn:aws:sts::111122223333:assumed-role/OrdersDesk/bob')

    const lines = await runSignet(['env', '--role', 'arn:aws:iam::111122223333:role/OrdersDesk'], env)
    expect(lines.out).toMatch(/^export AWS_ACCESS_KEY_ID='ASIA\w+'\nexport AWS_SECRET_ACCESS_KEY='/)
    expect(lines.out).toContain(`export AWS_ENDPOINT_URL='${url}'`)

    const refused = await runSignet(['credentials', '--role', 'Admin'], env)
    expect([refused.code, refused.out]).toEqual([1, ''])
    expect(refused.err).toContain(`${url} gives no session of Admin: `)
  })

  it('ends one session, all of a role and all of a person, and none without permission', async () => {
    const admin = { ...env, XDG_CONFIG_HOME: join(folder, 'admin') }
    const login = startSignet(['login'], admin)
    const address = await vi.waitUntil(() => /Open (\S+)/.exec(login.err())?.[1], { timeout: 60_000 })
    await confirm(address, { name: 'alice', password: 'orange ladder trumpet' })
    expect(await login.ended).toBe(0)
    const take = async () => {
      const { out } = await runSignet(['credentials', '--role', 'OrdersDesk'], env)
      const given = JSON.parse(out) as Record<string, string>
      const credentials = {
        accessKeyId: given['AccessKeyId'] ?? '',
        secretAccessKey: given['SecretAccessKey'] ?? '',
        sessionToken: given['SessionToken'] ?? '',
      }
      const sts = new STSClient({ endpoint: url, region: 'us-east-1', credentials, maxAttempts: 1 })
      return {
        id: credentials.accessKeyId,
        call: () =>
          sts.send(new GetCallerIdentityCommand({})).then(
            () => 'accepted',
            (thrown: Error) => thrown.name,
          ),
      }
    }
    const [first, second] = [await take(), await take()]
    const byBob = await runSignet(['revoke', 'session', second.id], env)
    expect([byBob.code, byBob.err]).toEqual([
      1,
      expect.stringContaining('not authorized to perform: signet:Revoke'),
    ])

    const one = await runSignet(['revoke', 'session', first.id], admin)
    expect([one.code, one.err]).toEqual([0, ''])
    expect([await first.call(), await second.call()]).toEqual(['ExpiredToken', 'accepted'])

    expect((await runSignet(['revoke', 'role', 'OrdersDesk'], admin)).code).toBe(0)
    expect(await second.call()).toBe('ExpiredToken')
    const third = await take()
    expect(await third.call()).toBe('accepted')

    const all = await runSignet(['revoke', 'user', 'bob'], admin)
    expect(all.out).toBe('All that was issued to arn:aws:iam::111122223333:user/bob until now is over.\n')
    expect(await third.call()).toBe('ExpiredToken')
    expect((await runSignet(['credentials', '--role', 'OrdersDesk'], env)).code).toBe(1)

    const nobody = await runSignet(['revoke', 'user', 'nobody'], admin)
    expect([nobody.code, nobody.err]).toEqual([1, expect.stringContaining('There is no user nobody here.')])
    expect((await runSignet(['revoke', 'banana', 'x'], admin)).err).toContain('"banana" cannot be revoked.')
    const partner = 'arn:aws:sts::111122223333:federated-user/partner'
    const federated = await runSignet(['revoke', 'federated', partner], admin)
    expect(federated.out).toBe(`All that was issued to ${partner} until now is over.\n`)
    const provider = 'arn:aws:iam::111122223333:saml-provider/none'
    const unknown = await runSignet(['revoke', 'federated', 'alice', '--provider', provider], admin)
    expect([unknown.code, unknown.err]).toEqual([
      1,
      expect.stringContaining(`There is no provider ${provider} here.`),
    ])
  })

  it('asks what a user could do, and says why', async () => {
    const admin = { ...env, XDG_CONFIG_HOME: join(folder, 'admin') }
    const bob = 'arn:aws:iam::111122223333:user/bob'
    const role = 'arn:aws:iam::111122223333:role'
    const login = startSignet(['login'], admin)
    const address = await vi.waitUntil(() => /Open (\S+)/.exec(login.err())?.[1], { timeout: 60_000 })
    await confirm(address, { name: 'alice', password: 'orange ladder trumpet' })
    expect(await login.ended).toBe(0)

    const allowed = await runSignet(['simulate', bob, 'sts:AssumeRole', `${role}/OrdersDesk`], admin)
    expect(allowed).toMatchObject({ code: 0, err: '' })
    expect(allowed.out).toMatch(/^allowed: Allowed by .*\n {2}\S+: statement \d.*, line \d+, column \d+\n/)
    const denied = await runSignet(['simulate', bob, 'sts:AssumeRole', `${role}/Admin`, '--json'], admin)
    expect(denied.code).toBe(1)
    expect(JSON.parse(denied.out)).toMatchObject({
      decision: 'implicitDeny',
      missing_context_values: ['aws:MultiFactorAuthPresent'],
    })
    const refused = await runSignet(['simulate', bob, 'iam:GetUser'], env)
    expect([refused.code, refused.out]).toEqual([1, ''])
  })
})
