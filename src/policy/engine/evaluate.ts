/** The compiled engine: the same decisions as `reference/`, found by index instead of reading every statement. */
import { layoutFor } from '../context.ts'
import type { Decision, DecisionRequest, Layer, PolicyRef } from '../request.ts'
import { sayAllow, sayAlways, sayDeny, sayError, sayNothing, type Found } from '../say.ts'
import { isSameAccount, slotProblem } from '../standing.ts'
import { actionOf, type Action } from './actions.ts'
import { find, type Candidates, type Entry, type Granted as GrantedEntries } from './candidates.ts'
import { compiledPolicy, compiledSet, indexOf, type Compiled, type Slot } from './compiled.ts'
import { arrangedFor, type Arranged } from './statement-index.ts'
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
  const action = actionOf(request.action)
  if (action.isAlways && principal.kind !== 'anonymous') return sayAlways()
  const { identity, boundary, resource, trust } = policies
  const scpLevels = policies.scpLevels ?? none
  const rcpLevels = policies.rcpLevels ?? none
  const session = policies.session ?? none
  // Most limits let most actions pass whoever asks for what; of those nothing else need be asked.
  const scpLimits = !everyLevelIsOpen(scpLevels, 'scp', action)
  const rcpLimits = !everyLevelIsOpen(rcpLevels, 'rcp', action)
  const bounded = boundary !== undefined
  const boundaryLimits = bounded && !isOpen(compiledPolicy(boundary.policy), 'plain', action)
  const sessionLimits = session.length > 0 && !isOpenSet(session, 'plain', action)
  // What is open fits.
  const fitting =
    fits(identity, 'plain') &&
    (resource === undefined || fitsOne(resource, 'resource')) &&
    (trust === undefined || fitsOne(trust, 'trust')) &&
    (!boundaryLimits || fitsOne(boundary, 'plain')) &&
    (!sessionLimits || fits(session, 'plain')) &&
    (!scpLimits || everyLevelFits(scpLevels, 'scp')) &&
    (!rcpLimits || everyLevelFits(rcpLevels, 'rcp'))
  if (!fitting) {
    // The slow path says which policy does not fit.
    const problem = slotProblem(policies)
    if (problem !== undefined) return sayError(problem)
  }
  const layout = layoutFor(request.context)
  const view = createView(principal, bounded, request.resource.arn, request.context, layout)

  const own = arrangedSet(identity, action)

  const denied =
    (scpLimits ? deniedAtLevels('scp', scpLevels, action, view) : undefined) ??
    (rcpLimits ? deniedAtLevels('rcp', rcpLevels, action, view) : undefined) ??
    (own ? firstAmong('identity', own.deny, view) : firstIn('identity', identity, 'deny', action, view)) ??
    (boundary && boundaryLimits ? firstOfOne('boundary', boundary, 'deny', action, view) : undefined) ??
    (sessionLimits ? firstOf('session', session, 'deny', action, view) : undefined) ??
    (resource && firstOfOne('resource', resource, 'deny', action, view)) ??
    (trust && firstOfOne('trust', trust, 'deny', action, view))
  if (denied) return said(denied, sayDeny)

  const hasAccount = principal.accountId !== undefined
  if (hasAccount && scpLimits) {
    const level = levelWithoutAllow(scpLevels, action, view)
    if (level >= 0) return sayNothing(request, { layer: 'scp', level })
  }
  if (rcpLimits) {
    const level = levelWithoutAllow(rcpLevels, action, view)
    if (level >= 0) return sayNothing(request, { layer: 'rcp', level })
  }

  const owner: Layer = trust ? 'trust' : 'resource'
  const owners = trust ?? resource
  const granted = owners && grantedBy(owner, owners, action, view)
  if (!hasAccount)
    return granted?.direct ? said(granted.direct, sayGrant) : sayNothing(request, { layer: owner })
  const sameAccount = isSameAccount(request)
  if (sameAccount && granted?.direct) return said(granted.direct, sayGrant)
  if (principal.kind === 'federated-user' && session.length === 0)
    return sayNothing(request, { layer: 'session' })

  const allowed = own
    ? firstAmong('identity', own.allow, view)
    : firstIn('identity', identity, 'allow', action, view)
  const isRoot = principal.kind === 'root'
  const grants = combine(granted, allowed, isRoot, sameAccount, trust !== undefined)
  if (!grants) {
    const ownerLacks = (trust !== undefined || !sameAccount) && !granted
    return sayNothing(request, { layer: ownerLacks || allowed || isRoot ? owner : 'identity' })
  }
  if (boundary && boundaryLimits && !someIn(boundary, action, view))
    return sayNothing(request, { layer: 'boundary' })
  if (sessionLimits && !someOf(session, action, view)) return sayNothing(request, { layer: 'session' })
  return Array.isArray(grants) ? sayAllow(grants) : said(grants, sayGrant)
}

