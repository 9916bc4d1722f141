/** What time it is. Passed to whoever needs it, so that tests decide. */
export type Clock = () => Temporal.Instant

/** The time of this machine. */
export const systemClock: Clock = () => Temporal.Now.instant()
