import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import { fromContainerMetadata, fromHttp, fromInstanceMetadata } from '@aws-sdk/credential-providers'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { confirmDevice } from '../support/confirm-device.ts'
import { rawRequest } from '../support/raw-http.ts'
import { freePort, runSignet, type SignetRun, startSignet } from '../support/signet-process.ts'

// Whole processes are started here.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

const folder = mkdtempSync(join(tmpdir(), 'signet-agent-'))
const tokenFile = join(folder, 'config/signet/agent-token')
let url: string
let server: SignetRun
let agent: SignetRun
let env: Record<string, string>
/** What the agent printed to be set. */
let variables: Record<string, string>

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
  const login = startSignet(['login'], env)
  const address = await vi.waitUntil(() => /Open (\S+)/.exec(login.err())?.[1], { timeout: 60_000 })
  await confirmDevice(address, { name: 'bob', password: 'violet kettle umbrella' })
  expect(await login.ended).toBe(0)
  agent = startSignet(['agent', '--role', 'OrdersDesk', '--port', '0', '--imds'], env)
  await agent.says('AWS_EC2_METADATA_SERVICE_ENDPOINT')
  variables = Object.fromEntries(
    [...agent.out().matchAll(/^export (\w+)='([^']*)'$/gm)].map(([, name = '', value = '']) => [name, value]),
  )
})
afterAll(async () => {
  server.child.kill('SIGTERM')
  await server.ended
  rmSync(folder, { recursive: true })
})
afterEach(() => {
  for (const name of Object.keys(process.env))
    if (/^AWS_(CONTAINER|EC2)_/.test(name)) Reflect.deleteProperty(process.env, name)
})

type Keys = { accessKeyId: string; secretAccessKey: string; sessionToken?: string }

async function whoAmI(credentials: Keys): Promise<string | undefined> {
  const sts = new STSClient({ endpoint: url, region: 'us-east-1', credentials })
  try {
    return (await sts.send(new GetCallerIdentityCommand({}))).Arn
  } finally {
    sts.destroy()
  }
}
const desk = /^arn:aws:sts::\d{12}:assumed-role\/OrdersDesk\/bob$/

const get = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
  rawRequest(variables['AWS_EC2_METADATA_SERVICE_ENDPOINT'] ?? '', { method, path, headers })
const token = () => readFileSync(tokenFile, 'utf8')

