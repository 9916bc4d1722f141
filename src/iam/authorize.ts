import type { Queryable } from '#database'
import type { RequestInfo } from '#http'
import { refuse } from '#kernel'
import { type ContextValue, type Decision, evaluate, type PolicyRef, type RequestPrincipal } from '#policy'
import type { BuiltInPolicies } from './built-in.ts'
import { type Caller, principalOf } from './caller.ts'
import { contextOf } from './context.ts'
import { policiesOf } from './policies-of.ts'
import type { Role } from './roles.ts'

/** What deciding needs: where policies are kept, and those that come with Signet. */
export type AuthorizeNeeds = { readonly database: Queryable; readonly builtInPolicies: BuiltInPolicies }

/** The policies that bear on what a caller does, as they are now. */
async function callerPolicies(
  needs: AuthorizeNeeds,
  caller: Caller,
): Promise<{
  identity: readonly PolicyRef[]
  boundary: PolicyRef | undefined
  session: readonly PolicyRef[] | undefined
}> {
  const { database, builtInPolicies } = needs
  switch (caller.type) {
    case 'root':
      return { identity: [], boundary: undefined, session: undefined }
    case 'user': {
      const held = await policiesOf(database, builtInPolicies, {
        id: caller.userId,
        permissionsBoundary: caller.user.permissionsBoundary,
      })
      return { ...held, session: undefined }
    }
    case 'role-session': {
      const held = await policiesOf(database, builtInPolicies, {
        id: caller.role.roleId,
        permissionsBoundary: caller.role.permissionsBoundary,
      })
      return { ...held, session: caller.sessionPolicies.length === 0 ? undefined : caller.sessionPolicies }
    }
    case 'federated-user': {
      if (caller.user === undefined)
        return { identity: [], boundary: undefined, session: caller.sessionPolicies }
      const held = await policiesOf(database, builtInPolicies, {
        id: caller.user.userId,
        permissionsBoundary: caller.user.permissionsBoundary,
      })
      return { ...held, session: caller.sessionPolicies }
    }
  }
}

/**
 * The one authorization path: may this caller do this to this resource, by the policies as they are now?
 *
 * @param request `context` adds the keys of the action itself; `resourcePolicy` is the resource's own
 */
export async function authorize(
  needs: AuthorizeNeeds,
  request: {
    caller: Caller
    action: string
    resource: { arn: string; accountId?: string | undefined }
    from: RequestInfo
    context?: Iterable<readonly [string, ContextValue | undefined]> | undefined
    resourcePolicy?: PolicyRef | undefined
  },
): Promise<Decision> {
  return evaluate({
    principal: principalOf(request.caller),
    action: request.action,
    resource: request.resource,
    context: contextOf(request.from, request.caller, request.context),
    policies: { ...(await callerPolicies(needs, request.caller)), resource: request.resourcePolicy },
  })
}

/** `authorize`, or refuses in AWS's words. @throws Failure forbidden iam/denied with the decision as detail */
export async function demand(
  needs: AuthorizeNeeds,
  request: Parameters<typeof authorize>[1],
): Promise<Decision> {
  const decision = await authorize(needs, request)
  if (decision.effect === 'Deny')
    refuse(
      'forbidden',
      'iam/denied',
      `User: ${request.caller.arn} is not authorized to perform: ${request.action} on resource: ${request.resource.arn} ${reason(request.action, decision)}`,
      decision,
    )
  return decision
}

function reason(action: string, { explicit, layer }: Decision): string {
  const kind: Partial<Record<Decision['layer'], string>> = {
    boundary: 'permissions boundary',
    session: 'session policy',
    resource: 'resource-based policy',
    trust: 'resource-based policy',
    scp: 'service control policy',
    rcp: 'resource control policy',
  }
  const name = kind[layer] ?? 'identity-based policy'
  return explicit
    ? `with an explicit deny in ${/^[aeiou]/.test(name) ? 'an' : 'a'} ${name}`
    : `because no ${name} allows the ${action} action`
}

/**
 * Whether a role's trust policy, together with the caller's own policies, lets the role be assumed.
 *
 * @param request `by` is a caller of ours, or the provider of a federated one, whom the trust policy alone judges;
 *   `context` has the keys of STS and of the provider
 */
export async function decideTrust(
  needs: AuthorizeNeeds,
  request: {
    by: Caller | { readonly provider: string }
    role: Role
    action: string
    from: RequestInfo
    context: Iterable<readonly [string, ContextValue | undefined]>
  },
): Promise<Decision> {
  const { by, role } = request
  const trust: PolicyRef = { id: `${role.arn}#trust`, policy: role.trust }
  const resource = { arn: role.arn, accountId: role.accountId }
  const more: (readonly [string, ContextValue | undefined])[] = [
    ...Object.entries(role.tags).map(([key, value]) => [`aws:ResourceTag/${key}`, value] as const),
    ...request.context,
  ]
  if ('provider' in by && !('type' in by)) {
    const principal: RequestPrincipal = { kind: 'federated', provider: by.provider }
    return evaluate({
      principal,
      action: request.action,
      resource,
      context: contextOf(request.from, undefined, [['aws:FederatedProvider', by.provider], ...more]),
      policies: { identity: [], trust },
    })
  }
  return evaluate({
    principal: principalOf(by),
    action: request.action,
    resource,
    context: contextOf(request.from, by, more),
    policies: { ...(await callerPolicies(needs, by)), trust },
  })
}
