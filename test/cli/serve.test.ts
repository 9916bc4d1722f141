import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { freePort, runSignet, startSignet } from '../support/signet-process.ts'

// Each starts whole processes, some of them several times.
vi.setConfig({ testTimeout: 180_000 })

const folder = mkdtempSync(join(tmpdir(), 'signet-serve-'))
const dataDir = join(folder, 'data')
let port: number
beforeAll(async () => {
  port = await freePort()
})
afterAll(() => rmSync(folder, { recursive: true }))

const env = () => ({
  DATA_DIR: dataDir,
  PORT: String(port),
  SIGNET_PASSWORDS__MEMORY_KIB: '19456',
  SIGNET_PASSWORDS__PASSES: '2',
})

describe('a server', () => {
  it('starts with no setting, answers while a command works on its database, and ends cleanly when asked to', async () => {
    const server = startSignet(['serve'], env())
    await server.says('"msg":"ready"')
    expect(server.out()).toContain(`http://localhost:${port}`)
    expect(server.out()).toContain('not a power cut')
    for (const host of ['127.0.0.1', 'localhost'])
      expect((await fetch(`http://${host}:${port}/healthz/ready`)).status).toBe(200)
    expect((await runSignet(['healthcheck'], env())).code).toBe(0)

    expect(statSync(join(dataDir, 'control.sock')).mode & 0o077).toBe(0)
    const audit = await runSignet(['audit', '--since', '1h'], env())
    expect(audit).toMatchObject({ code: 0, err: '' })

    expect(server.out()).toMatch(/"setupLink":"http:[^"]+\/setup\/[\w-]{43}"/)
    const link = await runSignet(['setup-link'], env())
    expect(link).toMatchObject({ code: 0, err: '' })
    expect((await fetch(link.out.trim())).status).toBe(200)

    const second = await runSignet(['serve'], { ...env(), PORT: String(await freePort()) })
    expect(second.code).toBe(1)
    expect(second.err).toContain(`in use by process ${server.child.pid}`)

    server.child.kill('SIGTERM')
    server.child.kill('SIGTERM')
    expect(await server.ended).toBe(0)
    expect(server.err()).toBe('')
  })

  it('starts again on what it left, after a kill -9 too', async () => {
    const key = readFileSync(join(dataDir, 'secret.key'), 'utf8')
    const killed = startSignet(['serve'], env())
    await killed.says('"msg":"ready"')
    killed.child.kill('SIGKILL')
    await killed.ended
    const again = startSignet(['serve'], env())
    await again.says('"msg":"ready"')
    expect(again.out()).not.toContain('"msg":"migrated"')
    again.child.kill('SIGINT')
    expect(await again.ended).toBe(0)
    expect(readFileSync(join(dataDir, 'secret.key'), 'utf8')).toBe(key)
  })

  it('that is not there makes healthcheck fail', async () => {
    const { code, err } = await runSignet(['healthcheck'], env())
    expect(code).toBe(1)
    expect(err).toMatch(/^Not ready: /)
  })
})