describe('signet agent', () => {
  it('writes a token for this user alone, without a newline', () => {
    expect(token()).toMatch(/^[\w-]{43}$/)
    expect(statSync(tokenFile).mode & 0o777).toBe(0o600)
    expect(agent.out()).not.toContain(token())
    expect(agent.err()).not.toContain(token())
  })

  it('gives credentials to the SDK’s container provider, with the token in the environment', async () => {
    process.env['AWS_CONTAINER_CREDENTIALS_FULL_URI'] = variables['AWS_CONTAINER_CREDENTIALS_FULL_URI']
    process.env['AWS_CONTAINER_AUTHORIZATION_TOKEN'] = token()
    expect(await whoAmI(await fromContainerMetadata()())).toMatch(desk)
  })

  it('gives credentials to the SDK’s HTTP provider, with the token in a file', async () => {
    Object.assign(process.env, variables)
    expect(await whoAmI(await fromHttp()())).toMatch(desk)
  })

  it('gives credentials to the SDK’s instance provider', async () => {
    process.env['AWS_EC2_METADATA_SERVICE_ENDPOINT'] = variables['AWS_EC2_METADATA_SERVICE_ENDPOINT']
    expect(await whoAmI(await fromInstanceMetadata({ ec2MetadataV1Disabled: true })())).toMatch(desk)
  })

  it.each([
    ['without the token', () => get('/credentials'), 401],
    ['with a wrong token', () => get('/credentials', { authorization: 'x' }), 401],
    [
      'from a page that names another host',
      () => get('/credentials', { host: 'evil.example', authorization: token() }),
      403,
    ],
    [
      'from a page of another origin',
      () => get('/credentials', { origin: 'https://evil.example', authorization: token() }),
      403,
    ],
    [
      'through a proxy',
      () => get('/credentials', { 'x-forwarded-for': '192.0.2.1', authorization: token() }),
      403,
    ],
    ['by another method', () => get('/credentials', { authorization: token() }, 'POST'), 405],
    [
      'of the instance without a token (version 1)',
      () => get('/latest/meta-data/iam/security-credentials/'),
      401,
    ],
    ['for an instance token without its life', () => get('/latest/api/token', {}, 'PUT'), 400],
    ['for an instance token by GET', () => get('/latest/api/token'), 405],
    [
      'of the instance through a proxy',
      () =>
        get(
          '/latest/api/token',
          { 'x-aws-ec2-metadata-token-ttl-seconds': '60', 'x-forwarded-for': '192.0.2.1' },
          'PUT',
        ),
      403,
    ],
    ['for anything else', () => get('/latest/user-data'), 404],
  ])('refuses a request %s', async (_what, send, status) => {
    const answer = await send()
    expect(answer.status).toBe(status)
    expect(answer.body).not.toContain('SecretAccessKey')
  })

  it('names the role, and knows no other', async () => {
    const ttl = { 'x-aws-ec2-metadata-token-ttl-seconds': '60' }
    const given = await get('/latest/api/token', ttl, 'PUT')
    const headers = { 'x-aws-ec2-metadata-token': given.body }
    const path = '/latest/meta-data/iam/security-credentials'
    expect((await get(path, headers)).body).toBe('OrdersDesk')
    expect((await get(`${path}/Other`, headers)).status).toBe(404)
    expect((await get(`${path}/%ff`, headers)).status).toBe(404)
  })

  it('says at once that nobody is signed in, or that the role may not be taken', async () => {
    const stranger = await runSignet(['agent', '--role', 'OrdersDesk', '--port', '0'], {
      ...env,
      XDG_CONFIG_HOME: join(folder, 'nobody'),
    })
    expect(stranger).toMatchObject({ code: 1, out: '' })
    expect(stranger.err).toContain('You are not signed in')
    const refused = await runSignet(['agent', '--role', 'NoSuchRole', '--port', '0'], env)
    expect(refused).toMatchObject({ code: 1, out: '' })
    expect(refused.err).toContain('gives no session of NoSuchRole')
  })

  describe('and revocation', () => {
    const admin = () => ({ ...env, XDG_CONFIG_HOME: join(folder, 'admin') })
    const refusalOf = (keys: Keys) => whoAmI(keys).catch((thrown: Error) => thrown.name)

    beforeAll(async () => {
      const login = startSignet(['login'], admin())
      const address = await vi.waitUntil(() => /Open (\S+)/.exec(login.err())?.[1], { timeout: 60_000 })
      await confirmDevice(address, { name: 'alice', password: 'orange ladder trumpet' })
      expect(await login.ended).toBe(0)
    })

    // The last one ends the person's own sign-in too, so it is the last.
    it.each([
      ['session', ({ accessKeyId }: Keys) => accessKeyId],
      ['role', () => 'OrdersDesk'],
      ['account', () => '111122223333'],
      ['user', () => 'bob'],
    ])('gives nothing that counts after the %s was revoked', async (kind, idOf) => {
      const fresh = startSignet(['agent', '--role', 'OrdersDesk', '--port', '0'], {
        ...env,
        XDG_RUNTIME_DIR: join(folder, kind),
      })
      await fresh.says('AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE')
      for (const [, name = '', value = ''] of fresh.out().matchAll(/^export (\w+)='([^']*)'$/gm))
        process.env[name] = value
      const given = await fromHttp()()
      expect(await whoAmI(given)).toMatch(desk)

      expect((await runSignet(['revoke', kind, idOf(given)], admin())).err).toBe('')

      expect(await refusalOf(given)).toBe('ExpiredToken')
      expect(await refusalOf(await fromHttp()())).toBe('ExpiredToken')
      fresh.child.kill('SIGTERM')
      expect(await fresh.ended).toBe(0)
      // Who begins anew needs the person's sign-in, which lives on unless it was that person who was revoked.
      const again = await runSignet(['credentials', '--role', 'OrdersDesk'], env)
      expect(again.code).toBe(kind === 'user' ? 1 : 0)
    })
  })

  it('removes its token when it is stopped', async () => {
    agent.child.kill('SIGTERM')
    expect(await agent.ended).toBe(0)
    expect(() => token()).toThrow('ENOENT')
  })
})
