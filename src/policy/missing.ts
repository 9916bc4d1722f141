import { canonicalKey } from './ast.ts'
import type { ContextValue, Decision, DecisionRequest } from './request.ts'

const presentKey = 'signet:multifactorauthpresent'
const ageKey = 'signet:multifactorauthage'

/**
 * Says of a denial whether a fresh second factor is all that is missing: the same request with the MFA keys of a sign-in just
 * made is allowed. `decide` is asked at most once more.
 */
export function withMissing(
  request: DecisionRequest,
  decision: Decision,
  decide: (request: DecisionRequest) => Decision,
): Decision {
  if (decision.effect === 'Allow' || decision.layer === 'error' || !looksAtMfa(request)) return decision
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

/** Whether any policy of the request has a condition on MFA; most have not, and need no second evaluation. */
function looksAtMfa({ policies }: DecisionRequest): boolean {
  const all = [
    policies.identity,
    policies.session ?? [],
    [policies.boundary, policies.resource, policies.trust],
    (policies.scpLevels ?? []).flat(),
    (policies.rcpLevels ?? []).flat(),
  ].flat()
  return all.some((ref) =>
    ref?.policy.statements.some((statement) =>
      statement.conditions.some(({ key }) => key === presentKey || key === ageKey),
    ),
  )
}
