/** Where the processor time of a process goes, by whose code it is. */
import { Session } from 'node:inspector/promises'

/** Shares of the time in which the process was not idle, from 0 to 1, the largest first. */
export type Shares = readonly (readonly [whose: string, share: number])[]

/** Samples of half a millisecond: a profile costs a few in a hundred. */
const intervalMicroseconds = 500

/** Begins to look; the answer ends it and tells. */
export async function startProfile(): Promise<() => Promise<Shares>> {
  const session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.setSamplingInterval', { interval: intervalMicroseconds })
  await session.post('Profiler.start')
  return async () => {
    const { profile } = await session.post('Profiler.stop')
    session.disconnect()
    const frames = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame]))
    const times = new Map<string, number>()
    let total = 0
    for (const [at, id] of (profile.samples ?? []).entries()) {
      const frame = frames.get(id)
      const time = profile.timeDeltas?.[at] ?? 0
      if (frame === undefined || frame.functionName === '(idle)') continue
      // That is the looking itself.
      if (frame.url.startsWith('node:inspector')) continue
      const whose = owner(frame.functionName, frame.url)
      times.set(whose, (times.get(whose) ?? 0) + time)
      total += time
    }
    return [...times].map(([whose, time]) => [whose, time / total] as const).toSorted((a, b) => b[1] - a[1])
  }
}

const socketCalls = new Set(['writeUtf8String', 'writeLatin1String', 'writeBuffer', 'writev', 'shutdown'])

function owner(name: string, url: string): string {
  if (name === '(garbage collector)') return 'garbage collection'
  if (url === '') return socketCalls.has(name) ? 'writing to sockets (system calls)' : 'native code'
  const [, slice] = /\/src\/(?:(\w[\w-]*)\/|app\.ts)/.exec(url) ?? []
  if (slice !== undefined) return `signet: ${slice}`
  if (/node_modules\/pg/.test(url)) return 'the PostgreSQL driver'
  if (/node_modules\/(?:koa|@koa|delegates|on-finished|ee-first|type-is|content-type|accepts|mime)/.test(url))
    return 'Koa'
  if (url.includes('node_modules/')) return 'other packages'
  if (
    /^node:(?:_http|net|internal\/(?:streams?|http|stream_base|js_stream))|^node:(?:events|stream|_stream|internal\/timers|buffer|internal\/buffer)/.test(
      url,
    )
  )
    return 'Node: HTTP, streams, events'
  if (/loader|modules|amaro/.test(url)) return 'loading of modules'
  return `Node: ${url.replace(/^node:(?:internal\/)?/, '')}`
}
