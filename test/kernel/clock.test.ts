import { describe, expect, it, vi } from 'vitest'

import { systemClock } from '#kernel'

describe('the clock of the system', () => {
  it('tells the time of this machine, to the millisecond', () => {
    const before = Date.now()
    const told = systemClock()
    expect(told.epochMilliseconds).toBeGreaterThanOrEqual(before)
    expect(told.epochMilliseconds).toBeLessThanOrEqual(Date.now())
    expect(told.epochNanoseconds % 1_000_000n).toBe(0n)
  })

  it('follows every step, also back, and makes one instant of a millisecond', () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    try {
      for (const at of [1_800_000_000_000, 1_800_000_000_001, 1_799_999_999_000]) {
        vi.setSystemTime(at)
        expect(systemClock().epochMilliseconds).toBe(at)
        expect(systemClock()).toBe(systemClock())
      }
    } finally {
      vi.useRealTimers()
    }
  })
})
