import { describe, expect, it, vi } from 'vitest'
import { notes } from '#src/audit/notes.ts'
import { patiently } from '../support/patience.ts'

/** A write that can be made to fail, and what it wrote. */
function store() {
  const state = { written: [] as number[][], isDown: false, failures: 0 }
  const queue = notes<number>({
    write: async (items) => {
      if (state.isDown) throw new Error('down')
      state.written.push([...items])
    },
    failed: () => {
      state.failures++
    },
  })
  return { state, queue }
}

describe('notes', () => {
  it('are written in order, many at once, and not waited for', async () => {
    const { state, queue } = store()
    for (let item = 0; item < 50; item++) expect(queue.add(item)).toBeUndefined()
    expect(state.written).toEqual([])
    await queue.flush()
    expect(state.written).toEqual([Array.from({ length: 50 }, (_, item) => item)])
  })

  it('those that come while some are written gather for a while too', async () => {
    const writes: { readonly items: readonly number[]; readonly ends: () => void }[] = []
    const queue = notes<number>({
      write: (items) => new Promise((resolve) => writes.push({ items, ends: resolve })),
      failed: () => undefined,
    })
    vi.useFakeTimers()
    try {
      void queue.add(1)
      await vi.advanceTimersByTimeAsync(20)
      expect(writes.map(({ items }) => items)).toEqual([[1]])
      void queue.add(2)
      writes[0]?.ends()
      await vi.advanceTimersByTimeAsync(19)
      void queue.add(3)
      expect(writes).toHaveLength(1)
      await vi.advanceTimersByTimeAsync(1)
      expect(writes.map(({ items }) => items)).toEqual([[1], [2, 3]])
      writes[1]?.ends()
    } finally {
      vi.useRealTimers()
    }
    await queue.flush()
  })

  it('a heavy one goes alone with what fits', async () => {
    const { state, queue } = store()
    void queue.add(1, 900)
    void queue.add(2, 900)
    void queue.add(3, 900)
    await queue.flush()
    expect(state.written).toEqual([[1, 2], [3]])
  })

  it('what cannot be written is kept and written later, told once', async () => {
    const { state, queue } = store()
    state.isDown = true
    void queue.add(1)
    void queue.add(2)
    await vi.waitFor(() => expect(state.failures).toBe(1), patiently)
    await expect(queue.flush()).rejects.toMatchObject({ reason: 'audit/behind' })
    state.isDown = false
    void queue.add(3)
    await vi.waitFor(() => expect(state.written.flat()).toEqual([1, 2, 3]), patiently)
    expect(state.failures).toBe(1)
  })

  it('a full queue makes the next one wait, and refuses it when nothing can be written', async () => {
    const { state, queue } = store()
    void queue.add(0, 20_000)
    const waits = queue.add(1)
    expect(waits).toBeInstanceOf(Promise)
    await waits
    await queue.flush()
    expect(state.written).toEqual([[0], [1]])
    state.isDown = true
    void queue.add(2, 20_000)
    await vi.waitFor(() => expect(state.failures).toBe(1), patiently)
    await expect(queue.add(3)).rejects.toMatchObject({ kind: 'unavailable', reason: 'audit/behind' })
  })
})
