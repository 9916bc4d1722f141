import { refuse } from '#kernel'

/** How long the first note of a batch waits for others. */
const gatherMilliseconds = 20
/** Notes of one statement, and the most that may wait: past that, whoever notes waits too. */
const mostPerWrite = 1_000
const mostWaiting = 20_000
const slowestRetryMilliseconds = 2_000

/** What is written down a moment later, many at a time. */
export type Notes<Item> = {
  /**
   * Takes an item down. Undefined: it is in the queue, which is written within a moment and before the process ends in
   * order. A promise: the queue is full, and the item is in it when the promise resolves.
   *
   * @param weight how many items of ordinary size this one is
   * @throws Failure unavailable audit/behind when the queue is full because nothing could be written for some time
   */
  add(item: Item, weight?: number): Promise<void> | undefined
  /** Resolves when everything added so far is written. @throws what the last try threw */
  flush(): Promise<void>
}

/**
 * A queue before a write. Nothing is dropped: what cannot be written is tried again, and once the queue is full the items
 * are refused, loudly, until it can.
 *
 * @param write writes all items or throws; after an uncertain end it is called with the same ones again
 */
export function notes<Item>(needs: {
  readonly write: (items: readonly Item[]) => Promise<void>
  readonly failed: (thrown: unknown) => void
}): Notes<Item> {
  let queue: { readonly item: Item; readonly weight: number }[] = []
  let waiting = 0
  let draining: Promise<void> | undefined
  let isFailing = false
  let room: PromiseWithResolvers<void> | undefined

  /** Whoever waits for room looks again: there is some, or there will be none. */
  const wake = () => {
    room?.resolve()
    room = undefined
  }

  async function drain(): Promise<void> {
    let pause = 50
    while (queue.length > 0) {
      // Also between two writes: what came during one is a tenth of what one statement can take for the same price.
      if (waiting < mostPerWrite) await new Promise((resolve) => setTimeout(resolve, gatherMilliseconds))
      let count = 0
      let weight = 0
      while (count < queue.length && (count === 0 || weight < mostPerWrite))
        weight += queue[count++]?.weight ?? 0
      const batch = queue.slice(0, count)
      try {
        await needs.write(batch.map(({ item }) => item))
        queue = queue.slice(count)
        waiting -= weight
        isFailing = false
        pause = 50
        wake()
      } catch (thrown) {
        if (!isFailing) needs.failed(thrown)
        isFailing = true
        wake()
        await new Promise((resolve) => setTimeout(resolve, pause))
        pause = Math.min(pause * 2, slowestRetryMilliseconds)
      }
    }
    // In the same turn as the last look into the queue: who adds afterwards begins anew.
    draining = undefined
  }

  const push = (item: Item, weight: number) => {
    queue.push({ item, weight })
    waiting += weight
    draining ??= drain()
  }

  const behind = (): never =>
    refuse('unavailable', 'audit/behind', 'The audit log cannot be written at the moment. Try again.')

  async function enter(item: Item, weight: number): Promise<void> {
    if (waiting < mostWaiting) {
      push(item, weight)
      return
    }
    if (isFailing) behind()
    room ??= Promise.withResolvers<void>()
    await room.promise
    await enter(item, weight)
  }

  async function flush(): Promise<void> {
    if (draining === undefined) return
    if (isFailing) behind()
    await Promise.race([draining, new Promise((resolve) => setTimeout(resolve, 50))])
    await flush()
  }

  return {
    add(item, weight = 1) {
      if (waiting >= mostWaiting) return enter(item, weight)
      push(item, weight)
      return undefined
    },
    flush,
  }
}
