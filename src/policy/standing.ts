import type { DocumentType } from './ast.ts'
import { foldedAction } from './fold.ts'
import type { DecisionRequest, PolicyRef, RequestPolicies } from './request.ts'

/** Any authenticated caller may ask who it is, whatever denies it (STS GetCallerIdentity); the only such action. */
export const isAlwaysAllowed = (request: DecisionRequest): boolean =>
  request.principal.kind !== 'anonymous' && foldedAction(request.action) === 'sts:getcalleridentity'

/**
 * Whether the caller's account owns the resource. A resource whose owner nobody knows is foreign to everybody, except
 * that a lone `*` (an action without a resource) belongs to the caller's own account.
 */
export function isSameAccount(request: DecisionRequest): boolean {
  const { accountId } = request.principal
  const { arn, accountId: owner } = request.resource
  if (accountId === undefined) return false
  if (owner !== undefined) return owner === accountId
  return arn === '*' || accountOf(arn) === accountId
}

/** The account field of an ARN, empty when there is none. */
function accountOf(arn: string): string {
  let start = 0
  for (let field = 0; field < 4; field++) {
    start = arn.indexOf(':', start) + 1
    if (start === 0) return ''
  }
  const end = arn.indexOf(':', start)
  return end < 0 ? '' : arn.slice(start, end)
}

const withoutPrincipal: readonly DocumentType[] = ['identity', 'boundary', 'session']

/** What keeps a request from being evaluated: a policy in the wrong place, or one that could not be read. */
export function slotProblem(policies: RequestPolicies): string | undefined {
  return (
    slot(policies.identity, withoutPrincipal) ??
    one(policies.boundary, withoutPrincipal) ??
    slot(policies.session, withoutPrincipal) ??
    one(policies.resource, ['resource']) ??
    one(policies.trust, ['trust']) ??
    levels(policies.scpLevels, ['scp']) ??
    levels(policies.rcpLevels, ['rcp'])
  )
}

function levels(
  all: readonly (readonly PolicyRef[])[] | undefined,
  types: readonly DocumentType[],
): string | undefined {
  for (const level of all ?? []) {
    const problem = slot(level, types)
    if (problem !== undefined) return problem
  }
  return undefined
}

function slot(refs: readonly PolicyRef[] | undefined, types: readonly DocumentType[]): string | undefined {
  for (const ref of refs ?? []) {
    const problem = one(ref, types)
    if (problem !== undefined) return problem
  }
  return undefined
}

function one(ref: PolicyRef | undefined, types: readonly DocumentType[]): string | undefined {
  if (!ref) return undefined
  if (ref.policy.unreadable !== undefined)
    return `the policy ${ref.id} could not be read: ${ref.policy.unreadable}`
  if (!types.includes(ref.policy.type))
    return `the policy ${ref.id} was read as ${ref.policy.type} and stands elsewhere`
  return undefined
}
