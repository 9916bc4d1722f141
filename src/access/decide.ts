import { type Audit, clientIdentity } from '#audit'
import type { RequestInfo } from '#http'
import { authorize, type AuthorizeNeeds, type Caller, callerIdentity } from '#iam'
import { uuid } from '#kernel'
import type { ContextValue, Decision } from '#policy'
import type { EnforcementPoint } from './caller.ts'

/** What deciding and writing it down takes. */
export type DecideNeeds = AuthorizeNeeds & { readonly audit: Pick<Audit, 'recordSoon'> }

/** What is asked: by which service, about whom, what, on what. */
export type Question = {
  /** The event's name in the audit log. */
  readonly event: 'AuthorizeRequest' | 'Evaluate'
  readonly point: EnforcementPoint
  readonly from: RequestInfo
  readonly caller: Caller
  readonly action: string
  readonly resource: string
  readonly context: readonly (readonly [string, ContextValue])[]
}

/** A decision with the id under which the audit log has it. */
export type Decided = { readonly id: string; readonly decision: Decision }

/**
 * Decides, and writes the decision down before it is given.
 *
 * The request that is judged reached the service, not us: its address and agent are not known here, and the service's own
 * must not stand in for them. `aws:SourceIp` is therefore a value that is in no network.
 */
export async function decide(needs: DecideNeeds, question: Question): Promise<Decided> {
  const { event, point, from, caller, action, resource, context } = question
  const decision = await authorize(needs, {
    caller,
    action,
    resource: { arn: resource },
    from: { ...from, ip: '', userAgent: '' },
    context,
  })
  const id = uuid()
  await needs.audit.recordSoon({
    source: 'access',
    name: event,
    by: { ...callerIdentity(caller), invokedBy: point.clientId },
    request: from,
    accountId: point.app.accountId,
    parameters: { action, resource },
    response: {
      decisionId: id,
      decision: decision.effect,
      explicit: decision.explicit,
      layer: decision.layer,
      statements: decision.statements,
    },
    resources: [{ ARN: resource }],
    readOnly: true,
    ...(decision.effect === 'Allow' ? {} : { error: { code: 'AccessDenied', message: decision.because } }),
  })
  return { id, decision }
}

/** Writes down that somebody was not proven to be anybody: the answer is no, and there is no principal to name. */
export async function recordUnproven(
  needs: Pick<DecideNeeds, 'audit'>,
  question: Pick<Question, 'event' | 'point' | 'from' | 'action' | 'resource'> & {
    readonly reason: string
    readonly message: string
  },
): Promise<string> {
  const id = uuid()
  await needs.audit.recordSoon({
    source: 'access',
    name: question.event,
    by: clientIdentity(question.point.clientId),
    request: question.from,
    accountId: question.point.app.accountId,
    parameters: { action: question.action, resource: question.resource },
    response: { decisionId: id, decision: 'Deny' },
    error: { code: question.reason, message: question.message },
    resources: [{ ARN: question.resource }],
    readOnly: true,
  })
  return id
}
