import type { Queryable } from '#database'
import type { RequestInfo } from '#http'
import { refuse } from '#kernel'
import {
  type ContextValue,
  type Decision,
  evaluate,
  type PolicyRef,
  type RequestPrincipal,
  withEntries,
} from '#policy'
import type { BuiltInPolicies } from './built-in.ts'
import { type Caller, principalOf, type UserCaller } from './caller.ts'
import { contextOf } from './context.ts'
import { guardRailsNow, type GuardRails } from './guard-rail-levels.ts'
import { recalled, type Remembering } from './memory.ts'
import { type Held, type Holder, policiesOf, policiesOfMany } from './policies-of.ts'
import type { Role } from './roles.ts'

/** What deciding needs: where policies are kept, and those that come with Signet. */
export type AuthorizeNeeds = Remembering & {
  readonly database: Queryable
  readonly builtInPolicies: BuiltInPolicies
}

/** The policies that bear on what a caller does, as they are now. */
async function callerPolicies(
  needs: AuthorizeNeeds,
  caller: Caller,
): Promise<Held & { readonly session: readonly PolicyRef[] | undefined }> {
  switch (caller.type) {
    case 'root':
      return { identity: [], boundary: undefined, session: undefined }
    case 'user': {
      const held = await heldBy(needs, {
        id: caller.userId,
        permissionsBoundary: caller.user.permissionsBoundary,
      })
      return { ...held, session: undefined }
    }
    case 'role-session': {
      const held = await heldBy(needs, {
        id: caller.role.roleId,
        permissionsBoundary: caller.role.permissionsBoundary,
      })
      return { ...held, session: caller.sessionPolicies.length === 0 ? undefined : caller.sessionPolicies }
    }
    case 'federated-user': {
      if (caller.user === undefined)
        return { identity: [], boundary: undefined, session: caller.sessionPolicies }
      const held = await heldBy(needs, {
        id: caller.user.userId,
        permissionsBoundary: caller.user.permissionsBoundary,
      })
      return { ...held, session: caller.sessionPolicies }
    }
  }
}

const railsNow = (needs: AuthorizeNeeds): Promise<GuardRails | undefined> =>
  recalled(needs, 'guard rails', () => guardRailsNow(needs.database))

const heldBy = (needs: AuthorizeNeeds, holder: Holder): Promise<Held> =>
  recalled(needs, `policies ${holder.id} ${holder.permissionsBoundary ?? ''}`, () =>
    policiesOf(needs.database, needs.builtInPolicies, holder),
  )

/** What is asked about a caller: `context` adds the keys of the action itself; `resourcePolicy` is the resource's own. */
export type Asked = {
  readonly action: string
  readonly resource: { readonly arn: string; readonly accountId?: string | undefined }
  readonly context?: Iterable<readonly [string, ContextValue | undefined]> | undefined
  readonly resourcePolicy?: PolicyRef | undefined
}

/** Decides what is asked about one caller, by the policies as they were when the judge was made. */
export type Judge = (asked: Asked) => Decision

/** Looks a caller's policies up once, for any number of questions about it at this moment. */
export async function judgeOf(
  needs: AuthorizeNeeds,
  request: { caller: Caller; from: RequestInfo },
): Promise<Judge> {
  const [held, rails] = await Promise.all([callerPolicies(needs, request.caller), railsNow(needs)])
  return judge(request, held, rails)
}

/** As `judgeOf` for each of many users, with one look into the database. */
export async function judgesOf(
  needs: AuthorizeNeeds,
  request: { callers: readonly UserCaller[]; from: RequestInfo },
): Promise<readonly Judge[]> {
  const [held, rails] = await Promise.all([
    policiesOfMany(
      needs.database,
      needs.builtInPolicies,
      request.callers.map(({ user }) => ({ id: user.userId, permissionsBoundary: user.permissionsBoundary })),
    ),
    railsNow(needs),
  ])
  return request.callers.map((caller) =>
    judge(
      { caller, from: request.from },
      held.get(caller.userId) ?? { identity: [], boundary: undefined },
      rails,
    ),
  )
}

