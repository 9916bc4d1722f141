/** A request that was found is asked of the engine before it is told: what does not replay is no finding. */
import { canonicalKey, type DocumentType, type Policy } from '../ast.ts'
import { evaluate } from '../evaluate.ts'
import { parsePattern } from '../pattern.ts'
import type { DecisionRequest, PolicyRef, RequestPolicies } from '../request.ts'
import type { Shown, Strength } from './search.ts'

/** What a list of documents is when it is compared: what one caller has, or what one resource or role says. */
export type Kind = 'caller' | 'resource' | 'trust'

/** The kind of documents of one list; undefined when they do not go together or one cannot be read. */
export function kindOf(policies: readonly Policy[]): Kind | undefined {
  if (policies.some(({ unreadable }) => unreadable !== undefined)) return undefined
  const kinds = new Set(
    policies.map(({ type }): Kind => (type === 'resource' || type === 'trust' ? type : 'caller')),
  )
  const [kind = 'caller'] = kinds
  return kinds.size > 1 ? undefined : kind
}

/** The two requests, before and after, that the engine decides differently. */
export type Replay = { readonly before: DecisionRequest; readonly after: DecisionRequest }

const everything = parsePattern('*', { wildcards: true, variables: false }, canonicalKey)
const nothing = parsePattern('none:none', { wildcards: false, variables: false }, canonicalKey)

const allowing = (type: DocumentType, what: typeof everything): PolicyRef => ({
  id: `example:${type}`,
  policy: {
    type,
    version: '2012-10-17',
    statements: [
      {
        index: 0,
        effect: 'Allow',
        actions: { not: false, patterns: 'pattern' in what ? [what.pattern] : [] },
        resources: { not: false, patterns: 'pattern' in everything ? [everything.pattern] : [] },
        conditions: [],
      },
    ],
  },
})

const allowAll = allowing('identity', everything)
const boundAll = allowing('boundary', everything)
const sessionAll = allowing('session', everything)
const sessionNone = allowing('session', nothing)

/** Two policies as the engine takes them; made once, since the engine compiles each. */
export function replayer(
  kind: Kind,
  before: readonly Policy[],
  after: readonly Policy[],
): (shown: Shown) => Replay | undefined {
  const sides = { before: refsOf(kind, before), after: refsOf(kind, after) }
  return (shown) => {
    const made = { before: requestOf(kind, sides.before, shown), after: requestOf(kind, sides.after, shown) }
    const differs = evaluate(made.after).effect === 'Allow' && evaluate(made.before).effect === 'Deny'
    return differs ? made : undefined
  }
}

function refsOf(kind: Kind, policies: readonly Policy[]): readonly PolicyRef[] {
  if (kind === 'caller') {
    return policies.map((policy, index) => ({ id: `inline:${index}`, policy: callers(policy) }))
  }
  // Of a resource or role there is one policy: the statements of several are those of one.
  const statements = policies
    .flatMap((policy) => policy.statements)
    .map((each, index) => ({ ...each, index }))
  const [first] = policies
  return first ? [{ id: `example:${kind}`, policy: { ...first, statements } }] : []
}

/** Documents without principals, and those of which the principal is always everybody, as a caller's own. */
const callers = (policy: Policy): Policy => ({
  ...policy,
  type: 'identity',
  statements: policy.statements.map((each) => ({ ...each, principals: undefined })),
})

function requestOf(kind: Kind, refs: readonly PolicyRef[], shown: Shown): DecisionRequest {
  const { person, action, resource, context } = shown
  const { principal, bounded } = person
  if (kind === 'caller') {
    const accountId = principal.accountId
    return {
      principal,
      action,
      resource: { arn: resource, accountId },
      context,
      policies: { identity: refs },
    }
  }
  const [ref] = refs
  const place = standing(shown.before, shown.after, principal.kind === 'federated-user')
  const policies: RequestPolicies = {
    identity: place.own ? [allowAll] : [],
    boundary: bounded ? boundAll : undefined,
    session: place.session,
    [kind]: ref,
  }
  const owner = place.foreign || principal.accountId === undefined ? '000000000001' : principal.accountId
  return { principal, action, resource: { arn: resource, accountId: owner }, context, policies }
}

/**
 * Where a difference shows. From a Deny to nothing: within the account, for one whose own policies allow. From nothing to something: across accounts, where any way of naming the caller grants what its own
 * side allows. From an account to a caller: within the account, for one whose own policies allow nothing. From a role to its session:
 * for a session that its session policy limits.
 */
function standing(
  before: Strength,
  after: Strength,
  isFederated: boolean,
): { readonly own: boolean; readonly foreign: boolean; readonly session: readonly PolicyRef[] | undefined } {
  const session = isFederated ? [sessionAll] : undefined
  if (after <= 0) return { own: true, foreign: false, session }
  if (before <= 0) return { own: true, foreign: true, session }
  if (before === 2 && after === 3) return { own: false, foreign: false, session: [sessionNone] }
  return { own: false, foreign: false, session }
}
