import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseSync } from 'oxc-parser'
import { describe, expect, it } from 'vitest'

/** Which folder of src imports which. An unlisted edge fails, and so does a listed one that nobody uses. */
const slices: Record<string, readonly string[]> = {
  'roles-anywhere': ['database', 'http', 'kernel', 'sigv4', 'sts'],
  'federation-url': ['cli-sessions', 'directory', 'http', 'iam', 'kernel', 'signin', 'sts'],
  agent: ['crypto', 'kernel', 'remote', 'sigv4', 'terminal'],
  'aws-login': [
    'cli-sessions',
    'crypto',
    'database',
    'directory',
    'http',
    'iam',
    'kernel',
    'keys',
    'portal',
    'signin',
    'sts',
  ],
  'cli-sessions': ['audit', 'crypto', 'database', 'directory', 'http', 'kernel', 'sessions'],
  'aws-sso': [
    'audit',
    'cli-sessions',
    'crypto',
    'database',
    'directory',
    'http',
    'iam',
    'kernel',
    'portal',
    'signin',
    'sts',
  ],
  kernel: [],
  config: ['kernel'],
  crypto: ['kernel'],
  database: ['kernel'],
  sigv4: ['kernel'],
  xml: [],
  http: ['kernel'],
  'aws-wire': ['kernel'],
  federation: ['audit', 'crypto', 'database', 'directory', 'http', 'kernel', 'sessions'],
  oidc: ['apps', 'audit', 'crypto', 'database', 'directory', 'http', 'kernel', 'keys', 'sessions', 'signin'],
  sts: [
    'audit',
    'aws-wire',
    'crypto',
    'database',
    'directory',
    'http',
    'iam',
    'kernel',
    'keys',
    'policy',
    'saml',
    'sessions',
    'sigv4',
  ],
  policy: [],
  analyzer: ['access', 'apps', 'audit', 'aws-wire', 'database', 'directory', 'iam', 'kernel', 'policy'],
  'forward-auth': [
    'access',
    'apps',
    'audit',
    'crypto',
    'database',
    'directory',
    'http',
    'iam',
    'kernel',
    'oidc',
    'sessions',
    'signin',
    'sigv4',
    'sts',
  ],
  gateway: [
    'apps',
    'audit',
    'crypto',
    'database',
    'forward-auth',
    'http',
    'iam',
    'kernel',
    'policy',
    'sigv4',
    'sts',
    'xml',
  ],
  mfa: ['audit', 'crypto', 'database', 'directory', 'http', 'kernel'],
  signin: ['apps', 'audit', 'crypto', 'database', 'directory', 'http', 'iam', 'kernel', 'mfa', 'sessions'],
  setup: ['audit', 'crypto', 'database', 'directory', 'http', 'iam', 'kernel', 'mfa', 'sessions', 'signin'],
  portal: [
    'apps',
    'audit',
    'cli-sessions',
    'database',
    'directory',
    'http',
    'iam',
    'kernel',
    'mfa',
    'saml',
    'sessions',
    'signin',
    'sts',
  ],
  audit: ['database', 'http', 'kernel'],
  'pod-identity': ['database', 'http', 'iam', 'kernel', 'sts'],
  keys: ['crypto', 'database', 'kernel'],
  directory: ['crypto', 'database', 'kernel', 'sigv4'],
  access: [
    'apps',
    'audit',
    'crypto',
    'database',
    'directory',
    'http',
    'iam',
    'kernel',
    'keys',
    'policy',
    'sessions',
    'sigv4',
    'sts',
  ],
  api: [
    'analyzer',
    'apps',
    'audit',
    'crypto',
    'database',
    'directory',
    'http',
    'iam',
    'kernel',
    'oidc',
    'pod-identity',
    'policy',
    'roles-anywhere',
    'sessions',
    'sts',
  ],
  sessions: ['crypto', 'database', 'http', 'kernel'],
  apps: ['crypto', 'database', 'kernel'],
  saml: ['apps', 'audit', 'crypto', 'database', 'directory', 'http', 'kernel', 'keys', 'sessions', 'xml'],
  iam: ['audit', 'database', 'directory', 'http', 'kernel', 'policy'],
  'iam-api': [
    'analyzer',
    'audit',
    'aws-wire',
    'crypto',
    'database',
    'directory',
    'http',
    'iam',
    'kernel',
    'mfa',
    'policy',
    'saml',
    'signin',
    'sts',
  ],
  installation: ['config', 'crypto', 'database', 'kernel'],
  declare: [
    'apps',
    'audit',
    'config',
    'crypto',
    'database',
    'directory',
    'federation',
    'iam',
    'kernel',
    'mfa',
    'pod-identity',
    'policy',
    'roles-anywhere',
    'saml',
  ],
  'aws-transfer': ['audit', 'database', 'directory', 'iam', 'kernel'],
  terminal: ['config', 'kernel'],
  remote: ['kernel', 'terminal'],
  cli: [
    'audit',
    'aws-transfer',
    'config',
    'crypto',
    'database',
    'declare',
    'http',
    'iam',
    'installation',
    'kernel',
    'setup',
    'terminal',
  ],
}

