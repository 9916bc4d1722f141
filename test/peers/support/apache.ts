import { spawn } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A running Apache of one test. */
export type Apache = {
  readonly url: string
  /** Its error log so far, for a failing test to show. */
  log(): string
  stop(): Promise<void>
}

const modules = '/usr/lib/apache2/modules'
const always = ['mpm_event', 'authn_core', 'authz_core', 'authz_user', 'dir', 'headers', 'env']

/**
 * Starts Debian's Apache in the foreground with its own configuration, which lives in `folder` with its log, its pages
 * and everything that it writes. The page /app/index.html is there.
 *
 * @param folder an existing folder that only this Apache uses
 * @param lines the configuration's own part
 */
export async function startApache(
  folder: string,
  port: number,
  loaded: readonly string[],
  lines: string,
): Promise<Apache> {
  mkdirSync(join(folder, 'www', 'app'), { recursive: true })
  writeFileSync(
    join(folder, 'www', 'index.html'),
    '<!doctype html><link rel="icon" href="data:,"><title>Front</title><h1>Front</h1>',
  )
  writeFileSync(
    join(folder, 'www', 'app', 'index.html'),
    '<!doctype html><link rel="icon" href="data:,"><title>The app</title><h1>The app</h1>',
  )
  // Apache gives up root for www-data, which must reach the pages.
  for (const each of [folder, join(folder, 'www'), join(folder, 'www', 'app')]) chmodSync(each, 0o755)
  const log = join(folder, 'error.log')
  const configuration = join(folder, 'httpd.conf')
  writeFileSync(
    configuration,
    [
      `ServerRoot ${folder}`,
      'ServerName 127.0.0.1',
      `Listen 127.0.0.1:${port}`,
      `PidFile ${folder}/httpd.pid`,
      `ErrorLog ${log}`,
      `DefaultRuntimeDir ${folder}`,
      `Mutex file:${folder} default`,
      ...[...always, ...loaded].map((name) => `LoadModule ${name}_module ${modules}/mod_${name}.so`),
      ...(process.getuid?.() === 0 ? ['User www-data', 'Group www-data'] : []),
      `DocumentRoot ${folder}/www`,
      'DirectoryIndex index.shtml index.html',
      lines,
    ].join('\n'),
  )
  const child = spawn('/usr/sbin/apache2', ['-f', configuration, '-D', 'FOREGROUND'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  child.stderr.on('data', (text) => (said += String(text)))
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const kill = () => void child.kill('SIGTERM')
  process.once('exit', kill)
  const readLog = (): string => {
    try {
      return said + readFileSync(log, 'utf8')
    } catch {
      return said
    }
  }
  const url = `http://127.0.0.1:${port}`
  const stop = async (): Promise<void> => {
    process.off('exit', kill)
    kill()
    await ended
  }
  for (let tries = 0; tries < 200; tries++) {
    if (child.exitCode !== null) throw new Error(`Apache ended at once:\n${readLog()}`)
    const up = await fetch(`${url}/`).catch(() => undefined)
    if (up?.ok === true) return { url, log: readLog, stop }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  await stop()
  throw new Error(`Apache did not answer:\n${readLog()}`)
}
