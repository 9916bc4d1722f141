import type { RequestInfo } from '#http'
import { requestContext, type ContextValue } from '#policy'
import type { Caller } from './caller.ts'

const types: Record<Caller['type'], string> = {
  root: 'Account',
  user: 'User',
  'role-session': 'AssumedRole',
  'federated-user': 'FederatedUser',
}

const seconds = (instant: Temporal.Instant) => Math.floor(instant.epochMilliseconds / 1_000)
let last = { second: NaN, text: '' }
/** RFC 3339 to the second. The text of a second is made once: many requests fall into the same one. */
function iso(instant: Temporal.Instant): string {
  const second = seconds(instant)
  if (second !== last.second) last = { second, text: instant.toString({ smallestUnit: 'second' }) }
  return last.text
}

/**
 * The global condition keys of a request (IAM User Guide, reference_policies_condition-keys): what Signet itself knows.
 * No caller can assert any of them.
 *
 * @param caller absent for callers that only a trust policy judges
 */
export function contextOf(
  request: RequestInfo,
  caller: Caller | undefined,
  more: Iterable<readonly [string, ContextValue | undefined]> = [],
): ReadonlyMap<string, ContextValue> {
  const keys: (readonly [string, ContextValue | undefined])[] = [
    ['aws:CurrentTime', iso(request.at)],
    ['aws:EpochTime', String(seconds(request.at))],
    ['aws:SourceIp', request.ip],
    ['aws:SecureTransport', String(request.secure)],
  ]
  const add = (name: string, value: ContextValue) => keys.push([name, value])
  if (request.userAgent !== '') add('aws:UserAgent', request.userAgent)
  if (caller !== undefined) {
    add('aws:PrincipalArn', caller.type === 'role-session' ? caller.role.arn : caller.arn)
    add('aws:PrincipalAccount', caller.accountId)
    add('aws:PrincipalType', types[caller.type])
    add('aws:userid', caller.userId)
    if (caller.type === 'user') add('aws:username', caller.user.name)
    for (const [key, value] of Object.entries(caller.tags)) add(`aws:PrincipalTag/${key}`, value)
    if (caller.sourceIdentity !== undefined) add('aws:SourceIdentity', caller.sourceIdentity)
    if (caller.type === 'role-session' && caller.provider !== undefined)
      add('aws:FederatedProvider', caller.provider)
    if (caller.type === 'role-session')
      for (const [key, value] of caller.federatedContext ?? []) add(key, value)
    // Only temporary credentials know of a second factor: with a long-term key both keys are absent.
    if (caller.issuedAt !== undefined) {
      add('aws:TokenIssueTime', iso(caller.issuedAt))
      add('aws:MultiFactorAuthPresent', String(caller.mfaAt !== undefined))
      if (caller.mfaAt !== undefined)
        add('aws:MultiFactorAuthAge', String(Math.max(0, seconds(request.at) - seconds(caller.mfaAt))))
    }
  }
  for (const each of more) keys.push(each)
  return requestContext(keys)
}
