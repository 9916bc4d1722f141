/** The compiled engine: the same decisions as `reference/`, found by index instead of reading every statement. */
import type { Statement } from '../ast.ts'
import { canonicalContext } from '../context.ts'
import { foldedAction } from '../fold.ts'
import type { Link } from '../principals.ts'
import type { Decision, DecisionRequest, Layer, PolicyRef } from '../request.ts'
import { sayAllow, sayAlways, sayDeny, sayError, sayNothing, type Found } from '../say.ts'
import { isAlwaysAllowed, isSameAccount, slotProblem } from '../standing.ts'
import { compiledPolicy, compiledSet, type Slot } from './compiled.ts'
import { createView, type View } from './view.ts'

const none: readonly never[] = []

/** The decision, without a look at what is missing. Never throws: what cannot be evaluated is denied. */
export function decideByEngine(request: DecisionRequest): Decision {
  try {
    return decide(request)
  } catch (error) {
    return sayError(error instanceof Error ? error.message : String(error))
  }
}

function decide(request: DecisionRequest): Decision {
  const { principal, policies } = request
  const action = foldedAction(request.action)
  if (isAlwaysAllowed(request)) return sayAlways()
  if (!everySlotFits(request)) {
    const problem = slotProblem(policies)
    if (problem !== undefined) return sayError(problem)
  }
  const { boundary, resource, trust } = policies
  const scpLevels = policies.scpLevels ?? none
  const rcpLevels = policies.rcpLevels ?? none
  const session = policies.session ?? none
  const keys = canonicalContext(request.context)
  const view = createView(principal, boundary !== undefined, action, request.resource.arn, keys)

  const denied =
    firstOfLevels('scp', scpLevels, view) ??
    firstOfLevels('rcp', rcpLevels, view) ??
    firstOf('identity', policies.identity, 'Deny', view) ??
    (boundary && firstIn('boundary', boundary, 'Deny', view)) ??
    firstOf('session', session, 'Deny', view) ??
    (resource && firstIn('resource', resource, 'Deny', view)) ??
    (trust && firstIn('trust', trust, 'Deny', view))
  if (denied) return said(denials, denied)

  const hasAccount = principal.accountId !== undefined
  if (hasAccount) {
    for (let level = 0; level < scpLevels.length; level++) {
      if (!someOf(scpLevels[level] ?? none, view)) return sayNothing(request, { layer: 'scp', level })
    }
  }
  for (let level = 0; level < rcpLevels.length; level++) {
    if (!someOf(rcpLevels[level] ?? none, view)) return sayNothing(request, { layer: 'rcp', level })
  }

  const owner: Layer = trust ? 'trust' : 'resource'
  const owners = trust ?? resource
  const granted = owners ? grantedBy(owner, owners, view) : undefined
  if (!hasAccount) return granted?.direct ? sayAllow([granted.direct]) : sayNothing(request, { layer: owner })
  const sameAccount = isSameAccount(request)
  if (sameAccount && granted?.direct) return said(permissions, granted.direct)
  if (principal.kind === 'federated-user' && session.length === 0)
    return sayNothing(request, { layer: 'session' })

  const isRoot = principal.kind === 'root'
  const identity = firstOf('identity', policies.identity, 'Allow', view)
  const own = identity ? [identity] : isRoot ? [] : undefined
  const grants = combine(granted, own, sameAccount, trust !== undefined)
  if (!grants) {
    const ownerLacks = (trust !== undefined || !sameAccount) && !granted
    return sayNothing(request, { layer: ownerLacks || own ? owner : 'identity' })
  }
  if (boundary && !someIn(boundary, view)) return sayNothing(request, { layer: 'boundary' })
  if (session.length > 0 && !someOf(session, view)) return sayNothing(request, { layer: 'session' })
  const [only] = grants
  return only && grants.length === 1 ? said(permissions, only) : sayAllow(grants)
}

type Said = { readonly ref: PolicyRef; readonly layer: Layer; readonly decision: Decision }
const denials = new WeakMap<Statement, Said>()
const permissions = new WeakMap<Statement, Said>()

/** What is said when one statement decides, kept with the statement: most decisions repeat. */
function said(known: WeakMap<Statement, Said>, found: Found): Decision {
  const { ref, layer, statement } = found
  const before = known.get(statement)
  if (before?.ref === ref && before.layer === layer) return before.decision
  const decision = Object.freeze(known === denials ? sayDeny(found) : sayAllow([found]))
  known.set(statement, { ref, layer, decision })
  return decision
}

