/** What time it is. Passed to whoever needs it, so that tests decide. */
export type Clock = () => Temporal.Instant

let last = Temporal.Now.instant()
let lastMilliseconds = last.epochMilliseconds

/**
 * The time of this machine, to the millisecond. Whoever asks within the same one gets the same instant: one is dear to make
 * and dearer to collect, and a busy server asks several times for each request.
 */
export const systemClock: Clock = () => {
  const milliseconds = Date.now()
  if (milliseconds !== lastMilliseconds) {
    lastMilliseconds = milliseconds
    last = Temporal.Instant.fromEpochMilliseconds(milliseconds)
  }
  return last
}
