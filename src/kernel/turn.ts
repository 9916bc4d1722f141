let ending: Promise<void> | undefined

/**
 * Resolves when the event loop has taken in what was there to be read, for all who asked until then, one right after the
 * other. What many requests do alike costs much less when it is done for all of them in one go: amid the rest of each
 * request, its code and tables would have left the processor's cache every time.
 */
export const endOfTurn = (): Promise<void> =>
  (ending ??= new Promise((resolve) => {
    setImmediate(() => {
      ending = undefined
      resolve()
    })
  }))
