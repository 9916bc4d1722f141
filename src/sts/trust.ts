import { decideTrust, type AuthorizeNeeds, type Caller, type Role } from '#iam'
import { refuse } from '#kernel'
import type { RequestInfo } from '#http'
import type { ContextValue } from '#policy'

import type { Tag } from './claims.ts'
import { mergeTags, tagsOf } from './tags.ts'

/** What is asked of a role's trust policy. */
export type TrustRequest = {
  readonly by: Caller | { readonly provider: string } | { readonly service: string }
  /** Undefined where there is no such role: refused with the very words of a trust policy that says no. */
  readonly role: Role | undefined
  readonly action: 'sts:AssumeRole' | 'sts:AssumeRoleWithSAML' | 'sts:AssumeRoleWithWebIdentity'
  readonly from: RequestInfo
  readonly region?: string | undefined
  readonly sessionName: string
  /** The tags passed with the call, or by the identity provider. */
  readonly tags: readonly Tag[]
  readonly transitiveTagKeys: readonly string[]
  /** Tags that the caller's own session hands on: the role is looked at as if it had them already. */
  readonly inheritedTags?: readonly Tag[] | undefined
  /** New or carried on from the caller. */
  readonly sourceIdentity?: string | undefined
  readonly context?: Iterable<readonly [string, ContextValue | undefined]> | undefined
  /** The refusal's words for an action. */
  readonly refusal: (action: string) => string
}

/**
 * Asks the trust policy (and the caller's own policies) for the call itself, for each thing it sets, and refuses alike
 * whatever the reason: a missing role cannot be told from one that does not trust the caller.
 *
 * @throws Failure forbidden `sts/not-authorized`, the decision as detail
 */
export async function requireTrust(needs: AuthorizeNeeds, request: TrustRequest): Promise<Role> {
  const { role, tags, sourceIdentity } = request
  const actions = [
    request.action,
    ...(tags.length > 0 ? ['sts:TagSession'] : []),
    ...(sourceIdentity === undefined ? [] : ['sts:SetSourceIdentity']),
  ]
  if (role === undefined) return refuseTrust(request.refusal(request.action), 'no such role')
  const context = [...trustContext(role, request)]
  for (const action of actions) {
    const decision = await decideTrust(needs, { by: request.by, role, action, from: request.from, context })
    if (decision.effect === 'Deny') refuseTrust(request.refusal(action), decision)
  }
  return role
}

/** The keys of STS (IAM User Guide, "IAM and AWS STS condition context keys"). */
export function trustContext(
  role: Role,
  request: Pick<
    TrustRequest,
    'sessionName' | 'tags' | 'transitiveTagKeys' | 'inheritedTags' | 'sourceIdentity' | 'region' | 'context'
  >,
): ReadonlyMap<string, ContextValue> {
  const { tags, transitiveTagKeys } = request
  const context = new Map<string, ContextValue>([
    ['sts:RoleSessionName', request.sessionName],
    ['aws:ResourceAccount', role.accountId],
  ])
  if (request.region !== undefined) context.set('aws:RequestedRegion', request.region)
  if (request.sourceIdentity !== undefined) context.set('sts:SourceIdentity', request.sourceIdentity)
  if (tags.length > 0)
    context.set(
      'aws:TagKeys',
      tags.map(({ key }) => key),
    )
  for (const { key, value } of tags) context.set(`aws:RequestTag/${key}`, value)
  if (transitiveTagKeys.length > 0) context.set('sts:TransitiveTagKeys', transitiveTagKeys)
  for (const { key, value } of mergeTags(tagsOf(role.tags), request.inheritedTags ?? [])) {
    context.set(`aws:ResourceTag/${key}`, value)
    context.set(`iam:ResourceTag/${key}`, value)
  }
  for (const [key, value] of request.context ?? []) if (value !== undefined) context.set(key, value)
  return context
}

/** Refuses in the same words whatever the reason; the reason is for log and audit. */
export const refuseTrust = (message: string, detail?: unknown): never =>
  refuse('forbidden', 'sts/not-authorized', message, detail)