/** Whether policies that stand where they belong allow every request for the action and deny none. */
const isOpen = (compiled: Compiled, slot: Slot, action: Action): boolean =>
  compiled.slot === slot && arrangedFor(indexOf(compiled), action).open

function isOpenSet(refs: readonly PolicyRef[], slot: Slot, action: Action): boolean {
  const set = compiledSet(refs)
  return set !== undefined && isOpen(set, slot, action)
}

function everyLevelIsOpen(levels: readonly (readonly PolicyRef[])[], slot: Slot, action: Action): boolean {
  for (let level = 0; level < levels.length; level++)
    if (!isOpenSet(levels[level] ?? none, slot, action)) return false
  return true
}

/** A statement that decides, and its place in an index. */
type Hit = Found & { readonly entry: Entry }

const hit = (layer: Layer, ref: PolicyRef, entry: Entry): Hit => ({
  layer,
  ref,
  statement: entry.compiled.statement,
  entry,
})

const sayGrant = (found: Found): Decision => sayAllow([found])

/** What is said when one statement decides, kept with its entry: most decisions repeat. An entry has one effect. */
function said({ entry, ref, layer, statement }: Hit, say: (found: Found) => Decision): Decision {
  const { said: before } = entry
  if (before !== undefined && entry.saidOf === ref && entry.saidAt === layer) return before
  const decision = Object.freeze(say({ layer, ref, statement }))
  entry.said = decision
  entry.saidOf = ref
  entry.saidAt = layer
  return decision
}

/**
 * The formulas for one and two accounts, without what limits them: the one Allow that suffices, or the list of those needed. The
 * root user needs no Allow of its own, and has none to cite.
 */
function combine(
  granted: Granted | undefined,
  own: Hit | undefined,
  isRoot: boolean,
  sameAccount: boolean,
  trusting: boolean,
): Hit | Hit[] | undefined {
  if (sameAccount && !trusting) return own ?? (isRoot ? [] : granted?.parent)
  if (sameAccount && granted?.parent) return granted.parent
  const owners = sameAccount ? granted?.account : (granted?.direct ?? granted?.parent ?? granted?.account)
  if (owners === undefined) return undefined
  return own ? [own, owners] : isRoot ? owners : undefined
}

type Effect = 'allow' | 'deny'

function deniedAtLevels(
  layer: Layer,
  levels: readonly (readonly PolicyRef[])[],
  action: Action,
  view: View,
): Hit | undefined {
  for (let level = 0; level < levels.length; level++) {
    const found = firstOf(layer, levels[level] ?? none, 'deny', action, view)
    if (found) return found
  }
  return undefined
}

/** The first level, from 0, at which no policy allows; -1 when there is none. */
function levelWithoutAllow(levels: readonly (readonly PolicyRef[])[], action: Action, view: View): number {
  for (let level = 0; level < levels.length; level++) {
    if (!someOf(levels[level] ?? none, action, view)) return level
  }
  return -1
}

/** What a policySet says about an action; undefined for any other list. */
function arrangedSet(refs: readonly PolicyRef[], action: Action): Arranged | undefined {
  const set = compiledSet(refs)
  return set && arrangedFor(indexOf(set), action)
}

function firstOf(
  layer: Layer,
  refs: readonly PolicyRef[],
  effect: Effect,
  action: Action,
  view: View,
): Hit | undefined {
  const arranged = arrangedSet(refs, action)
  return arranged
    ? firstAmong(layer, effect === 'deny' ? arranged.deny : arranged.allow, view)
    : firstIn(layer, refs, effect, action, view)
}

/** The first of a policySet's statements for an action. */
function firstAmong(layer: Layer, candidates: Candidates | undefined, view: View): Hit | undefined {
  const entry = candidates && find(candidates, view)
  return entry?.ref && hit(layer, entry.ref, entry)
}

