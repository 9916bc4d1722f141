/**
 * The readable interpreter: the specification of a decision, in code. No cache and no cleverness; the compiled engine must
 * give the same answer on every input.
 *
 * IAM User Guide, reference_policies_evaluation-logic, access_policies_boundaries and the pages they lead to.
 */
import type { Statement } from '../ast.ts'
import { canonicalContext } from '../context.ts'
import type { Link } from '../principals.ts'
import type { Decision, DecisionRequest, Layer, PolicyRef } from '../request.ts'
import { sayAllow, sayAlways, sayDeny, sayError, sayNothing, type Found, type Lacking } from '../say.ts'
import { isAlwaysAllowed, isSameAccount, slotProblem } from '../standing.ts'
import { applies, type Asked } from './applies.ts'

/** The decision, without a look at what is missing. Never throws: what cannot be evaluated is denied. */
export function decideByReference(request: DecisionRequest): Decision {
  try {
    return decide(request)
  } catch (error) {
    return sayError(error instanceof Error ? error.message : String(error))
  }
}

function decide(request: DecisionRequest): Decision {
  const { principal, policies } = request
  if (isAlwaysAllowed(request)) return sayAlways()
  const problem = slotProblem(policies)
  if (problem) return sayError(problem)
  const asked: Asked = {
    principal,
    bounded: policies.boundary !== undefined,
    action: request.action,
    resource: request.resource.arn,
    keys: canonicalContext(request.context),
  }

  const some = (layer: Layer, refs: readonly PolicyRef[], effect: Statement['effect']) =>
    firstOf(layer, refs, effect, asked)
  const scpLevels = policies.scpLevels ?? []
  const rcpLevels = policies.rcpLevels ?? []
  const boundary = policies.boundary ? [policies.boundary] : []
  const session = policies.session ?? []
  const resource = policies.resource ? [policies.resource] : []
  const trust = policies.trust ? [policies.trust] : []

  const denied =
    some('scp', scpLevels.flat(), 'Deny') ??
    some('rcp', rcpLevels.flat(), 'Deny') ??
    some('identity', policies.identity, 'Deny') ??
    some('boundary', boundary, 'Deny') ??
    some('session', session, 'Deny') ??
    some('resource', resource, 'Deny') ??
    some('trust', trust, 'Deny')
  if (denied) return sayDeny(denied)

  const lacking = (what: Lacking) => sayNothing(request, what)
  const hasAccount = principal.accountId !== undefined
  if (hasAccount) {
    const level = scpLevels.findIndex((refs) => !some('scp', refs, 'Allow'))
    if (level >= 0) return lacking({ layer: 'scp', level })
  }
  const level = rcpLevels.findIndex((refs) => !some('rcp', refs, 'Allow'))
  if (level >= 0) return lacking({ layer: 'rcp', level })

  const owner: Layer = policies.trust ? 'trust' : 'resource'
  const granted = strongest(owner, policies.trust ? trust : resource, asked)
  const sameAccount = isSameAccount(request)
  if (!hasAccount) return granted.direct ? sayAllow([granted.direct]) : lacking({ layer: owner })
  if (sameAccount && granted.direct) return sayAllow([granted.direct])
  if (principal.kind === 'federated-user' && session.length === 0) {
    // Across accounts the direct grant needs an Allow on the caller's side, which this caller does not have.
    return lacking({ layer: 'session' })
  }

  const isRoot = principal.kind === 'root'
  const identity = some('identity', policies.identity, 'Allow')
  const grants = grantsOf({ granted, identity, isRoot, sameAccount, trusting: policies.trust !== undefined })
  if (!grants) {
    const ownSideLacks = !identity && !isRoot
    const needsOwner = policies.trust !== undefined || !sameAccount
    const ownerLacks = needsOwner && !granted.direct && !granted.parent && !granted.account
    return lacking({ layer: ownerLacks || !ownSideLacks ? owner : 'identity' })
  }
  if (boundary.length > 0 && !some('boundary', boundary, 'Allow')) return lacking({ layer: 'boundary' })
  if (session.length > 0 && !some('session', session, 'Allow')) return lacking({ layer: 'session' })
  return sayAllow(grants)
}

/** The Allows that the permission rests on; empty for the root user, who needs none; undefined when they do not suffice. */
function grantsOf(has: {
  readonly granted: Granted
  readonly identity: Found | undefined
  readonly isRoot: boolean
  readonly sameAccount: boolean
  readonly trusting: boolean
}): readonly Found[] | undefined {
  const { granted, identity } = has
  const own = identity ? [identity] : has.isRoot ? [] : undefined
  if (!has.sameAccount) {
    const owners = granted.direct ?? granted.parent ?? granted.account
    return owners && own && [...own, owners]
  }
  if (has.trusting) {
    if (granted.parent) return [granted.parent]
    return granted.account && own && [...own, granted.account]
  }
  return own ?? (granted.parent && [granted.parent])
}

/** The first statement of that effect that applies, in the order of policies and statements. */
function firstOf(
  layer: Layer,
  refs: readonly PolicyRef[],
  effect: Statement['effect'],
  asked: Asked,
): Found | undefined {
  for (const ref of refs) {
    for (const statement of ref.policy.statements) {
      if (statement.effect === effect && applies(statement, ref.policy.type, asked))
        return { layer, ref, statement }
    }
  }
  return undefined
}

type Granted = { readonly [link in Link]?: Found | undefined }

/** For each way of naming the caller, the first Allow of the resource's side that names it so. */
function strongest(layer: Layer, refs: readonly PolicyRef[], asked: Asked): Granted {
  const granted: { [link in Link]?: Found | undefined } = {}
  for (const ref of refs) {
    for (const statement of ref.policy.statements) {
      const link = statement.effect === 'Allow' ? applies(statement, ref.policy.type, asked) : undefined
      if (link) granted[link] ??= { layer, ref, statement }
    }
  }
  return granted
}
