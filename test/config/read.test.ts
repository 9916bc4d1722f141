import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { readConfig } from '#config'
import { isFailure, Secret } from '#kernel'

const folder = mkdtempSync(join(tmpdir(), 'signet-config-'))
afterAll(() => rmSync(folder, { recursive: true }))

const sections = {
  sts: z.strictObject({
    max_session_seconds: z.int().min(900).max(43_200),
    allowed_issuer_hosts: z.array(z.string().min(1)),
    strict: z.boolean(),
  }),
  mail: z.strictObject({
    footer: z.string(),
    relay: z.strictObject({ host: z.string(), mode: z.enum(['tls', 'plain']) }),
  }),
}
const defaults = {
  name: 'config/default.yaml',
  text: [
    'sts:',
    '  max_session_seconds: 3600',
    '  allowed_issuer_hosts: []',
    '  strict: true',
    'mail:',
    '  footer: ""',
    '  relay:',
    '    host: localhost',
    '    mode: tls',
  ].join('\n'),
}

const write = (text: string): string => {
  writeFileSync(join(folder, 'signet.yaml'), text)
  return 'signet.yaml'
}
const read = (env: Record<string, string>, yaml?: string) =>
  readConfig({
    env: { ...env, ...(yaml === undefined ? {} : { SIGNET_CONFIG: write(yaml) }) },
    cwd: folder,
    sections,
    things: ['users', 'roles'],
    defaults,
  })
const problemsOf = (env: Record<string, string>, yaml?: string): string[] => {
  try {
    read(env, yaml)
    return []
  } catch (thrown) {
    if (!isFailure(thrown) || thrown.reason !== 'config/invalid') throw thrown
    return thrown.message.split('\n')
  }
}

describe('without any setting', () => {
  it('listens on 4000, keeps ./data, and its URL is localhost', () => {
    const config = read({})
    expect(config.port).toBe(4000)
    expect(config.publicUrl.origin).toBe('http://localhost:4000')
    expect(config.dataDir).toBe(join(folder, 'data'))
    expect(config.databaseUrl).toBeUndefined()
    expect(config.settings.sts.max_session_seconds).toBe(3600)
  })

  it('gives an object that nothing can change', () => {
    const config = read({})
    expect(Object.isFrozen(config)).toBe(true)
    expect(Object.isFrozen(config.settings.mail.relay)).toBe(true)
    expect(Object.isFrozen(config.settings.sts.allowed_issuer_hosts)).toBe(true)
  })
})

describe('what the operator writes', () => {
  it('in signet.yaml goes over the default, key by key', () => {
    const { settings } = read({}, 'mail:\n  relay:\n    mode: plain\n')
    expect(settings.mail.relay).toEqual({ host: 'localhost', mode: 'plain' })
    expect(settings.mail.footer).toBe('')
  })

  it('in a SIGNET_ variable goes over signet.yaml', () => {
    const { settings } = read(
      {
        SIGNET_STS__MAX_SESSION_SECONDS: '7200',
        SIGNET_STS__ALLOWED_ISSUER_HOSTS: '[a.example, b.example]',
        SIGNET_STS__STRICT: 'false',
        SIGNET_MAIL__RELAY__HOST: '10',
      },
      'sts:\n  max_session_seconds: 1800\n',
    )
    expect(settings.sts).toEqual({
      max_session_seconds: 7200,
      allowed_issuer_hosts: ['a.example', 'b.example'],
      strict: false,
    })
    expect(settings.mail.relay.host).toBe('10')
  })

  it('as a secret may stand in a file, and prints as ***', () => {
    writeFileSync(join(folder, 'url'), 'postgres://signet:pw@db/signet\n')
    const config = read({ DATABASE_URL_FILE: 'url' })
    expect(config.databaseUrl).toBeInstanceOf(Secret)
    expect(config.databaseUrl?.reveal()).toBe('postgres://signet:pw@db/signet')
    expect(JSON.stringify(config)).not.toContain('pw@')
  })

  it('as an empty variable counts as nothing', () => {
    expect(read({ DATABASE_URL: '', PORT: '' }).port).toBe(4000)
  })
})

