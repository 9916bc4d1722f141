import type { RequestInfo } from '#http'
import type { EnforcementPoint } from './caller.ts'
import { nobodyMessage, recordDecision } from './decide.ts'
import type { Evaluation } from './shapes.ts'
import { judgeIn, openSitting, type SittingNeeds, type Verdict } from './sitting.ts'

/** AuthZEN's answer. `context` says why: to administrators in full, to users as a code. */
export type EvaluationAnswer = {
  readonly decision: boolean
  readonly context: {
    readonly decision_id: string
    readonly reason_admin: object
    readonly reason_user?: { readonly code: string } | undefined
    /** When only a fresh second factor is missing: what to ask the sign-in for. */
    readonly acr_values?: string | undefined
    readonly max_age?: number | undefined
  }
}

/**
 * Decides for a named subject: a user by name, unique id, ARN or verified mail, or whoever a token stands for. A subject
 * that does not exist may do nothing; that is an answer, not an error.
 */
export async function evaluation(
  needs: SittingNeeds,
  asked: { point: EnforcementPoint; from: RequestInfo; question: Evaluation },
): Promise<EvaluationAnswer> {
  const { point, from, question } = asked
  const sitting = await openSitting(needs, { point, from, questions: [question] })
  const verdict = judgeIn(sitting, question)
  return answerOf(verdict, await recordDecision(needs, { event: 'Evaluate', point, from }, verdict))
}

/** A verdict as AuthZEN's answer. */
export function answerOf({ decision, ignored }: Verdict, id: string): EvaluationAnswer {
  if (decision === undefined)
    return {
      decision: false,
      context: {
        decision_id: id,
        reason_admin: { because: nobodyMessage },
        reason_user: { code: 'unknown-subject' },
      },
    }
  const isAllowed = decision.effect === 'Allow'
  const { because, layer, statements } = decision
  return {
    decision: isAllowed,
    context: {
      decision_id: id,
      reason_admin: {
        because,
        layer,
        statements,
        ...(ignored.length === 0 ? {} : { ignored }),
      },
      reason_user: isAllowed
        ? undefined
        : {
            code:
              decision.missing === undefined ? (decision.explicit ? 'denied' : 'not-allowed') : 'needs-mfa',
          },
      // RFC 9470: what to ask the sign-in for, and how old the answer may be.
      ...(decision.missing === undefined ? {} : { acr_values: 'urn:signet:aal:2', max_age: 0 }),
    },
  }
}
