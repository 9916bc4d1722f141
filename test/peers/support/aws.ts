import { execFileSync, spawn } from 'node:child_process'
import { existsSync, realpathSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { runSignet } from '../../support/signet-process.ts'

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

/**
 * For clients from before AWS_ENDPOINT_URL (Debian's 2.9): what `signet aws-models` writes sends every call of the four
 * services to one origin.
 */
export async function overrideModels(home: string, endpoint: string): Promise<void> {
  const { code, err } = await runSignet(['aws-models', '--url', endpoint], { HOME: home })
  if (code !== 0) throw new Error(err)
}