describe('a start that cannot work says why in one sentence and exits with 1:', () => {
  const refused = async (changes: Record<string, string>, args = ['serve']) => {
    const { code, out, err } = await runSignet(args, { ...env(), ...changes })
    expect(code).toBe(1)
    expect(out).not.toContain('ready')
    expect(err.trim().split('\n')).toHaveLength(1)
    return err
  }

  it('the port is taken, and by whom', async () => {
    const taken = createServer()
    const busy = await new Promise<number>((resolve) => {
      taken.listen(0, '127.0.0.1', () => resolve((taken.address() as { port: number }).port))
    })
    const err = await refused({ PORT: String(busy) })
    expect(err).toContain(`Port ${busy} is taken`)
    expect(err).toContain(`(process ${process.pid})`)
    await new Promise((resolve) => taken.close(resolve))
  })

  it('the data directory is no directory', async () => {
    writeFileSync(join(folder, 'file'), '')
    expect(await refused({ DATA_DIR: join(folder, 'file') })).toContain('is not a directory')
  })

  it('the database is not there', async () => {
    const nobody = await freePort()
    const err = await refused({ DATABASE_URL: `postgres://u:hunter2@127.0.0.1:${nobody}/signet` })
    expect(err).toContain(`at 127.0.0.1:${nobody}/signet cannot be used: nothing listens there`)
    expect(err).not.toContain('hunter2')
  })

  it('a SIGNET_ variable is not known', async () => {
    expect(await refused({ SIGNET_SESIONS__IDLE_SECONDS: '60' })).toContain(
      'Did you mean SIGNET_SESSIONS__IDLE_SECONDS?',
    )
  })

  it('the database was made with another key', async () => {
    expect(await refused({ SECRET_KEY: 'another key of more than thirty-two characters' })).toContain(
      'made with another SECRET_KEY',
    )
  })

  it('the command is not known', async () => {
    expect(await refused({}, ['migarte'])).toBe('There is no command "migarte". Did you mean migrate?\n')
  })
})

describe('signet.yaml', () => {
  const file = join(folder, 'signet.yaml')
  const text = `organization: Shop
accounts: [{ name: shop, id: '444455556666' }]
sessions: { idle_seconds: 900 }
users: [{ name: sam, password_file: sam.password }]
`
  it('is applied at every start, and by apply while the server runs', async () => {
    writeFileSync(file, text)
    writeFileSync(join(folder, 'sam.password'), 'a password of sam\n')
    const own = { ...env(), SIGNET_CONFIG: file, DATA_DIR: join(folder, 'shop') }
    const server = startSignet(['serve'], own)
    await server.says('"msg":"ready"')
    expect(server.out()).toContain('"created":3')
    expect(server.out()).not.toContain('setupLink')
    writeFileSync(file, `${text}groups: [{ name: staff }]\n`)
    const applied = await runSignet(['apply', file], own)
    expect(applied).toMatchObject({
      code: 0,
      err: '',
      out: 'created group staff\n1 created, 0 updated, 3 unchanged.\n',
    })
    server.child.kill('SIGTERM')
    expect(await server.ended).toBe(0)
  })

  it('with mistakes stops the start and check-config, each told with its place', async () => {
    writeFileSync(file, 'sesions: {}\nusers:\n  - name: sam\n    pasword_file: x\n')
    for (const command of ['serve', 'check-config']) {
      const { code, err } = await runSignet([command], { ...env(), SIGNET_CONFIG: file })
      expect(code).toBe(1)
      expect(err).toContain('signet.yaml:1:1 sesions: There is no such section. Did you mean sessions?')
    }
    writeFileSync(file, 'users:\n  - name: sam\n    pasword_file: x\n')
    const { err } = await runSignet(['check-config'], { ...env(), SIGNET_CONFIG: file })
    expect(err).toContain(
      'signet.yaml:3:5 users.0.pasword_file: There is no such key. Did you mean password_file?',
    )
  })
})

describe('the demo', () => {
  it('starts with the example company and prints how to sign in, the same each time', async () => {
    const own = { ...env(), DATA_DIR: join(folder, 'demo'), LOG_FORMAT: 'text' }
    const passwords: (string | undefined)[] = []
    for (const _ of [1, 2]) {
      const demo = startSignet(['demo'], own)
      await demo.says('OIDC clients and their secrets')
      passwords.push(/alice +(\S+)/.exec(demo.out())?.[1])
      demo.child.kill('SIGTERM')
      expect(await demo.ended).toBe(0)
    }
    expect(passwords[0]).toMatch(/^[a-z0-9-]{19}$/)
    expect(passwords[1]).toBe(passwords[0])
  })
})

it('an option that is not known is answered with the nearest and the usage', async () => {
  const { code, err } = await runSignet(['audit', '--sicne', '1h'], env())
  expect(code).toBe(1)
  expect(err).toContain('There is no option --sicne. Did you mean --since?')
  expect(err).toContain('Usage: signet audit')
})