/** Which npm package lives in which folders of src. `.` is src itself (app.ts, main.ts). */
const packages: Record<string, readonly string[]> = {
  '@electric-sql/pglite': ['database'],
  '@node-rs/argon2': ['crypto'],
  '@koa/router': ['http'],
  jose: ['aws-login', 'keys', 'oidc', 'sts'],
  koa: ['.', 'http'],
  'koa-compose': ['oidc'],
  'oidc-provider': ['oidc'],
  'openid-client': ['federation'],
  zod: [
    'access',
    'analyzer',
    'api',
    'apps',
    'aws-login',
    'aws-sso',
    'aws-transfer',
    'cli-sessions',
    'config',
    'crypto',
    'declare',
    'federation',
    'federation-url',
    'gateway',
    'http',
    'iam',
    'iam-api',
    'oidc',
    'pod-identity',
    'remote',
    'roles-anywhere',
    'sessions',
    'setup',
    'signin',
    'sts',
  ],
  pg: ['database'],
  samlify: ['saml'],
  yaml: ['config'],
  'rate-limiter-flexible': ['http'],
  eta: ['http'],
  pino: ['cli'],
  otplib: ['mfa'],
  '@zxcvbn-ts/core': ['signin'],
  '@zxcvbn-ts/language-common': ['signin'],
  uqr: ['mfa'],
}

const sourceDir = new URL('../src/', import.meta.url).pathname
const files = readdirSync(sourceDir, { recursive: true, encoding: 'utf8' }).filter((name) =>
  name.endsWith('.ts'),
)

/** The folder a file of src belongs to: its slice, or `.` for the files beside the slices. */
const sliceOf = (file: string): string => (file.includes('/') ? file.slice(0, file.indexOf('/')) : '.')

function importsOf(file: string): string[] {
  const { module } = parseSync(file, readFileSync(join(sourceDir, file), 'utf8'))
  return [
    ...module.staticImports.map((entry) => entry.moduleRequest.value),
    ...module.staticExports.flatMap((entry) =>
      entry.entries.flatMap((each) => each.moduleRequest?.value ?? []),
    ),
    ...module.dynamicImports.map((entry) =>
      readFileSync(join(sourceDir, file), 'utf8')
        .slice(entry.moduleRequest.start, entry.moduleRequest.end)
        .replaceAll(/^['"]|['"]$/g, ''),
    ),
  ]
}

function observed(): { slices: Record<string, string[]>; packages: Record<string, string[]> } {
  const edges = new Map<string, Set<string>>()
  const homes = new Map<string, Set<string>>()
  for (const file of files) {
    const slice = sliceOf(file)
    if (slice !== '.') edges.set(slice, edges.get(slice) ?? new Set())
    for (const name of importsOf(file)) {
      if (name.startsWith('#')) {
        if (slice !== '.') edges.get(slice)?.add(name.slice(1))
      } else if (!name.startsWith('.') && !name.startsWith('node:')) {
        const bare = name
          .split('/')
          .slice(0, name.startsWith('@') ? 2 : 1)
          .join('/')
        homes.set(bare, (homes.get(bare) ?? new Set()).add(slice))
      }
    }
  }
  const plain = (map: Map<string, Set<string>>) =>
    Object.fromEntries([...map].map(([key, values]) => [key, [...values].toSorted()]))
  return { slices: plain(edges), packages: plain(homes) }
}

const sorted = (table: Record<string, readonly string[]>) =>
  Object.fromEntries(Object.entries(table).map(([key, values]) => [key, [...values].toSorted()]))

describe('architecture', () => {
  it('slices import exactly what the table says', () => {
    expect(observed().slices).toEqual(sorted(slices))
  })

  it('npm packages live exactly where the table says', () => {
    expect(observed().packages).toEqual(sorted(packages))
  })

  it('imports point downward only: no slice reaches a slice that reaches it', () => {
    const reach = (from: string, seen = new Set<string>()): Set<string> => {
      for (const next of slices[from] ?? []) if (!seen.has(next)) reach(next, seen.add(next))
      return seen
    }
    expect(Object.keys(slices).filter((slice) => reach(slice).has(slice))).toEqual([])
  })

  it('no file reaches out of its slice by path', () => {
    const climbing = files.filter(
      (file) =>
        sliceOf(file) !== '.' &&
        importsOf(file).some(
          (name) => name.startsWith('../') && sliceOf(join(file, '..', name)) !== sliceOf(file),
        ),
    )
    expect(climbing).toEqual([])
  })

  it('time, randomness and the environment are read in kernel, crypto, config and main alone', () => {
    const impure =
      /\bDate\.now\(|new Date\(\)|Temporal\.Now\b|Math\.random\(|randomBytes\(|randomUUID\(|process\.env\b/
    const home = new Set(['kernel', 'crypto', 'config'])
    const found = files.filter((file) => {
      if (home.has(sliceOf(file)) || file === 'main.ts') return false
      return impure.test(
        readFileSync(join(sourceDir, file), 'utf8').replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, ''),
      )
    })
    expect(found).toEqual([])
  })
})
