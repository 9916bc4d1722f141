import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openSecretKey } from '#config'
import { Secret } from '#kernel'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'signet-key-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

describe('the master key', () => {
  it('is the one the operator gives, and then no file is written', () => {
    const given = new Secret('g'.repeat(40))
    expect(openSecretKey(given, folder)).toBe(given)
    expect(() => statSync(join(folder, 'secret.key'))).toThrow(/ENOENT/)
  })

  it('is made once in the data directory, for its owner alone', () => {
    const first = openSecretKey(undefined, folder)
    expect(openSecretKey(undefined, folder).reveal()).toBe(first.reveal())
    expect(statSync(join(folder, 'secret.key')).mode & 0o777).toBe(0o600)
    expect(readFileSync(join(folder, 'secret.key'), 'utf8').trim()).toHaveLength(43)
  })

  it('that others could read is refused', () => {
    openSecretKey(undefined, folder)
    chmodSync(join(folder, 'secret.key'), 0o644)
    expect(() => openSecretKey(undefined, folder)).toThrow(/chmod 600/)
  })

  it('that was cut short is refused instead of replaced', () => {
    writeFileSync(join(folder, 'secret.key'), 'abc\n', { mode: 0o600 })
    expect(() => openSecretKey(undefined, folder)).toThrow(/Restore it from your backup/)
  })
})
