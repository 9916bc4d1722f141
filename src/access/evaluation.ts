import type { RequestInfo } from '#http'
import type { Decision } from '#policy'
import type { EnforcementPoint } from './caller.ts'
import { nobodyMessage, recordDecision } from './decide.ts'
import type { Evaluation } from './shapes.ts'
import { judgeIn, openSitting, type Sitting, type SittingNeeds, type Verdict } from './sitting.ts'

/**
 * AuthZEN's answer as JSON text: `{ decision, context: { decision_id, reason_admin, reason_user?, acr_values?, max_age? } }`.
 * `reason_admin` says why in full, with the newest change of policies that is in it (`generation`); `reason_user` is a code; `acr_values` is what to ask the sign-in for when only a fresh
 * second factor is missing.
 */
export type AnswerText = string

/**
 * Decides for a named subject: a user by name, unique id, ARN or verified mail, or whoever a token stands for. A subject
 * that does not exist may do nothing; that is an answer, not an error.
 */
export async function evaluation(
  needs: SittingNeeds,
  asked: { point: EnforcementPoint; from: RequestInfo; question: Evaluation },
): Promise<AnswerText> {
  const { point, from, question } = asked
  const sitting = await openSitting(needs, { point, from, questions: [question] })
  const verdict = judgeIn(sitting, question)
  const id = await recordDecision(needs, { event: 'Evaluate', point, from }, verdict)
  return answerOf(verdict, id, sitting)
}

/** A verdict as AuthZEN's answer. Put together from texts: most decisions repeat, and so does why. */
export function answerOf(
  { decision, ignored }: Verdict,
  id: string,
  { generation }: Pick<Sitting, 'generation'>,
): AnswerText {
  if (decision === undefined) return `{"decision":false,"context":{"decision_id":"${id}",${nobodyText}}}`
  const also = ignored.length === 0 ? '' : `,"ignored":${JSON.stringify(ignored)}`
  const isAllowed = decision.effect === 'Allow'
  return `{"decision":${isAllowed},"context":{"decision_id":"${id}","reason_admin":{${reasonOf(decision)},"generation":"${generation}"${also}}${isAllowed ? '' : userReason(decision)}}}`
}

const nobodyText = `"reason_admin":{"because":${JSON.stringify(nobodyMessage)}},"reason_user":{"code":"unknown-subject"}`

const reasons = new WeakMap<Decision, string>()

function reasonOf(decision: Decision): string {
  const known = reasons.get(decision)
  if (known !== undefined) return known
  const { because, layer, statements } = decision
  const text = JSON.stringify({ because, layer, statements }).slice(1, -1)
  // Only what the engine keeps itself comes again.
  if (Object.isFrozen(decision)) reasons.set(decision, text)
  return text
}

function userReason({ missing, explicit }: Decision): string {
  // RFC 9470: what to ask the sign-in for, and how old the answer may be.
  if (missing !== undefined)
    return ',"reason_user":{"code":"needs-mfa"},"acr_values":"urn:signet:aal:2","max_age":0'
  return `,"reason_user":{"code":"${explicit ? 'denied' : 'not-allowed'}"}`
}
