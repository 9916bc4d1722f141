import fc from 'fast-check'
import { evaluate, evaluateByReference, policySet, requestContext, withEntries } from '#policy'
import type { Decision, DecisionRequest } from '#policy'
import { asked, documents, requestFrom } from './generate.ts'

/** Requests asked of each set of documents; making documents is what takes the time. */
export const requestsPerSet = 10

/** What was asked and answered so far. */
export type Seen = {
  Allow: number
  Deny: number
  explicit: number
  mfa: number
  error: number
  readonly layers: Set<string>
}

/** Nothing yet. */
export const nothingSeen = (): Seen => ({
  Allow: 0,
  Deny: 0,
  explicit: 0,
  mfa: 0,
  error: 0,
  layers: new Set(),
})

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

/** The same context, made for deciding: its last entries were added later. */
const laidOut = ({ context }: Pick<DecisionRequest, 'context'>): DecisionRequest['context'] => {
  const entries = [...context]
  return withEntries(requestContext(entries.slice(0, 2)), entries.slice(2))
}

/** That the compiled engine and the readable interpreter decide alike; counts what it sees. Throws where they do not. */
export const agreement = (seen: Seen): fc.IProperty<unknown> =>
  fc.property(
    fc.array(asked, { minLength: requestsPerSet, maxLength: requestsPerSet }),
    documents,
    fc.boolean(),
    fc.boolean(),
    (all, from, indexed, laid) => {
      const [first] = all
      if (!first) return
      const plain = requestFrom(first, from)
      const { policies } = indexed ? withSets(plain) : plain
      for (const who of all) {
        const request = { ...who, policies, context: laid ? laidOut(who) : who.context }
        const compiled = evaluate(request)
        const reference = evaluateByReference(request)
        seen[compiled.effect]++
        if (compiled.explicit) seen.explicit++
        if (compiled.missing) seen.mfa++
        if (compiled.layer === 'error') seen.error++
        seen.layers.add(`${compiled.effect} ${compiled.layer}`)
        if (!alike(compiled, reference))
          throw new Error(
            `the engine: ${compiled.effect} ${compiled.layer}, ${compiled.because}\nthe interpreter: ${reference.effect} ${reference.layer}, ${reference.because}`,
          )
      }
    },
  )
