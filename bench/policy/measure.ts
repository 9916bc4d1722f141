/** Something that is timed: `make` prepares one call outside the clock, `run` is the call. */
export type Subject = {
  readonly name: string
  readonly make: () => unknown
  readonly run: (made: unknown) => unknown
}

/** Microseconds of one call, and calls in a second of processor time. */
export type Figures = { readonly p50: number; readonly p99: number; readonly perSecond: number }

/** A subject, with the type of what is made kept out of the list. */
export const subject = <Made>(name: string, make: () => Made, run: (made: Made) => unknown): Subject => ({
  name,
  make,
  run: (made) => run(made as Made),
})

/** Calls between two looks at the clocks. */
const batch = 16
const warmUp = 4
const milliseconds = 30

/**
 * Times all subjects in turn, in many short rounds, and answers the quietest round of each: other processes can only make a
 * round slower. Every call gets what was made for it alone, a moment before.
 */
export function measure(subjects: readonly Subject[], rounds: number): ReadonlyMap<string, Figures> {
  const best = new Map<string, Figures>()
  for (let round = 0; round < rounds + warmUp; round++) {
    for (const each of subjects) {
      const figures = oneRound(each)
      if (round < warmUp) continue
      const before = best.get(each.name)
      best.set(each.name, {
        p50: Math.min(figures.p50, before?.p50 ?? Infinity),
        p99: Math.min(figures.p99, before?.p99 ?? Infinity),
        perSecond: Math.max(figures.perSecond, before?.perSecond ?? 0),
      })
    }
  }
  return best
}

/** Every answer is stored where the compiler cannot prove it unread: an unread answer need not be worked out. */
let kept: unknown
/** The last answer. */
export const lastAnswer = (): unknown => kept

function oneRound({ make, run }: Subject): Figures {
  const samples: number[] = []
  let processor = 0
  const until = performance.now() + milliseconds
  do {
    const made = Array.from({ length: batch }, make)
    const before = process.cpuUsage()
    const start = performance.now()
    for (const each of made) kept = run(each)
    samples.push(((performance.now() - start) * 1000) / batch)
    const { user, system } = process.cpuUsage(before)
    processor += user + system
  } while (performance.now() < until || samples.length < 3)
  const calls = samples.length * batch
  samples.sort((a, b) => a - b)
  const at = (part: number) => samples[Math.floor(samples.length * part)] ?? 0
  return { p50: at(0.5), p99: at(0.99), perSecond: (calls * 1e6) / processor }
}
