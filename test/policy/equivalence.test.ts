import fc from 'fast-check'
import { expect, it } from 'vitest'
import { evaluate, evaluateByReference, policySet } from '#policy'
import type { Decision, DecisionRequest } from '#policy'
import { asked, documents, requestFrom } from './generate.ts'

/** `POLICY_RUNS=1000000` is the nightly run. */
const runs = Number(process.env['POLICY_RUNS'] ?? 20_000)

/** Requests asked of each set of documents; making documents is what takes the time. */
const each = 10

/** The same answer for the same reason; which of several applying statements is cited may differ. */
const alike = (a: Decision, b: Decision): boolean =>
  a.effect === b.effect &&
  a.explicit === b.explicit &&
  a.layer === b.layer &&
  a.missing?.kind === b.missing?.kind &&
  a.statements.length === b.statements.length

const withSets = (request: DecisionRequest): DecisionRequest => ({
  ...request,
  policies: {
    ...request.policies,
    identity: policySet(request.policies.identity),
    session: policySet(request.policies.session ?? []),
    scpLevels: request.policies.scpLevels?.map(policySet),
    rcpLevels: request.policies.rcpLevels?.map((level) => policySet(level)),
  },
})

it(
  'the compiled engine and the readable interpreter decide alike',
  () => {
    const seen = { Allow: 0, Deny: 0, explicit: 0, mfa: 0, error: 0 }
    const layers = new Set<string>()
    fc.assert(
      fc.property(
        fc.array(asked, { minLength: each, maxLength: each }),
        documents,
        fc.boolean(),
        (all, from, indexed) => {
          const [first] = all
          if (!first) return
          const plain = requestFrom(first, from)
          const { policies } = indexed ? withSets(plain) : plain
          for (const who of all) {
            const request = { ...who, policies }
            const compiled = evaluate(request)
            const reference = evaluateByReference(request)
            seen[compiled.effect]++
            if (compiled.explicit) seen.explicit++
            if (compiled.missing) seen.mfa++
            if (compiled.layer === 'error') seen.error++
            layers.add(`${compiled.effect} ${compiled.layer}`)
            if (!alike(compiled, reference)) expect(compiled).toEqual(reference)
          }
        },
      ),
      { numRuns: runs / each },
    )
    // The generator must keep reaching every kind of answer, or agreement means little.
    expect(Math.min(seen.Allow, seen.Deny - seen.explicit, seen.explicit)).toBeGreaterThan(runs / 50)
    expect(seen.mfa).toBeGreaterThan(0)
    expect(seen.error).toBe(0)
    expect([...layers].toSorted()).toEqual(
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
  },
  60_000 + runs * 10,
)