/** The formulas for one and two accounts, without what limits them. */
function combine(
  granted: Granted | undefined,
  own: readonly Found[] | undefined,
  sameAccount: boolean,
  trusting: boolean,
): readonly Found[] | undefined {
  if (!sameAccount) {
    const owners = granted?.direct ?? granted?.parent ?? granted?.account
    return owners && own && [...own, owners]
  }
  if (trusting) {
    if (granted?.parent) return [granted.parent]
    return granted?.account && own && [...own, granted.account]
  }
  return own ?? (granted?.parent && [granted.parent])
}

function firstOfLevels(
  layer: Layer,
  levels: readonly (readonly PolicyRef[])[],
  view: View,
): Found | undefined {
  for (let level = 0; level < levels.length; level++) {
    const found = firstOf(layer, levels[level] ?? none, 'Deny', view)
    if (found) return found
  }
  return undefined
}

function firstOf(
  layer: Layer,
  refs: readonly PolicyRef[],
  effect: 'Allow' | 'Deny',
  view: View,
): Found | undefined {
  const set = compiledSet(refs)
  if (set) {
    const entry = set.index.find(effect, view)
    return entry?.ref && { layer, ref: entry.ref, statement: entry.compiled.statement }
  }
  for (let at = 0; at < refs.length; at++) {
    const ref = refs[at]
    const found = ref && firstIn(layer, ref, effect, view)
    if (found) return found
  }
  return undefined
}

function firstIn(layer: Layer, ref: PolicyRef, effect: 'Allow' | 'Deny', view: View): Found | undefined {
  const entry = compiledPolicy(ref.policy).index.find(effect, view)
  return entry && { layer, ref, statement: entry.compiled.statement }
}

/** Whether some policy of the list allows. */
function someOf(refs: readonly PolicyRef[], view: View): boolean {
  const set = compiledSet(refs)
  if (set) return set.index.find('Allow', view) !== undefined
  for (let at = 0; at < refs.length; at++) {
    const ref = refs[at]
    if (ref && someIn(ref, view)) return true
  }
  return false
}

const someIn = (ref: PolicyRef, view: View): boolean =>
  compiledPolicy(ref.policy).index.find('Allow', view) !== undefined

type Granted = { readonly [link in Link]?: Found | undefined }

/** What the resource's side allows, by the way in which it names the caller; undefined when nothing. */
function grantedBy(layer: Layer, ref: PolicyRef, view: View): Granted | undefined {
  let granted: { [link in Link]?: Found | undefined } | undefined
  for (const [{ compiled }, link] of compiledPolicy(ref.policy).index.all('Allow', view)) {
    granted ??= {}
    granted[link] ??= { layer, ref, statement: compiled.statement }
  }
  return granted
}

/** Whether every policy was read as what it stands for; the slow path says which was not. */
function everySlotFits({ policies }: DecisionRequest): boolean {
  return (
    fits(policies.identity, 'plain') &&
    fitsOne(policies.boundary, 'plain') &&
    fits(policies.session, 'plain') &&
    fitsOne(policies.resource, 'resource') &&
    fitsOne(policies.trust, 'trust') &&
    (policies.scpLevels ?? none).every((level) => fits(level, 'scp')) &&
    (policies.rcpLevels ?? none).every((level) => fits(level, 'rcp'))
  )
}

const fitsOne = (ref: PolicyRef | undefined, slot: Slot): boolean =>
  ref === undefined || compiledPolicy(ref.policy).slot === slot

function fits(refs: readonly PolicyRef[] | undefined, slot: Slot): boolean {
  if (!refs) return true
  const set = compiledSet(refs)
  return set ? set.slot === slot : refs.every((ref) => fitsOne(ref, slot))
}

/** As mfaMatters, from what was found out when the policies were compiled. */
export function engineMfaMatters({ policies }: DecisionRequest): boolean {
  return (
    mfaIn(policies.identity) ||
    mfaIn(policies.session) ||
    mfaInOne(policies.boundary) ||
    mfaInOne(policies.resource) ||
    mfaInOne(policies.trust) ||
    (policies.scpLevels ?? none).some(mfaIn) ||
    (policies.rcpLevels ?? none).some(mfaIn)
  )
}

const mfaInOne = (ref: PolicyRef | undefined): boolean => ref !== undefined && compiledPolicy(ref.policy).mfa

const mfaIn = (refs: readonly PolicyRef[] | undefined): boolean =>
  refs !== undefined && (compiledSet(refs)?.mfa ?? refs.some(mfaInOne))
