import { decideByEngine, engineMfaMatters } from './engine/evaluate.ts'
import { mfaMatters, withMissing } from './missing.ts'
import { decideByReference } from './reference/evaluate.ts'
import type { Decision, DecisionRequest } from './request.ts'

/**
 * Decides a request: explicit deny anywhere, then every guard-rail level, then the formula for the caller's and the resource's
 * account. No allow means deny, and any error means deny; it never throws.
 *
 * Policies are compiled when they are first used and the result is kept with the policy, so read a document once and keep it;
 * policySet makes a long list of policies as quick as a short one.
 *
 * IAM User Guide, reference_policies_evaluation-logic.
 */
export function evaluate(request: DecisionRequest): Decision {
  return withMissing(request, decideByEngine(request), decideByEngine, engineMfaMatters)
}

/** The same decision by the readable interpreter. */
export function evaluateByReference(request: DecisionRequest): Decision {
  return withMissing(request, decideByReference(request), decideByReference, mfaMatters)
}
