import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { refuse } from '#kernel'

type Holder = { readonly pid: number; readonly started: string; readonly boot: string }

const read = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

/** When a process began, as Linux counts it; elsewhere empty, and the pid alone decides. */
const startedAt = (pid: number): string => {
  const stat = read(`/proc/${pid}/stat`)
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
}

const bootId = (): string => read('/proc/sys/kernel/random/boot_id')?.trim() ?? ''

function isAlive(holder: Holder): boolean {
  if (holder.boot !== bootId()) return false
  try {
    process.kill(holder.pid, 0)
  } catch (thrown) {
    // EPERM: it lives and belongs to somebody else.
    if (!(thrown instanceof Error && 'code' in thrown && thrown.code === 'EPERM')) return false
  }
  return holder.started === '' || startedAt(holder.pid) === holder.started
}

/**
 * Takes the data directory for this process alone. Two processes on one embedded database would each acknowledge
 * writes that the other then overwrites. A lock left behind by a process that is gone is taken over.
 *
 * @returns what gives it back
 * @throws Failure conflict database/directory-locked naming the process that holds it
 */
export function lockDirectory(dataDir: string): () => void {
  const path = join(dataDir, 'signet.lock')
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      const file = openSync(path, 'wx', 0o600)
      const mine: Holder = { pid: process.pid, started: startedAt(process.pid), boot: bootId() }
      writeSync(file, JSON.stringify(mine))
      closeSync(file)
      return () => rmSync(path, { force: true })
    } catch (thrown) {
      if (!(thrown instanceof Error && 'code' in thrown && thrown.code === 'EEXIST')) throw thrown
    }
    const holder = parseHolder(read(path))
    if (holder !== undefined && isAlive(holder))
      refuse(
        'conflict',
        'database/directory-locked',
        `The data directory ${dataDir} is in use by process ${holder.pid}. Stop that process, or set DATA_DIR to another folder.`,
      )
    rmSync(path, { force: true })
  }
  return refuse(
    'conflict',
    'database/directory-locked',
    `The data directory ${dataDir} is being opened by another process.`,
  )
}

function parseHolder(text: string | undefined): Holder | undefined {
  try {
    const value: unknown = JSON.parse(text ?? '')
    if (typeof value !== 'object' || value === null) return undefined
    const { pid, started, boot } = value as Partial<Holder>
    return typeof pid === 'number' && typeof started === 'string' && typeof boot === 'string'
      ? { pid, started, boot }
      : undefined
  } catch {
    return undefined
  }
}
