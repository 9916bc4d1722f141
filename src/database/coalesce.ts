type Waiting<Item> = { readonly item: Item; resolve(): void; reject(reason: unknown): void }

/**
 * Many small writes as few statements: callers that come while a write is under way share the next one, and each
 * waits for the commit of its own batch. Nothing is acknowledged early and nothing is lost.
 *
 * @param write writes all items or throws; called with 1 … `most` items, one batch at a time
 */
export function coalesce<Item>(
  write: (items: readonly Item[]) => Promise<void>,
  { most = 200 }: { readonly most?: number } = {},
): (item: Item) => Promise<void> {
  let queue: Waiting<Item>[] = []
  let writing = false

  async function drain(): Promise<void> {
    writing = true
    // One turn of the loop, so that requests answered in the same tick share the first batch too. Not `endOfTurn`: it
    // goes on amid those who waited for the same turn, before what they are about to write.
    await new Promise((resolve) => setImmediate(resolve))
    while (queue.length > 0) {
      const batch = queue.slice(0, most)
      queue = queue.slice(most)
      try {
        await write(batch.map(({ item }) => item))
        for (const { resolve } of batch) resolve()
      } catch (thrown) {
        for (const { reject } of batch) reject(thrown)
      }
    }
    writing = false
  }

  return (item) =>
    new Promise((resolve, reject) => {
      queue.push({ item, resolve, reject })
      if (!writing) void drain()
    })
}
