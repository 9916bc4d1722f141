import { randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, linkSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { refuse, Secret } from '#kernel'

/**
 * The master key: SECRET_KEY when it is set, else the one in the data directory, made there at the first start
 * (256 random bits, readable by the owner alone).
 *
 * @throws Failure conflict config/secret-key-open when others may read the file, malformed config/secret-key when it was cut short
 */
export function openSecretKey(given: Secret | undefined, dataDir: string): Secret {
  if (given !== undefined) return given
  const path = join(dataDir, 'secret.key')
  const known = read(path)
  if (known !== undefined) return known
  // Written beside and linked into place, so that a crash half-way leaves no short key and two starts agree on one.
  const draft = `${path}.${process.pid}`
  const file = openSync(draft, 'w', 0o600)
  writeSync(file, `${randomBytes(32).toString('base64url')}\n`)
  fsyncSync(file)
  closeSync(file)
  try {
    linkSync(draft, path)
  } catch (thrown) {
    if (!(thrown instanceof Error && 'code' in thrown && thrown.code === 'EEXIST')) throw thrown
  } finally {
    rmSync(draft, { force: true })
  }
  return read(path) ?? refuse('unavailable', 'config/secret-key', `${path} disappeared while it was made.`)
}

function read(path: string): Secret | undefined {
  let text: string
  try {
    text = readFileSync(path, 'utf8').trim()
    if (process.platform !== 'win32' && (statSync(path).mode & 0o077) !== 0)
      refuse(
        'conflict',
        'config/secret-key-open',
        `Other users of this machine can read ${path}. Close it with: chmod 600 ${path}`,
      )
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return undefined
    throw thrown
  }
  if (text.length < 32)
    refuse(
      'malformed',
      'config/secret-key',
      `${path} is shorter than a key. Restore it from your backup; without it the sealed values in the database cannot be opened.`,
    )
  return new Secret(text)
}
