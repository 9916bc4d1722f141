import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { join, resolve } from 'node:path'
import { Secret } from '#kernel'
import type { Problem } from './problem.ts'

/** The environment as the process has it. */
export type Environment = Readonly<Record<string, string | undefined>>

/** Plumbing: what only the environment sets (interface page §4). */
export type Plumbing = {
  readonly port: number
  /** The address to listen on; undefined: loopback while PUBLIC_URL is loopback, else every address. */
  readonly host: string | undefined
  /** Where people and clients reach this deployment: an origin without path. */
  readonly publicUrl: URL
  /** PostgreSQL; undefined: the embedded database in `dataDir`. */
  readonly databaseUrl: Secret | undefined
  /** Absolute. */
  readonly dataDir: string
  /** The master key, when the operator keeps it; else it lives in the data directory. */
  readonly secretKey: Secret | undefined
  readonly logLevel: (typeof logLevels)[number]
  /** `auto`: text on a terminal, JSON elsewhere. */
  readonly logFormat: (typeof logFormats)[number]
  /** Addresses and ranges of the proxies before us, comma-separated; empty: none. */
  readonly trustProxy: string
  readonly smtpUrl: Secret | undefined
  readonly mailFrom: string | undefined
  readonly geoipDb: string | undefined
  readonly metricsPort: number | undefined
}

const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
const logFormats = ['auto', 'text', 'json'] as const

/** The names we read, for `Did you mean`; the secret ones may also be given as NAME_FILE. */
export const plainNames = [
  'PORT',
  'HOST',
  'PUBLIC_URL',
  'DATABASE_URL',
  'DATA_DIR',
  'SECRET_KEY',
  'LOG_LEVEL',
  'LOG_FORMAT',
  'TRUST_PROXY',
  'SMTP_URL',
  'MAIL_FROM',
  'GEOIP_DB',
  'METRICS_PORT',
] as const

/**
 * A variable, or the content of the file that NAME_FILE names (without its last line break). Empty counts as unset,
 * as compose files pass it.
 */
export function variable(
  env: Environment,
  name: string,
  cwd: string,
  tell: (problem: Problem) => void,
): string | undefined {
  const value = env[name] === '' ? undefined : env[name]
  const file = env[`${name}_FILE`] === '' ? undefined : env[`${name}_FILE`]
  if (file === undefined) return value
  if (value !== undefined) {
    tell({ where: name, path: '', message: `Both ${name} and ${name}_FILE are set. Keep one of the two.` })
    return value
  }
  try {
    return readFileSync(resolve(cwd, file), 'utf8').replace(/\r?\n$/, '')
  } catch (thrown) {
    tell({
      where: `${name}_FILE`,
      path: '',
      message: `The file ${file} cannot be read (${codeOf(thrown)}). Write the path of a file this user may read.`,
    })
    return undefined
  }
}

/** The system's code of an error (`ENOENT`), or its text. */
export const codeOf = (thrown: unknown): string =>
  thrown instanceof Error && 'code' in thrown ? String(thrown.code) : String(thrown)

/** Reads the plumbing; what is wrong is told and stands in for by its default. */
export function readPlumbing(env: Environment, cwd: string, tell: (problem: Problem) => void): Plumbing {
  const get = (name: string): string | undefined => (env[name] === '' ? undefined : env[name])
  const secret = (name: string): Secret | undefined => {
    const value = variable(env, name, cwd, tell)
    return value === undefined ? undefined : new Secret(value)
  }
  const wrong = (name: string, message: string): void => tell({ where: name, path: '', message })

  const port = (name: string): number | undefined => {
    const text = get(name)
    if (text === undefined) return undefined
    const value = /^\d{1,5}$/.test(text) ? Number(text) : NaN
    if (!(value >= 1 && value <= 65_535)) {
      wrong(name, `"${text}" is no port. Write a number from 1 to 65535.`)
      return undefined
    }
    return value
  }
  const oneOf = <Word extends string>(name: string, words: readonly Word[], otherwise: Word): Word => {
    const text = get(name)
    if (text === undefined) return otherwise
    const found = words.find((word) => word === text)
    if (found === undefined) wrong(name, `"${text}" is not known. Write one of ${words.join(', ')}.`)
    return found ?? otherwise
  }

  const listenPort = port('PORT') ?? 4000
  const databaseUrl = secret('DATABASE_URL')
  if (databaseUrl !== undefined && !/^postgres(ql)?:\/\//.test(databaseUrl.reveal()))
    wrong('DATABASE_URL', 'This is no PostgreSQL URL. Write postgres://user:password@host:5432/database.')
  const secretKey = secret('SECRET_KEY')
  if (secretKey !== undefined && secretKey.reveal().length < 32)
    wrong('SECRET_KEY', 'The key is shorter than 32 characters. Make one with: openssl rand -base64 32')
  const trustProxy = get('TRUST_PROXY') ?? ''
  for (const entry of trustProxy.split(',').map((each) => each.trim()))
    if (entry !== '' && isIP(entry.split('/')[0] ?? '') === 0)
      wrong(
        'TRUST_PROXY',
        `"${entry}" is no address or range. Write the proxies' addresses, such as 10.0.0.0/8,127.0.0.1.`,
      )

  return {
    port: listenPort,
    host: get('HOST'),
    publicUrl: publicUrl(get('PUBLIC_URL') ?? `http://localhost:${listenPort}`, (message) =>
      wrong('PUBLIC_URL', message),
    ),
    databaseUrl,
    dataDir: resolve(cwd, get('DATA_DIR') ?? join('.', 'data')),
    secretKey,
    logLevel: oneOf('LOG_LEVEL', logLevels, 'info'),
    logFormat: oneOf('LOG_FORMAT', logFormats, 'auto'),
    trustProxy,
    smtpUrl: secret('SMTP_URL'),
    mailFrom: get('MAIL_FROM'),
    geoipDb: get('GEOIP_DB'),
    metricsPort: port('METRICS_PORT'),
  }
}

function publicUrl(text: string, wrong: (message: string) => void): URL {
  const url = URL.parse(text)
  if (url === null || !/^https?:$/.test(url.protocol)) {
    wrong(`"${text}" is no web address. Write https://id.example.com.`)
    return new URL('http://localhost:4000')
  }
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '' || url.username !== '')
    wrong(
      `"${text}" is more than an origin. Write ${url.origin}: AWS clients drop whatever follows the host.`,
    )
  return new URL(url.origin)
}

/** Whether a host name can only mean this machine. */
export const isLoopback = (hostname: string): boolean =>
  hostname === 'localhost' ||
  hostname.endsWith('.localhost') ||
  /^127\.\d+\.\d+\.\d+$/.test(hostname) ||
  hostname === '[::1]'

/** The plumbing before the rest of the settings is read; undefined when something in it is wrong. */
export function readPlumbingOnly(env: Environment, cwd: string): Plumbing | undefined {
  let isRight = true
  const plumbing = readPlumbing(env, cwd, () => {
    isRight = false
  })
  return isRight ? plumbing : undefined
}
