import { execFileSync } from 'node:child_process'
import { createPublicKey } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'

import { type Database } from '#database'
import { createUser } from '#directory'
import { addSshPublicKey, sshKeyAs } from '#iam'

import { testDatabase } from '../support/database.ts'
import { claim, fixedClock, home } from '../support/fixtures.ts'
import { describeWith } from './support/peer.ts'

const clock = fixedClock()
let database: Database
let folder: string
beforeAll(async () => {
  database = await testDatabase()
  await claim(database, clock)
  folder = mkdtempSync(join(tmpdir(), 'signet-ssh-'))
})
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true })
  await database.close()
})

const sshKeygen = (...args: readonly string[]) => execFileSync('ssh-keygen', args).toString()

describeWith('openssh-client')('keys of OpenSSH', () => {
  it('have the fingerprint that it shows, and it reads what comes back', async () => {
    const user = await createUser(database, clock, { accountId: home, name: 'alice' })
    const file = join(folder, 'key')
    sshKeygen('-q', '-t', 'rsa', '-b', '3072', '-N', '', '-C', 'alice@home', '-f', file)
    const line = readFileSync(`${file}.pub`, 'utf8')
    const key = await addSshPublicKey(database, clock, { accountId: home, userId: user.userId, body: line })
    expect(sshKeygen('-l', '-E', 'md5', '-f', `${file}.pub`)).toContain(`MD5:${key.fingerprint} `)
    expect(line).toContain(key.body)
    const pem = sshKeygen('-e', '-m', 'PKCS8', '-f', `${file}.pub`)
    expect(createPublicKey(sshKeyAs(key, 'PEM')).equals(createPublicKey(pem))).toBe(true)
    writeFileSync(join(folder, 'again.pub'), sshKeyAs(key, 'SSH'))
    expect(sshKeygen('-l', '-E', 'md5', '-f', join(folder, 'again.pub'))).toContain(key.fingerprint)
  })
})
