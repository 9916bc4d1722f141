import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

const read = (path: string): string => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/**
 * Who listens on a TCP port of this machine, as far as /proc tells: `nginx (process 812)`. Undefined where it does not.
 */
export function portHolder(port: number): string | undefined {
  const hex = port.toString(16).toUpperCase().padStart(4, '0')
  const inodes = new Set(
    ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((path) =>
      read(path)
        .split('\n')
        .map((line) => line.trim().split(/\s+/))
        // 0A: listening
        .filter(([, local = '', , state]) => local.endsWith(`:${hex}`) && state === '0A')
        .map((columns) => `socket:[${columns[9] ?? ''}]`),
    ),
  )
  if (inodes.size === 0) return undefined
  for (const pid of list('/proc').filter((name) => /^\d+$/.test(name)))
    for (const file of list(`/proc/${pid}/fd`))
      if (inodes.has(link(`/proc/${pid}/fd/${file}`)))
        return `${read(`/proc/${pid}/comm`).trim()} (process ${pid})`
  return undefined
}

const list = (path: string): readonly string[] => {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}

const link = (path: string): string => {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}
