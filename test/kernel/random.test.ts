import { describe, expect, it } from 'vitest'

import { random } from '#kernel'

describe('random bytes', () => {
  it('have the length that is asked for, across the pool and beyond it', () => {
    for (const size of [0, 1, 17, 255, 256, 257, 4_096, 10_000]) expect(random(size)).toHaveLength(size)
  })

  it('are never given twice, however many are drawn', () => {
    const drawn = Array.from({ length: 3_000 }, () => random(17).toString('hex'))
    expect(new Set(drawn).size).toBe(drawn.length)
  })

  it('stay what they were when more are drawn', () => {
    const first = random(32)
    const text = first.toString('hex')
    for (let index = 0; index < 500; index++) random(32).fill(0)
    expect(first.toString('hex')).toBe(text)
  })

  it('are spread evenly', () => {
    const counts = Array.from({ length: 256 }, () => 0)
    for (let index = 0; index < 4_096; index++) for (const byte of random(50)) counts[byte]! += 1
    // 800 of each are expected; so far off (12 standard deviations) no sound generator ever is.
    expect(Math.min(...counts)).toBeGreaterThan(460)
    expect(Math.max(...counts)).toBeLessThan(1_140)
  })
})
