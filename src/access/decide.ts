import { type Audit, clientIdentity } from '#audit'
import type { RequestInfo } from '#http'
import { type AuthorizeNeeds, callerIdentity } from '#iam'
import { uuid } from '#kernel'
import type { EnforcementPoint } from './caller.ts'
import type { Verdict } from './sitting.ts'

/** What deciding and writing it down takes. */
export type DecideNeeds = AuthorizeNeeds & {
  readonly audit: Pick<Audit, 'recordSoon' | 'note'>
}

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
  await audit.note({
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
 * Writes the decisions of one batch down, as one event. `principals`, `actions` and `statements` are what the decisions name
 * by their place in these lists: `[principal, action, resource, 'Allow' | 'Deny', statement]`, with -1 for none; null for a
 * question that was none. A resource is written without `resourcePrefix`.
 *
 * @returns the id under which the audit log has them; the n-th decision of the event has the id `<id>/<n>`, from 0
 */
export async function recordDecisions(
  { audit }: Pick<DecideNeeds, 'audit'>,
  { point, from }: Omit<About, 'event'>,
  verdicts: readonly (Verdict | undefined)[],
): Promise<string> {
  const id = uuid()
  const resourcePrefix = `arn:aws:${point.prefix}::${point.app.accountId}:`
  const principals = new Places()
  const actions = new Places()
  const statements = new Places()
  const decisions = verdicts.map((verdict) => {
    if (verdict === undefined) return null
    const { caller, action, resource, decision } = verdict
    const statement = decision?.statements[0]
    return [
      principals.of(caller?.arn),
      actions.of(action),
      resource.slice(resourcePrefix.length),
      decision?.effect ?? 'Deny',
      statements.of(statement && `${statement.policy}#${statement.sid ?? statement.index}`),
    ]
  })
  await audit.note(
    {
      source: 'access',
      name: 'Evaluations',
      by: clientIdentity(point.clientId),
      request: from,
      accountId: point.app.accountId,
      parameters: { evaluations: verdicts.length },
      response: {
        decisionId: id,
        resourcePrefix,
        principals: principals.list,
        actions: actions.list,
        statements: statements.list,
        decisions,
      },
      readOnly: true,
    },
    1 + Math.floor(verdicts.length / 10),
  )
  return id
}

/** Texts by the place where they first stood. */
class Places {
  readonly list: string[] = []
  readonly #places = new Map<string, number>()

  of(text: string | undefined): number {
    if (text === undefined) return -1
    const known = this.#places.get(text)
    if (known !== undefined) return known
    this.#places.set(text, this.list.length)
    return this.list.push(text) - 1
  }
}