const mistakes: readonly [
  title: string,
  env: Record<string, string>,
  yaml: string | undefined,
  told: string,
][] = [
  [
    'an unknown SIGNET_ variable',
    { SIGNET_STS__MAX_SESION_SECONDS: '1' },
    undefined,
    'SIGNET_STS__MAX_SESION_SECONDS: There is no such variable. Did you mean SIGNET_STS__MAX_SESSION_SECONDS?',
  ],
  [
    'a plain variable with our prefix',
    { SIGNET_PORT: '1' },
    undefined,
    'SIGNET_PORT: There is no such variable. Did you mean PORT?',
  ],
  [
    'a SIGNET_ variable like nothing we know',
    { SIGNET_QQQQQQQQQQQQQQQQ: '1' },
    undefined,
    'SIGNET_QQQQQQQQQQQQQQQQ: There is no such variable. The settings are listed in config/default.yaml.',
  ],
  [
    'a port that is none',
    { PORT: '70000' },
    undefined,
    'PORT: "70000" is no port. Write a number from 1 to 65535.',
  ],
  [
    'a public URL with a path',
    { PUBLIC_URL: 'https://id.example.com/auth' },
    undefined,
    'PUBLIC_URL: "https://id.example.com/auth" is more than an origin. Write https://id.example.com: AWS clients drop whatever follows the host.',
  ],
  [
    'a public URL that is none',
    { PUBLIC_URL: 'id.example.com' },
    undefined,
    'PUBLIC_URL: "id.example.com" is no web address. Write https://id.example.com.',
  ],
  [
    'a database of another make',
    { DATABASE_URL: 'mysql://x' },
    undefined,
    'DATABASE_URL: This is no PostgreSQL URL. Write postgres://user:password@host:5432/database.',
  ],
  [
    'a short key',
    { SECRET_KEY: 'short' },
    undefined,
    'SECRET_KEY: The key is shorter than 32 characters. Make one with: openssl rand -base64 32',
  ],
  [
    'a log level',
    { LOG_LEVEL: 'loud' },
    undefined,
    'LOG_LEVEL: "loud" is not known. Write one of trace, debug, info, warn, error, fatal, silent.',
  ],
  [
    'a proxy by name',
    { TRUST_PROXY: 'yes' },
    undefined,
    'TRUST_PROXY: "yes" is no address or range. Write the proxies\' addresses, such as 10.0.0.0/8,127.0.0.1.',
  ],
  [
    'a secret given twice',
    { SECRET_KEY: 'x'.repeat(40), SECRET_KEY_FILE: 'url' },
    undefined,
    'SECRET_KEY: Both SECRET_KEY and SECRET_KEY_FILE are set. Keep one of the two.',
  ],
  [
    'a secret file that is not there',
    { SECRET_KEY_FILE: 'gone' },
    undefined,
    'SECRET_KEY_FILE: The file gone cannot be read (ENOENT). Write the path of a file this user may read.',
  ],
  [
    'a settings file that is not there',
    { SIGNET_CONFIG: 'gone.yaml' },
    undefined,
    'SIGNET_CONFIG: The file gone.yaml cannot be read (ENOENT). Write the path of your signet.yaml.',
  ],
  [
    'a variable out of range',
    { SIGNET_STS__MAX_SESSION_SECONDS: '5' },
    undefined,
    'SIGNET_STS__MAX_SESSION_SECONDS sts.max_session_seconds: Write 900 at least, not 5.',
  ],
  [
    'a variable of another type',
    { SIGNET_STS__STRICT: 'perhaps' },
    undefined,
    'SIGNET_STS__STRICT sts.strict: Write true or false, not "perhaps".',
  ],
  [
    'an unknown section',
    {},
    'stss:\n  strict: true\n',
    'signet.yaml:1:1 stss: There is no such section. Did you mean sts?',
  ],
  [
    'an unknown key',
    {},
    'sts:\n  stirct: true\n',
    'signet.yaml:2:3 sts.stirct: There is no such key. Did you mean strict?',
  ],
  [
    'an unknown key like none',
    {},
    'mail:\n  zzz: 1\n',
    'signet.yaml:2:3 mail.zzz: There is no such key. Known here: footer, relay.',
  ],
  [
    'an unknown key deep down',
    {},
    'mail:\n  relay:\n    hots: x\n',
    'signet.yaml:3:5 mail.relay.hots: There is no such key. Did you mean host?',
  ],
  [
    'a number that is too small',
    {},
    'sts:\n  max_session_seconds: 60\n',
    'signet.yaml:2:24 sts.max_session_seconds: Write 900 at least, not 60.',
  ],
  [
    'a text where a number belongs',
    {},
    'sts:\n  max_session_seconds: an hour\n',
    'signet.yaml:2:24 sts.max_session_seconds: Write a number, not "an hour".',
  ],
  [
    'a word that is not in the list',
    {},
    'mail:\n  relay:\n    mode: ssl\n',
    'signet.yaml:3:11 mail.relay.mode: Write "tls" or "plain", not "ssl".',
  ],
  [
    'a list entry',
    {},
    'sts:\n  allowed_issuer_hosts:\n    - a\n    - ""\n',
    'signet.yaml:4:7 sts.allowed_issuer_hosts.1: Write a text that is not empty, not "".',
  ],
  [
    'a scalar where a list belongs',
    {},
    'sts:\n  allowed_issuer_hosts: a\n',
    'signet.yaml:2:25 sts.allowed_issuer_hosts: Write a list, not "a".',
  ],
  [
    'a key that stands twice',
    {},
    'sts:\n  strict: true\n  strict: false\n',
    'signet.yaml:3:3: This key stands here a second time. Keep one of the two.',
  ],
  ['a tab', {}, 'sts:\n\tstrict: true\n', 'signet.yaml:2:1: A tab indents this line. Use spaces.'],
  ['a list at the top', {}, '- a\n', 'signet.yaml:1:1: Write a mapping of sections (sts:, users:, …).'],
]

describe('a mistake is told with its place and its remedy', () => {
  for (const [title, env, yaml, told] of mistakes)
    it(title, () => {
      expect(problemsOf(env, yaml)).toEqual([told])
    })

  it('and all mistakes come at once, in the order of the file', () => {
    const told = problemsOf(
      { PORT: 'x', SIGNET_STSS: '1' },
      'nope: 1\nmail:\n  relay:\n    mode: 7\n  footer: []\nsts:\n  strict: 1\n',
    )
    expect(told.map((line) => line.split(' ')[0])).toEqual([
      'PORT:',
      'SIGNET_STSS:',
      'signet.yaml:1:1',
      'signet.yaml:4:11',
      'signet.yaml:5:11',
      'signet.yaml:7:11',
    ])
  })

  it('a secret in a mistaken variable is not repeated', () => {
    const told = problemsOf({ DATABASE_URL: 'mysql://root:hunter2@db' }).join()
    expect(told).not.toContain('hunter2')
  })
})