function judge(
  { caller, from }: { readonly caller: Caller; readonly from: RequestInfo },
  held: Held & { readonly session?: readonly PolicyRef[] | undefined },
  rails: GuardRails | undefined,
): Judge {
  const principal = principalOf(caller)
  const base = contextOf(from, caller, principalKeys(rails, caller.accountId))
  const scpLevels = rails?.standingOf(caller.accountId)?.scpLevels
  // Most questions of a sitting are about resources of one account.
  let owner: string | undefined
  let owned = base
  return ({ action, resource, context: more, resourcePolicy }) => {
    const owners = ownerOf(resource, caller.accountId)
    if (owners !== owner) {
      owner = owners
      owned = withEntries(base, resourceKeys(rails, owners))
    }
    const context = more === undefined ? owned : withEntries(owned, more)
    return evaluate({
      principal,
      action,
      resource,
      context,
      policies: {
        identity: held.identity,
        boundary: held.boundary,
        session: held.session,
        resource: resourcePolicy,
        scpLevels,
        rcpLevels: rails?.standingOf(owners)?.rcpLevels,
      },
    })
  }
}

/** The account that a resource belongs to; empty when nobody knows. A lone `*` belongs to the caller's own. */
const ownerOf = ({ arn, accountId }: Asked['resource'], callers: string): string =>
  accountId ?? (arn === '*' ? callers : (arn.split(':', 5)[4] ?? ''))

type Keys = readonly (readonly [string, ContextValue | undefined])[]

/** Where the caller's account stands in the organization. */
function principalKeys(rails: GuardRails | undefined, accountId: string): Keys {
  const standing = rails?.standingOf(accountId)
  return rails === undefined || standing === undefined
    ? []
    : [
        ['aws:PrincipalOrgID', rails.organizationId],
        ['aws:PrincipalOrgPaths', [standing.path]],
      ]
}

/** Whose the resource is, and where its account stands in the organization. */
function resourceKeys(rails: GuardRails | undefined, accountId: string): Keys {
  const standing = rails?.standingOf(accountId)
  return [
    ['aws:ResourceAccount', accountId === '' ? undefined : accountId],
    ['aws:ResourceOrgID', standing === undefined ? undefined : rails?.organizationId],
    ['aws:ResourceOrgPaths', standing === undefined ? undefined : [standing.path]],
  ]
}

/** The keys that say where a caller's account and a resource's stand in the organization. */
export const organizationKeys = (rails: GuardRails | undefined, callers: string, owner: string): Keys => [
  ...principalKeys(rails, callers),
  ...resourceKeys(rails, owner),
]

/**
 * The one authorization path: may this caller do this to this resource, by the policies as they are now?
 */
export async function authorize(
  needs: AuthorizeNeeds,
  request: Asked & { caller: Caller; from: RequestInfo },
): Promise<Decision> {
  return (await judgeOf(needs, request))(request)
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
      refusalWords({ caller: request.caller, action: request.action, arn: request.resource.arn }, decision),
      decision,
    )
  return decision
}

/** A denied request in AWS's words. */
export const refusalWords = (
  {
    caller,
    action,
    arn,
  }: { readonly caller: Pick<Caller, 'arn'>; readonly action: string; readonly arn: string },
  decision: Decision,
): string =>
  `User: ${caller.arn} is not authorized to perform: ${action} on resource: ${arn} ${reason(action, decision)}`

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
    by: Caller | { readonly provider: string } | { readonly service: string }
    role: Role
    action: string
    from: RequestInfo
    context: Iterable<readonly [string, ContextValue | undefined]>
  },
): Promise<Decision> {
  const { by, role } = request
  const trust: PolicyRef = { id: `${role.arn}#trust`, policy: role.trust }
  const resource = { arn: role.arn, accountId: role.accountId }
  const rails = await railsNow(needs)
  const rcpLevels = rails?.standingOf(role.accountId)?.rcpLevels
  const more: (readonly [string, ContextValue | undefined])[] = [
    ...resourceKeys(rails, role.accountId),
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
      policies: { identity: [], trust, rcpLevels },
    })
  }
  if ('service' in by)
    return evaluate({
      principal: { kind: 'service', name: by.service },
      action: request.action,
      resource,
      context: contextOf(request.from, undefined, [['aws:PrincipalIsAWSService', 'true'], ...more]),
      policies: { identity: [], trust, rcpLevels },
    })
  return evaluate({
    principal: principalOf(by),
    action: request.action,
    resource,
    context: contextOf(request.from, by, [...principalKeys(rails, by.accountId), ...more]),
    policies: {
      ...(await callerPolicies(needs, by)),
      trust,
      scpLevels: rails?.standingOf(by.accountId)?.scpLevels,
      rcpLevels,
    },
  })
}