/** The first in a list, policy by policy. */
function firstIn(
  layer: Layer,
  refs: readonly PolicyRef[],
  effect: Effect,
  action: Action,
  view: View,
): Hit | undefined {
  for (let at = 0; at < refs.length; at++) {
    const ref = refs[at]
    if (ref === undefined) continue
    const candidates = candidatesFor(compiledPolicy(ref.policy), effect, action)
    const entry = candidates && find(candidates, view)
    if (entry) return hit(layer, ref, entry)
  }
  return undefined
}

function firstOfOne(
  layer: Layer,
  ref: PolicyRef,
  effect: Effect,
  action: Action,
  view: View,
): Hit | undefined {
  const candidates = candidatesFor(compiledPolicy(ref.policy), effect, action)
  const entry = candidates && find(candidates, view)
  return entry && hit(layer, ref, entry)
}

function candidatesFor(compiled: Compiled, effect: Effect, action: Action): Candidates | undefined {
  const arranged = arrangedFor(indexOf(compiled), action)
  return effect === 'deny' ? arranged.deny : arranged.allow
}

/** Whether some policy of the list allows. */
function someOf(refs: readonly PolicyRef[], action: Action, view: View): boolean {
  const set = compiledSet(refs)
  if (set) return allows(set, action, view)
  for (let at = 0; at < refs.length; at++) {
    const ref = refs[at]
    if (ref && someIn(ref, action, view)) return true
  }
  return false
}

const someIn = (ref: PolicyRef, action: Action, view: View): boolean =>
  allows(compiledPolicy(ref.policy), action, view)

function allows(compiled: Compiled, action: Action, view: View): boolean {
  const candidates = candidatesFor(compiled, 'allow', action)
  return candidates !== undefined && find(candidates, view) !== undefined
}

type Granted = { readonly [link in keyof GrantedEntries]: Hit | undefined }

/** What the resource's side allows, by the way in which it names the caller; undefined when nothing. */
function grantedBy(layer: Layer, ref: PolicyRef, action: Action, view: View): Granted | undefined {
  const candidates = candidatesFor(compiledPolicy(ref.policy), 'allow', action)
  if (candidates === undefined) return undefined
  const granted: GrantedEntries = { direct: undefined, parent: undefined, account: undefined }
  find(candidates, view, granted)
  const { direct, parent, account } = granted
  if (!direct && !parent && !account) return undefined
  return {
    direct: direct && hit(layer, ref, direct),
    parent: parent && hit(layer, ref, parent),
    account: account && hit(layer, ref, account),
  }
}

/** Whether every policy of every level was read as what it stands for. */
function everyLevelFits(levels: readonly (readonly PolicyRef[])[], slot: Slot): boolean {
  for (let level = 0; level < levels.length; level++) if (!fits(levels[level] ?? none, slot)) return false
  return true
}

const fitsOne = ({ policy }: PolicyRef, slot: Slot): boolean => compiledPolicy(policy).slot === slot

function fits(refs: readonly PolicyRef[], slot: Slot): boolean {
  const set = compiledSet(refs)
  if (set) return set.slot === slot
  for (let at = 0; at < refs.length; at++) {
    const ref = refs[at]
    if (ref && !fitsOne(ref, slot)) return false
  }
  return true
}

/** As mfaMatters, from what was found out when the policies were compiled. */
export function engineMfaMatters({ policies }: DecisionRequest): boolean {
  return (
    mfaIn(policies.identity) ||
    mfaIn(policies.session ?? none) ||
    mfaInOne(policies.boundary) ||
    mfaInOne(policies.resource) ||
    mfaInOne(policies.trust) ||
    mfaAtLevels(policies.scpLevels ?? none) ||
    mfaAtLevels(policies.rcpLevels ?? none)
  )
}

const mfaInOne = (ref: PolicyRef | undefined): boolean => ref !== undefined && compiledPolicy(ref.policy).mfa

function mfaIn(refs: readonly PolicyRef[]): boolean {
  const set = compiledSet(refs)
  if (set) return set.mfa
  for (let at = 0; at < refs.length; at++) if (mfaInOne(refs[at])) return true
  return false
}

function mfaAtLevels(levels: readonly (readonly PolicyRef[])[]): boolean {
  for (let level = 0; level < levels.length; level++) if (mfaIn(levels[level] ?? none)) return true
  return false
}
