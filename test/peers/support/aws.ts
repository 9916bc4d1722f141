import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** One `aws` command of this machine. */
export type AwsCli = {
  readonly path: string
  readonly version: string
  /** It reads AWS_ENDPOINT_URL (2.13 and 1.29 on). */
  readonly knowsEndpointVariable: boolean
}

/** Debian's command, and every other that is on the path. */
export function installedClis(): readonly AwsCli[] {
  const paths = ['/usr/bin', ...(process.env['PATH'] ?? '').split(delimiter)]
    .map((folder) => join(folder, 'aws'))
    .filter((path) => existsSync(path))
  const clis = [...new Set(paths.map((path) => realpathSync(path)))].map((path): AwsCli => {
    const said = execFileSync(path, ['--version'], { encoding: 'utf8' })
    const [, version = '', major = '', minor = ''] = /^aws-cli\/((\d+)\.(\d+)\.\d+)/.exec(said) ?? []
    return { path, version, knowsEndpointVariable: Number(minor) >= (major === '1' ? 29 : 13) }
  })
  return clis.filter(({ version }, index) => clis.findIndex((each) => each.version === version) === index)
}

/** How a command ended. */
export type Ran = { readonly code: number | null; readonly out: string; readonly err: string }

/** Runs a program to its end with these variables and no others but PATH. */
export function run(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  seconds = 60,
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      env: { PATH: process.env['PATH'] ?? '', LANG: 'C.UTF-8', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: seconds * 1_000,
      killSignal: 'SIGKILL',
    })
    let out = ''
    let err = ''
    child.stdout.on('data', (text) => (out += String(text)))
    child.stderr.on('data', (text) => (err += String(text)))
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, out, err }))
  })
}

const region = 'us-east-1'

/** What an `aws` command needs beside credentials, so that it asks nothing of anybody but Signet. */
export const awsEnvironment = (home: string): Readonly<Record<string, string>> => ({
  HOME: home,
  AWS_DEFAULT_REGION: region,
  AWS_EC2_METADATA_DISABLED: 'true',
  AWS_PAGER: '',
  AWS_MAX_ATTEMPTS: '1',
})

const services = [
  ['sts', '2011-06-15', 'sts'],
  ['iam', '2010-05-08', 'iam'],
  ['sso', '2019-06-10', 'awsssoportal'],
  ['sso-oidc', '2019-06-10', 'sso-oauth'],
] as const

/**
 * For clients from before AWS_ENDPOINT_URL (Debian's 2.9): botocore reads a user's own models first, and these send
 * every call of the four services to one origin.
 */
export function overrideModels(home: string, endpoint: string): void {
  const builtIns = {
    Region: 'AWS::Region',
    UseDualStack: 'AWS::UseDualStack',
    UseFIPS: 'AWS::UseFIPS',
    Endpoint: 'SDK::Endpoint',
    UseGlobalEndpoint: 'AWS::STS::UseGlobalEndpoint',
  }
  const parameters = Object.fromEntries(
    Object.entries(builtIns).map(([name, builtIn]) => [
      name,
      name.startsWith('Use')
        ? { builtIn, type: 'Boolean', required: true, default: false, documentation: '' }
        : { builtIn, type: 'String', required: false, documentation: '' },
    ]),
  )
  for (const [service, version, signingName] of services) {
    const folder = join(home, '.aws', 'models', service, version)
    mkdirSync(folder, { recursive: true })
    const authSchemes = [{ name: 'sigv4', signingName, signingRegion: region }]
    const rules = [
      {
        type: 'endpoint',
        conditions: [],
        endpoint: { url: endpoint, headers: {}, properties: { authSchemes } },
      },
    ]
    writeFileSync(
      join(folder, 'endpoint-rule-set-1.json'),
      JSON.stringify({ version: '1.0', parameters, rules }),
    )
  }
}
