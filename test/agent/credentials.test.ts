import { describe, expect, it } from 'vitest'
import { credentialSupply } from '#src/agent/credentials.ts'
import { fixedClock } from '../support/fixtures.ts'

/** A server that gives an hour's credentials, counts, and can be out of order. */
function world() {
  const clock = fixedClock()
  const state = { taken: 0, broken: false, failures: [] as unknown[] }
  const supply = credentialSupply({
    clock,
    take: async () => {
      await Promise.resolve()
      if (state.broken) throw new Error('out of order')
      state.taken += 1
      return {
        accessKeyId: `ASIA${state.taken}`,
        secretAccessKey: 's',
        sessionToken: 't',
        expiration: clock().add({ hours: 1 }).toString(),
        assumedRoleArn: 'arn:aws:sts::111122223333:assumed-role/R/me',
      }
    },
    failed: (thrown) => state.failures.push(thrown),
  })
  return { clock, state, supply }
}

describe('the agent’s credentials', () => {
  it('are taken once for many that ask at the same moment', async () => {
    const { state, supply } = world()
    const given = await Promise.all(Array.from({ length: 50 }, () => supply.current()))
    expect(new Set(given.map(({ accessKeyId }) => accessKeyId))).toEqual(new Set(['ASIA1']))
    expect(state.taken).toBe(1)
  })

  it('are renewed five minutes ahead, and nobody waits for it', async () => {
    const { clock, state, supply } = world()
    await supply.current()
    clock.advance({ minutes: 54 })
    await supply.renew()
    expect(state.taken).toBe(1)
    clock.advance({ minutes: 2 })
    expect((await supply.current()).accessKeyId).toBe('ASIA1')
    await supply.renew()
    expect([state.taken, (await supply.current()).accessKeyId]).toEqual([2, 'ASIA2'])
  })

  it('stay the old ones while the server is out of order, to the end of their life and not longer', async () => {
    const { clock, state, supply } = world()
    await supply.current()
    state.broken = true
    clock.advance({ minutes: 58 })
    await supply.renew()
    expect((await supply.current()).accessKeyId).toBe('ASIA1')
    expect(state.failures.length).toBeGreaterThan(0)
    clock.advance({ minutes: 2 })
    await expect(supply.current()).rejects.toThrow('out of order')
    state.broken = false
    expect((await supply.current()).accessKeyId).toBe('ASIA2')
  })
})
