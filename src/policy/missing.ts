import { canonicalKey, type Policy } from './ast.ts'
import type { ContextValue, Decision, DecisionRequest } from './request.ts'

const presentKey = 'signet:multifactorauthpresent'
const ageKey = 'signet:multifactorauthage'

/**
 * Says of a denial whether a fresh second factor is all that is missing: the same request with the MFA keys of a sign-in just
 * made is allowed. `decide` is asked at most once more, and only when `mfaMatters`.
 */
export function withMissing(
  request: DecisionRequest,
  decision: Decision,
  decide: (request: DecisionRequest) => Decision,
  mfaMatters: (request: DecisionRequest) => boolean,
): Decision {
  if (decision.effect === 'Allow' || decision.layer === 'error' || !mfaMatters(request)) return decision
  const context = new Map<string, ContextValue>()
  for (const [name, value] of request.context) {
    const key = canonicalKey(name)
    if (key !== presentKey && key !== ageKey) context.set(name, value)
  }
  context.set(presentKey, 'true').set(ageKey, '0')
  return decide({ ...request, context }).effect === 'Allow'
    ? { ...decision, missing: { kind: 'mfa' } }
    : decision
}

/** Whether a policy has a condition on MFA; most have not, and need no second evaluation. */
export const looksAtMfa = (policy: Policy): boolean =>
  policy.statements.some((statement) =>
    statement.conditions.some(({ key }) => key === presentKey || key === ageKey),
  )

/** Whether a condition on MFA has a part in the request. */
export const mfaMatters = ({ policies }: DecisionRequest): boolean =>
  [
    policies.identity,
    policies.session ?? [],
    [policies.boundary, policies.resource, policies.trust],
    (policies.scpLevels ?? []).flat(),
    (policies.rcpLevels ?? []).flat(),
  ]
    .flat()
    .some((ref) => ref && looksAtMfa(ref.policy))
