import { type ChildProcess, spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..', '..')

/** A run of the command line as a user runs it: `bin/signet.cjs` in a process of its own. */
export type SignetRun = {
  readonly child: ChildProcess
  /** Standard output and standard error so far. */
  out(): string
  err(): string
  /** Resolves when standard output holds this text; rejects when the process ends before. */
  says(text: string): Promise<void>
  /** The exit code. */
  readonly ended: Promise<number | null>
}

const running = new Set<ChildProcess>()
// A test that fails half-way leaves nothing behind.
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** Starts `signet …` with these variables and no others but PATH and HOME. */
export function startSignet(args: readonly string[], env: Readonly<Record<string, string>>): SignetRun {
  const child = spawn(process.execPath, [join(root, 'bin', 'signet.cjs'), ...args], {
    env: { PATH: process.env['PATH'] ?? '', HOME: env['DATA_DIR'] ?? '/', ...env },
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  running.add(child)
  child.once('close', () => running.delete(child))
  let out = ''
  let err = ''
  const waiting = new Set<() => void>()
  child.stdout.on('data', (text) => {
    out += String(text)
    for (const look of waiting) look()
  })
  child.stderr.on('data', (text) => {
    err += String(text)
  })
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  return {
    child,
    out: () => out,
    err: () => err,
    ended,
    says: (text) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (!out.includes(text)) return
          waiting.delete(look)
          resolve()
        }
        waiting.add(look)
        look()
        void ended.then((code) =>
          reject(new Error(`It ended with ${code} before it said "${text}":\n${out}${err}`)),
        )
      }),
  }
}

/** Runs a command to its end. */
export async function runSignet(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<{ code: number | null; out: string; err: string }> {
  const run = startSignet(args, env)
  const code = await run.ended
  return { code, out: run.out(), err: run.err() }
}

/** A port that nobody listens on now. */
export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
