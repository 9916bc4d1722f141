import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { refuse } from '#kernel'
import type { Machine } from '#terminal'

const stored = z.object({
  url: z.string(),
  access_token: z.string(),
  refresh_token: z.string().optional(),
  expires_at: z.string(),
})

/** What `signet login` keeps for the commands after it. */
export type StoredLogin = z.infer<typeof stored>

/** `~/.config/signet/login.json`, or under XDG_CONFIG_HOME. */
function storePath(machine: Machine): string {
  const home = machine.env['HOME'] ?? machine.env['USERPROFILE'] ?? machine.cwd
  const base = machine.env['XDG_CONFIG_HOME'] ?? ''
  return join(base === '' ? join(home, '.config') : base, 'signet', 'login.json')
}

/** The kept sign-in; undefined when there is none, or when it is of another server than `url`. */
export function readLogin(machine: Machine, url?: string): StoredLogin | undefined {
  try {
    const login = stored.parse(JSON.parse(readFileSync(storePath(machine), 'utf8')))
    return url === undefined || login.url === url ? login : undefined
  } catch {
    return undefined
  }
}

/** Keeps a sign-in, for this user alone, whole or not at all. */
export function writeLogin(machine: Machine, login: StoredLogin): void {
  const path = storePath(machine)
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const draft = `${path}.${process.pid}`
  writeFileSync(draft, `${JSON.stringify(login)}\n`, { mode: 0o600 })
  chmodSync(draft, 0o600)
  renameSync(draft, path)
}

/** Which server is meant: --url, SIGNET_URL, the one last signed in to, PUBLIC_URL, or this machine's. */
export function serverUrl(machine: Machine, given: string | undefined): string {
  const text =
    given ??
    machine.env['SIGNET_URL'] ??
    readLogin(machine)?.url ??
    machine.env['PUBLIC_URL'] ??
    `http://localhost:${machine.env['PORT'] ?? '4000'}`
  const url = URL.parse(text)
  if (url === null || !/^https?:$/.test(url.protocol))
    return refuse('malformed', 'cli/url', `"${text}" is no web address. Write https://id.example.com.`)
  return url.origin
}
