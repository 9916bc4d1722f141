import { withMissing } from './missing.ts'
import { decideByReference } from './reference/evaluate.ts'
import type { Decision, DecisionRequest } from './request.ts'

/**
 * Decides a request: explicit deny anywhere, then every guard-rail level, then the formula for the caller's and the resource's
 * account. No allow means deny, and any error means deny; it never throws.
 *
 * IAM User Guide, reference_policies_evaluation-logic.
 */
export function evaluate(request: DecisionRequest): Decision {
  return withMissing(request, decideByReference(request), decideByReference)
}
