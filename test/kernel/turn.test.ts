import { describe, expect, it } from 'vitest'
import { endOfTurn } from '#kernel'

describe('the end of a turn of the event loop', () => {
  it('lets all who asked go on, each before any of them does its next thing', async () => {
    const steps: string[] = []
    const walk = async (who: string) => {
      await endOfTurn()
      steps.push(`${who} first`)
      await Promise.resolve()
      steps.push(`${who} next`)
    }
    await Promise.all([walk('one'), walk('two'), walk('three')])
    expect(steps).toEqual(['one first', 'two first', 'three first', 'one next', 'two next', 'three next'])
  })

  it('comes after what was there to be done', async () => {
    const steps: string[] = []
    process.nextTick(() => steps.push('before'))
    await endOfTurn()
    expect(steps).toEqual(['before'])
  })

  it('is another one for who asks afterwards', async () => {
    const first = endOfTurn()
    await first
    const second = endOfTurn()
    expect(second).not.toBe(first)
    await expect(second).resolves.toBeUndefined()
  })
})
