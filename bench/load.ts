/**
 * A load generator that runs in a process of its own: `generate({ … })` in a benchmark starts it and waits for its figures.
 *
 * Without a rate each of the connections sends its next request when the answer is there. With one the requests are due at
 * times that do not depend on the answers (exponential gaps, as from many callers), and a request's latency counts from the
 * moment it was due: what a stalled server kept waiting is in the figures (no coordinated omission).
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'

export type Load = {
  readonly port: number
  readonly connections: number
  readonly seconds: number
  /** Requests per second; as many as are answered where it is absent. */
  readonly rate?: number
  /** Whole requests, sent in turn. `{ip}` in one becomes an address of its own each time. */
  readonly requests: readonly string[]
}

export type Figures = {
  readonly answered: number
  readonly refused: number
  readonly perSecond: number
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
}

let child: ChildProcess | undefined

/** Runs one load in the generator's process. @throws Error when anything but 200 was answered */
export async function generate(load: Load): Promise<Figures> {
  child ??= fork(new URL(import.meta.url), ['generate'], {
    execArgv: ['--disable-warning=ExperimentalWarning'],
  })
  child.send(load)
  const [figures] = (await once(child, 'message')) as [Figures]
  if (figures.refused > 0) throw new Error(`${figures.refused} refused, ${figures.answered} answered`)
  return figures
}

/** Ends the generator's process. */
export function endGenerator(): void {
  child?.kill()
  child = undefined
}

/** The processor time of a process so far, all its threads, in seconds (proc(5), `stat`). */
export function cpuSecondsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / 100
}

async function run({ port, connections, seconds, rate, requests }: Load): Promise<Figures> {
  const latencies: number[] = []
  let [refused, turn] = [0, 0]
  const idle: ((due: number) => void)[] = []
  const due: number[] = []
  const end = performance.now() + seconds * 1_000
  const sockets = await Promise.all(Array.from({ length: connections }, () => open(port)))
  const next = () => {
    const text = requests[turn % requests.length] ?? ''
    const number = turn++
    return text.replace('{ip}', `10.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`)
  }
  const answeredAt = (since: number, isGood: boolean) => {
    latencies.push(performance.now() - since)
    if (!isGood) refused++
  }
  const started = performance.now()
  await new Promise<void>((resolve) => {
    let open = connections
    const done = () => {
      if (--open === 0) resolve()
    }
    for (const socket of sockets) {
      const send = (since: number) => {
        exchange(socket, next(), (isGood) => {
          answeredAt(since, isGood)
          const waiting = rate === undefined ? performance.now() : due.shift()
          if (rate === undefined && performance.now() >= end) done()
          else if (waiting === undefined) idle.push(send)
          else send(waiting)
        })
      }
      if (rate === undefined) send(performance.now())
      else idle.push(send)
    }
    if (rate === undefined) return
    let at = performance.now()
    const tick = () => {
      const now = performance.now()
      while (at <= now && at < end) {
        const send = idle.pop()
        if (send === undefined) due.push(at)
        else send(at)
        at += (-Math.log(1 - Math.random()) * 1_000) / rate
      }
      // Sleeping between two looks makes a request up to a millisecond late, which counts against the server; looking all
      // the time would take one of its cores.
      if (at < end || idle.length < connections || due.length > 0) setTimeout(tick, 1)
      else resolve()
    }
    tick()
  })
  const took = (performance.now() - started) / 1_000
  for (const socket of sockets) socket.destroy()
  latencies.sort((a, b) => a - b)
  const at = (share: number) => latencies[Math.floor(latencies.length * share)] ?? NaN
  return {
    answered: latencies.length,
    refused,
    perSecond: latencies.length / took,
    p50: at(0.5),
    p99: at(0.99),
  }
}

const open = async (port: number): Promise<Socket> => {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  await once(socket, 'connect')
  return socket
}

/** One request and its answer, which says its length. */
function exchange(socket: Socket, request: string, answered: (isGood: boolean) => void): void {
  let text = ''
  const heard = (chunk: Buffer) => {
    text += chunk.toString('latin1')
    const head = text.indexOf('\r\n\r\n')
    if (head < 0) return
    const length = /\r\ncontent-length: (\d+)/i.exec(text.slice(0, head))?.[1]
    if (length === undefined || text.length < head + 4 + Number(length)) return
    socket.off('data', heard)
    answered(text.startsWith('HTTP/1.1 200'))
  }
  socket.on('data', heard)
  socket.write(request)
}

if (process.argv[2] === 'generate' && process.send !== undefined)
  process.on('message', (load: Load) => {
    void run(load).then((figures) => process.send?.(figures))
  })
