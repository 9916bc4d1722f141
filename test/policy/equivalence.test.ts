import fc from 'fast-check'
import { expect, it } from 'vitest'
import { agreement, nothingSeen, requestsPerSet } from './agreement.ts'

/** A million of them is `npm run nightly:policy`. */
const runs = 20_000

it('the compiled engine and the readable interpreter decide alike', () => {
  const seen = nothingSeen()
  fc.assert(agreement(seen), { numRuns: runs / requestsPerSet })
  // The generator must keep reaching every kind of answer, or agreement means little.
  expect(Math.min(seen.Allow, seen.Deny - seen.explicit, seen.explicit)).toBeGreaterThan(runs / 50)
  expect(seen.mfa).toBeGreaterThan(0)
  expect(seen.error).toBe(0)
  expect([...seen.layers].toSorted()).toEqual(
    [
      'Allow identity',
      'Allow resource',
      'Allow root',
      'Allow trust',

      'Deny boundary',
      'Deny identity',
      'Deny rcp',
      'Deny resource',
      'Deny scp',
      'Deny session',
      'Deny trust',
    ].toSorted(),
  )
}, 260_000)
