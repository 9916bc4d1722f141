import { type Audit, clientIdentity } from '#audit'
import type { RequestInfo } from '#http'
import { type AuthorizeNeeds, callerIdentity } from '#iam'
import { uuid } from '#kernel'
import type { EnforcementPoint } from './caller.ts'
import type { Verdict } from './sitting.ts'

/** What deciding and writing it down takes. */
export type DecideNeeds = AuthorizeNeeds & { readonly audit: Pick<Audit, 'recordSoon'> }

/** By which service, in which request, something is asked. `event` is its name in the audit log. */
export type About = {
  readonly event: 'AuthorizeRequest' | 'Evaluate'
  readonly point: EnforcementPoint
  readonly from: RequestInfo
}

/** Writes a decision down before it is given. @returns the id under which the audit log has it */
export async function recordDecision(
  { audit }: Pick<DecideNeeds, 'audit'>,
  { event, point, from }: About,
  { caller, decision, action, resource }: Verdict,
  /** Why there is nobody to decide about. */
  unproven = { code: 'UnknownSubject', message: nobodyMessage },
): Promise<string> {
  const id = uuid()
  await audit.recordSoon({
    source: 'access',
    name: event,
    by:
      caller === undefined
        ? clientIdentity(point.clientId)
        : { ...callerIdentity(caller), invokedBy: point.clientId },
    request: from,
    accountId: point.app.accountId,
    parameters: { action, resource },
    response:
      decision === undefined
        ? { decisionId: id, decision: 'Deny' }
        : {
            decisionId: id,
            decision: decision.effect,
            explicit: decision.explicit,
            layer: decision.layer,
            statements: decision.statements,
          },
    resources: [{ ARN: resource }],
    readOnly: true,
    ...(decision === undefined
      ? { error: unproven }
      : decision.effect === 'Allow'
        ? {}
        : { error: { code: 'AccessDenied', message: decision.because } }),
  })
  return id
}

/** Why a subject that is nobody may do nothing. */
export const nobodyMessage = 'The subject is not an active user of this deployment.'

/**
 * Writes the decisions of one batch down, as one event: who, what, on what, and which statement decided.
 *
 * @returns the id under which the audit log has them; the n-th decision of the event has the id `<id>/<n>`, from 0
 */
export async function recordDecisions(
  { audit }: Pick<DecideNeeds, 'audit'>,
  { point, from }: Omit<About, 'event'>,
  verdicts: readonly (Verdict | undefined)[],
): Promise<string> {
  const id = uuid()
  await audit.recordSoon({
    source: 'access',
    name: 'Evaluations',
    by: clientIdentity(point.clientId),
    request: from,
    accountId: point.app.accountId,
    parameters: { evaluations: verdicts.length },
    response: {
      decisionId: id,
      decisions: verdicts.map((verdict) => {
        if (verdict === undefined) return null
        const { caller, action, resource, decision } = verdict
        const [statement] = decision?.statements ?? []
        return [
          caller?.arn ?? null,
          action,
          resource,
          decision?.effect ?? 'Deny',
          decision?.layer ?? null,
          statement === undefined ? null : `${statement.policy}#${statement.sid ?? statement.index}`,
        ]
      }),
    },
    readOnly: true,
  })
  return id
}
