/**
 * What the machine does to a measurement. A virtual core shares a real one with strangers: the host may take it away
 * (`steal`, proc(5)), and another thread of the same core makes everything take up to twice as long, of which the system tells
 * nothing. A limit in microseconds means a core of one's own: rounds say how the machine was, and the calm ones are judged
 * (docs/decisions/0043).
 */
import { readFileSync } from 'node:fs'

const sample = JSON.stringify(
  Array.from({ length: 40 }, (_, id) => ({ id, name: `n${id}`, ok: true, tags: ['a', 'b', String(id)] })),
)

/** Milliseconds that the same piece of work takes now, about one on a core of one's own: the best of three tries. */
export function pace(): number {
  const tries = [0, 1, 2].map(() => {
    const before = performance.now()
    for (let index = 0; index < 60; index++) JSON.stringify(JSON.parse(sample))
    return performance.now() - before
  })
  return Math.min(...tries)
}

/** Begins to watch the host. @returns what share of all processor time it took away since */
export function watchHost(): () => number {
  const read = (): { taken: number; all: number } => {
    const line = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0] ?? ''
    // user, nice, system, idle, iowait, irq, softirq, steal
    const ticks = line.split(/\s+/).slice(1, 9).map(Number)
    return { taken: ticks[7] ?? 0, all: ticks.reduce((sum, each) => sum + each, 0) }
  }
  const before = read()
  return () => {
    const { taken, all } = read()
    return (taken - before.taken) / Math.max(1, all - before.all)
  }
}

/** The middle of some figures. */
export const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN

/** A figure, and how disturbed the machine was: its slowest pace around the round, or what the host took. */
export type Round = { readonly figure: number; readonly disturbed: number }

/**
 * The median of the rounds that were disturbed no more than `most`, how many they were, and the median of all. With fewer
 * than `fewest` of them nothing can be said about a calm machine, and all are judged.
 */
export function judge(
  rounds: readonly Round[],
  { most, fewest }: { readonly most: number; readonly fewest: number },
): { readonly judged: number; readonly calm: number; readonly all: number } {
  const calm = rounds.filter(({ disturbed }) => disturbed <= most).map(({ figure }) => figure)
  const all = median(rounds.map(({ figure }) => figure))
  return { judged: calm.length < fewest ? all : median(calm), calm: calm.length, all }
}
