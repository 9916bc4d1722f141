import { z } from 'zod'
import { findUserById, findUserByMail, findUserByName, type User } from '#directory'
import type { RequestInfo } from '#http'
import { type Caller, userCaller } from '#iam'
import { isFailure } from '#kernel'
import type { EnforcementPoint } from './caller.ts'
import { decide, type DecideNeeds, recordUnproven } from './decide.ts'
import { actionOf, assertedKeys, resourceArn } from './mapping.ts'

const properties = z.record(z.string(), z.unknown()).optional()
const entity = z.object({
  type: z.string().regex(/^[\w-]{1,64}$/),
  id: z.string().min(1).max(8_192),
  properties,
})

/** `POST /access/v1/evaluation` (AuthZEN Authorization API 1.0 §6). Unknown members are ignored. */
export const evaluationBody = z.object({
  subject: entity,
  action: z.object({ name: z.string().min(1).max(256), properties }),
  resource: entity,
  context: properties,
})

export type EvaluationBody = z.infer<typeof evaluationBody>

/** AuthZEN's answer. `context` says why: to administrators in full, to users as a code. */
export type EvaluationAnswer = {
  readonly decision: boolean
  readonly context: {
    readonly decision_id: string
    readonly reason_admin: object
    readonly reason_user?: { readonly code: string } | undefined
    /** When only a fresh second factor is missing: what to ask the sign-in for. */
    readonly acr_values?: string | undefined
  }
}

/** What an access token stands for, as the OpenID provider reads it. */
export type ReadToken = (token: string) => Promise<
  | {
      readonly kind: 'user'
      readonly user: User
      readonly authTime: Temporal.Instant | undefined
      readonly amr: readonly string[]
    }
  | { readonly kind: 'client' }
>

/**
 * Decides for a named subject: a user by name, unique id, ARN or verified mail, or whoever an access token stands for. A
 * subject that does not exist may do nothing; that is an answer, not an error.
 */
export async function evaluation(
  needs: DecideNeeds & { readonly authenticateBearer: ReadToken },
  asked: { point: EnforcementPoint; from: RequestInfo; body: EvaluationBody },
): Promise<EvaluationAnswer> {
  const { point, from, body } = asked
  const action = actionOf(point, body.action.name)
  const resource = resourceArn(point, body.resource.type, body.resource.id)
  const about = { event: 'Evaluate', point, from, action, resource } as const
  const caller = await subjectOf(needs, point, body)
  if (caller === undefined) {
    const message = 'The subject is not an active user of this deployment.'
    const id = await recordUnproven(needs, { ...about, reason: 'UnknownSubject', message })
    return {
      decision: false,
      context: {
        decision_id: id,
        reason_admin: { because: message },
        reason_user: { code: 'unknown-subject' },
      },
    }
  }
  const { keys, ignored } = assertedKeys(point, {
    subject: body.subject.properties,
    action: body.action.properties,
    resource: body.resource.properties,
    context: body.context,
  })
  const { id, decision } = await decide(needs, { ...about, caller, context: keys })
  const isAllowed = decision.effect === 'Allow'
  return {
    decision: isAllowed,
    context: {
      decision_id: id,
      reason_admin: {
        because: decision.because,
        layer: decision.layer,
        statements: decision.statements,
        ...(ignored.length === 0 ? {} : { ignored }),
      },
      reason_user: isAllowed
        ? undefined
        : {
            code:
              decision.missing === undefined ? (decision.explicit ? 'denied' : 'not-allowed') : 'needs-mfa',
          },
      acr_values: decision.missing === undefined ? undefined : 'urn:signet:aal:2',
    },
  }
}

async function subjectOf(
  needs: DecideNeeds & { readonly authenticateBearer: ReadToken },
  point: EnforcementPoint,
  { subject: { type, id } }: EvaluationBody,
): Promise<Caller | undefined> {
  if (id.includes('\0')) return undefined
  if (type === 'user') {
    const user = await findUser(needs, point.app.accountId, id)
    return user?.status === 'active' ? userCaller(user) : undefined
  }
  if (type === 'access_token') {
    try {
      const bearer = await needs.authenticateBearer(id)
      if (bearer.kind === 'client') return undefined
      return userCaller(bearer.user, {
        issuedAt: bearer.authTime,
        mfaAt: bearer.amr.includes('mfa') ? bearer.authTime : undefined,
      })
    } catch (thrown) {
      if (isFailure(thrown) && thrown.kind !== 'unavailable') return undefined
      throw thrown
    }
  }
  return undefined
}

async function findUser({ database }: DecideNeeds, accountId: string, id: string): Promise<User | undefined> {
  if (/^AIDA[A-Z2-7]{17}$/.test(id)) return findUserById(database, id)
  const [, account = accountId, name] = /^arn:aws:iam::(\d{12}):user\/(?:.*\/)?([^/]+)$/.exec(id) ?? []
  if (name !== undefined) {
    const user = await findUserByName(database, account, name)
    return user?.arn === id ? user : undefined
  }
  return (
    (await findUserByName(database, accountId, id)) ??
    (id.includes('@') ? await findUserByMail(database, accountId, id) : undefined)
  )
}
