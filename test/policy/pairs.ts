import fc from 'fast-check'
import { checkNoNewAccess, evaluate, policySet } from '#policy'
import type { DecisionRequest, PolicyRef } from '#policy'
import { asked, document, read, type Asked, type Json } from './generate.ts'

/** Documents of each set; every one is compared with every one, itself included. */
const documentsPerSet = 12
/** Pairs of each set. */
export const pairsPerSet = documentsPerSet ** 2

/** What the checks answered so far, and how many sampled requests a PASS was held against. */
export type SeenPairs = { PASS: number; FAIL: number; UNKNOWN: number; samples: number }

const kinds = ['identity', 'identity', 'resource', 'trust'] as const
type Kind = (typeof kinds)[number]

const everything: PolicyRef = read(
  { Version: '2012-10-17', Statement: { Effect: 'Allow', Action: '*', Resource: '*' } },
  'identity',
  'inline:all',
)
const alone = policySet([])
const withAll = policySet([everything])

/** Who asks, with nothing but the policy, or with a caller's side that allows everything. */
function questionsOf(kind: Kind, some: readonly Asked[]): readonly ((ref: PolicyRef) => DecisionRequest)[] {
  // Nothing takes this action from anybody, and nothing gives it.
  const open = some.filter(({ action }) => action.toLowerCase() !== 'sts:getcalleridentity')
  if (kind === 'identity')
    return open
      .filter(({ principal }) => principal.kind === 'user')
      .map((each) => (ref) => ({ ...each, policies: { identity: [ref] } }))
  return open.flatMap((each) =>
    [alone, withAll].map((identity) => (ref: PolicyRef) => ({
      ...each,
      policies: { identity, [kind]: ref },
    })),
  )
}

/**
 * That CheckNoNewAccess never passes a pair that one of many sampled requests contradicts, and that the request of every FAIL is
 * decided both ways; counts what it sees. Throws where it is not so.
 */
export const noWrongPass = (seen: SeenPairs): fc.IProperty<unknown> =>
  fc.property(
    fc.constantFrom(...kinds).chain((kind) =>
      fc.tuple(
        fc.constant(kind),
        fc.array(document(kind, 3), {
          minLength: documentsPerSet / 2,
          maxLength: documentsPerSet / 2,
        }),
      ),
    ),
    fc.array(asked, { minLength: 60, maxLength: 60 }),
    ([kind, documents], some) => {
      // Each document also with its first statement alone: such pairs often pass.
      const all = documents.flatMap((json) => [
        json,
        { ...json, Statement: [(json['Statement'] as Json[])[0]] },
      ])
      const refs = all.map((json) => read(json, kind))
      const questions = questionsOf(kind, some)
      const allowed = refs.map((ref) => questions.map((ask) => evaluate(ask(ref)).effect === 'Allow'))
      for (const [before, old] of refs.entries())
        for (const [after, now] of refs.entries()) {
          const found = checkNoNewAccess([old.policy], [now.policy])
          seen[found.result]++
          if (found.result === 'FAIL') {
            const { replay } = found.counterexample
            if (evaluate(replay.before).effect !== 'Deny' || evaluate(replay.after).effect !== 'Allow')
              throw new Error(`a FAIL that does not replay: ${shown(all, before, after)}`)
          }
          if (found.result !== 'PASS') continue
          seen.samples += questions.length
          for (const at of questions.keys())
            if (allowed[after]?.[at] === true && allowed[before]?.[at] === false)
              throw new Error(
                `a wrong PASS: ${shown(all, before, after)}, ${JSON.stringify(questions[at]?.(now).action)}`,
              )
        }
    },
  )

const shown = (all: readonly Json[], before: number, after: number): string =>
  `${JSON.stringify(all[before])} / ${JSON.stringify(all[after])}`
