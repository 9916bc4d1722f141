import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { freePort, runSignet, startSignet } from '../../support/signet-process.ts'

/** Account of the company of these tests. */
export const account = '111122223333'

/** Its people. Alice has a second factor and may do everything; Carol has a password and takes the roles that let her. */
export const people = {
  alice: {
    name: 'alice',
    password: 'nine tall birches by the water',
    seed: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP',
    accessKeyId: 'AKIAPEERSALICETEST23',
    secretAccessKey: 'alice-secret-access-key-of-the-peers-test',
  },
  carol: { name: 'carol', password: 'a lighthouse without a keeper', seed: undefined },
} as const

/** The variables that the declaration's ${NAME}s stand for. */
const secrets = {
  ALICE_PASSWORD: people.alice.password,
  ALICE_SEED: people.alice.seed,
  ALICE_SECRET: people.alice.secretAccessKey,
  CAROL_PASSWORD: people.carol.password,
  PAGE_SECRET: 'the-secret-of-the-page-behind-apache-0123456789',
} as const
export const pageSecret = secrets.PAGE_SECRET

const version = '2012-10-17'
const root = `arn:aws:iam::${account}:root`

/** What every test of a file may add to. */
const base = {
  organization: 'Acme',
  accounts: [{ name: 'acme', id: account }],
  policies: [
    {
      name: 'TakeRoles',
      document: {
        Version: version,
        Statement: [
          {
            Effect: 'Allow',
            Action: ['sts:AssumeRole', 'sts:TagSession', 'sts:SetSourceIdentity'],
            Resource: `arn:aws:iam::${account}:role/*`,
          },
        ],
      },
    },
  ],
  groups: [
    { name: 'admins', policies: ['AdministratorAccess'] },
    { name: 'desk', policies: ['TakeRoles'] },
  ],
  users: [
    {
      name: 'alice',
      display_name: 'Alice Adams',
      mail: 'alice@acme.example',
      mail_verified: true,
      groups: ['admins'],
      password: '${ALICE_PASSWORD}',
      totp_seed: '${ALICE_SEED}',
      access_keys: [{ id: people.alice.accessKeyId, secret: '${ALICE_SECRET}' }],
      tags: { team: 'platform' },
    },
    {
      name: 'carol',
      display_name: 'Carol Clark',
      mail: 'carol@acme.example',
      mail_verified: true,
      groups: ['desk'],
      password: '${CAROL_PASSWORD}',
    },
  ],
  roles: [
    {
      name: 'Reader',
      description: 'Look at everything.',
      max_session_seconds: 7_200,
      trust: {
        Version: version,
        Statement: [
          {
            Effect: 'Allow',
            Principal: { AWS: root },
            Action: ['sts:AssumeRole', 'sts:TagSession', 'sts:SetSourceIdentity'],
          },
        ],
      },
    },
  ],
} as const

/** A Signet of one test file, run as people run it, with its data in a folder that ends with it. */
export type Company = {
  readonly url: string
  /** The server's process. */
  readonly pid: number
  /** For what the test itself writes; deleted at the end, readable by other users of the machine. */
  readonly folder: string
  /** `signet …` on this installation. */
  signet(
    args: readonly string[],
    env?: Readonly<Record<string, string>>,
  ): Promise<{ code: number | null; out: string; err: string }>
  /** Applies the company, with these things added to its lists. */
  apply(more?: Readonly<Record<string, readonly object[]>>): Promise<void>
  /** Everything that the server wrote to its log. */
  log(): string
  /** Lines of the log that tell of a fault of the server: errors, and answers from 500 on. */
  faults(): readonly string[]
  stop(): Promise<void>
}

/**
 * Starts one, unclaimed until `apply`.
 *
 * @param settings sections of signet.yaml, by file as an operator sets them
 */
export async function startCompany(settings: Readonly<Record<string, object>> = {}): Promise<Company> {
  const folder = mkdtempSync(join(tmpdir(), 'signet-peers-'))
  chmodSync(folder, 0o755)
  mkdirSync(join(folder, 'home'))
  const config = join(folder, 'settings.yaml')
  writeFileSync(config, stringify({ passwords: { memory_kib: 19_456, passes: 2 }, ...settings }))
  const port = await freePort()
  const url = `http://localhost:${port}`
  const env = {
    PORT: String(port),
    PUBLIC_URL: url,
    DATA_DIR: join(folder, 'data'),
    HOME: join(folder, 'home'),
    SIGNET_CONFIG: config,
    LOG_FORMAT: 'json',
  }
  const server = startSignet(['serve'], env)
  await server.says('"msg":"ready"')
  const signet = (args: readonly string[], more: Readonly<Record<string, string>> = {}) =>
    runSignet(args, { ...env, ...more })
  return {
    url,
    pid: server.child.pid ?? 0,
    folder,
    signet,
    async apply(more = {}) {
      const file = join(folder, 'company.yaml')
      const lists = Object.entries(more).map(([name, things]) => {
        const own: unknown = Reflect.get(base, name)
        return [name, [...(Array.isArray(own) ? (own as readonly object[]) : []), ...things]]
      })
      writeFileSync(file, stringify({ ...base, ...Object.fromEntries(lists) }))
      const { code, out, err } = await signet(['apply', file], secrets)
      if (code !== 0) throw new Error(`signet apply ended with ${code}:\n${out}${err}`)
    },
    log: () => server.out() + server.err(),
    faults: () =>
      (server.out() + server.err()).split('\n').filter((line) => {
        if (line === '') return false
        if (!line.startsWith('{')) return true
        const entry = JSON.parse(line) as { level?: unknown; status?: unknown }
        return (
          entry.level === 'error' ||
          entry.level === 'fatal' ||
          Number(entry.level) >= 50 ||
          Number(entry.status) >= 500
        )
      }),
    async stop() {
      server.child.kill('SIGTERM')
      await server.ended
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
