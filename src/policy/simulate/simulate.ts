/**
 * What if: the decision of the engine for requests that nobody made, over all layers, with the statements that determine it.
 *
 * IAM API Reference, SimulatePrincipalPolicy, SimulateCustomPolicy and EvaluationResult. AWS's simulator leaves out session
 * policies, roles of other accounts and guard-rails with conditions; here they are layers like any other.
 */
import { canonicalKey, type Statement } from '../ast.ts'
import { canonicalContext, valueOf, type Keys } from '../context.ts'
import { evaluate } from '../evaluate.ts'
import { foldedAction } from '../fold.ts'
import { fill, globMatches, many, type Glob } from '../glob.ts'
import type { Pattern } from '../pattern.ts'
import { principalLink } from '../principals.ts'
import { actionMatches, applies, type Asked } from '../reference/applies.ts'
import type {
  ContextValue,
  Decision,
  DecisionRequest,
  Layer,
  PolicyRef,
  RequestPrincipal,
} from '../request.ts'
import { isSameAccount } from '../standing.ts'
import { keysOfStatement } from './context-keys.ts'
import { statementPositions, type StatementPosition } from './positions.ts'

/** Where a policy of a simulation comes from (IAM API Reference, Statement). */
export type PolicySource = 'user' | 'group' | 'role' | 'aws-managed' | 'user-managed' | 'resource' | 'none'

/** A policy with the text it was read from, which positions refer to; an empty text has none. */
export type SimulatedPolicy = PolicyRef & { readonly source: PolicySource; readonly text: string }

/** The policies of a simulation, by layer. */
export type SimulatedPolicies = {
  readonly identity: readonly SimulatedPolicy[]
  readonly boundary?: SimulatedPolicy | undefined
  readonly session?: readonly SimulatedPolicy[] | undefined
  readonly resource?: SimulatedPolicy | undefined
  /** Instead of a resource policy, when a role is to be assumed. */
  readonly trust?: SimulatedPolicy | undefined
  readonly scpLevels?: readonly (readonly SimulatedPolicy[])[] | undefined
  readonly rcpLevels?: readonly (readonly SimulatedPolicy[])[] | undefined
}

export type Simulation = {
  readonly principal: RequestPrincipal
  readonly actions: readonly string[]
  /** `*` when it is absent or empty. */
  readonly resources?: readonly string[] | undefined
  readonly policies: SimulatedPolicies
  /** What is known of the caller and the time (`aws:PrincipalArn`, `aws:CurrentTime` …). */
  readonly known?: ReadonlyMap<string, ContextValue> | undefined
  /** What the simulation assumes; goes before what is known. */
  readonly context: ReadonlyMap<string, ContextValue>
  /** Owns the resources whose ARN names no account; the caller's account when it is absent. */
  readonly resourceOwner?: string | undefined
  /**
   * `simulated`: a resource of another account needs a policy of its owner, as in truth. `ignored`: without one, only the
   * caller's side is asked, as SimulatePrincipalPolicy and SimulateCustomPolicy do.
   */
  readonly ownerSide: 'simulated' | 'ignored'
}

export type SimulatedDecision = 'allowed' | 'explicitDeny' | 'implicitDeny'

export type MatchedStatement = Partial<StatementPosition> & {
  readonly policy: string
  readonly source: PolicySource
  readonly layer: Layer
  readonly sid?: string | undefined
  readonly index: number
}

/** The result for one action on one resource. */
export type SimulationResult = {
  readonly action: string
  readonly resource: string
  readonly decision: SimulatedDecision
  /** The engine's own words. */
  readonly because: string
  readonly layer: Layer
  /** Denied: the Deny statements that apply. Allowed: the Allows it rests on, and those beside them. Otherwise none. */
  readonly matchedStatements: readonly MatchedStatement[]
  /** Keys that the statements about this action and resource ask for and nobody gave, as written there. */
  readonly missingContextValues: readonly string[]
  /** Absent without service or resource control policies. */
  readonly allowedByOrganizations?: boolean | undefined
  /** Absent without a boundary. */
  readonly allowedByPermissionsBoundary?: boolean | undefined
  /** How each kind of policy decides by itself, across accounts; empty within one, absent for `*` and where a guard-rail ends it. */
  readonly decisionDetails?: Readonly<Record<string, SimulatedDecision>> | undefined
}

/** Simulates every action on every resource, in this order: the resources of the first action, then of the next. Never throws. */
export function simulate(simulation: Simulation): readonly SimulationResult[] {
  const given = simulation.resources ?? []
  const resources = given.length === 0 ? ['*'] : given
  const context = withKnown(simulation.known, simulation.context)
  const positions = new Map<string, readonly StatementPosition[]>()
  const positionsOf = ({ text }: SimulatedPolicy) => {
    const known = positions.get(text) ?? statementPositions(text)
    positions.set(text, known)
    return known
  }
  return simulation.actions.flatMap((action) =>
    resources.map((resource) => one(simulation, action, resource, context, positionsOf)),
  )
}

/** What is assumed goes before what is known, however the names are spelled. */
function withKnown(
  known: ReadonlyMap<string, ContextValue> = new Map(),
  assumed: ReadonlyMap<string, ContextValue>,
): ReadonlyMap<string, ContextValue> {
  const taken = new Set([...assumed.keys()].map(canonicalKey))
  return new Map([...[...known].filter(([name]) => !taken.has(canonicalKey(name))), ...assumed])
}

function one(
  simulation: Simulation,
  action: string,
  arn: string,
  context: ReadonlyMap<string, ContextValue>,
  positionsOf: (policy: SimulatedPolicy) => readonly StatementPosition[],
): SimulationResult {
  const { principal, policies, ownerSide } = simulation
  const fieldOfArn = arn.split(':')[4] ?? ''
  const owned = fieldOfArn === '' ? (simulation.resourceOwner ?? principal.accountId) : fieldOfArn
  const hasOwnersPolicy = policies.resource !== undefined || policies.trust !== undefined
  const owner = ownerSide === 'ignored' && !hasOwnersPolicy ? principal.accountId : owned
  const request: DecisionRequest = {
    principal,
    action,
    resource: { arn, accountId: owner },
    context,
    policies,
  }
  const decision = evaluate(request)
  const base = {
    action,
    resource: arn,
    decision: verdict(decision),
    because: decision.because,
    layer: decision.layer,
  }
  if (decision.layer === 'error') return { ...base, matchedStatements: [], missingContextValues: [] }
  const asked: Asked = {
    principal,
    bounded: policies.boundary !== undefined,
    action: foldedAction(action),
    resource: arn,
    keys: canonicalContext(context),
  }
  const placed = placedPolicies(policies)
  const matched = placed.flatMap(({ layer, policy }) =>
    policy.policy.statements.flatMap((statement): Matched[] =>
      applies(statement, policy.policy.type, asked) ? [{ layer, policy, statement }] : [],
    ),
  )
  return {
    ...base,
    matchedStatements: determining(decision, matched).map(({ layer, policy, statement }) => {
      return {
        policy: policy.id,
        source: policy.source,
        layer,
        sid: statement.sid,
        index: statement.index,
        ...positionsOf(policy)[statement.index],
      }
    }),
    missingContextValues: missingKeys(placed, asked),
    ...(policies.scpLevels || policies.rcpLevels
      ? { allowedByOrganizations: allowedByLevels(policies, matched, principal) }
      : {}),
    ...(policies.boundary
      ? { allowedByPermissionsBoundary: kindAllows(matched, ['boundary']) === 'allowed' }
      : {}),
    ...details(request, decision, matched),
  }
}

const verdict = ({ effect, explicit }: Decision): SimulatedDecision =>
  effect === 'Allow' ? 'allowed' : explicit ? 'explicitDeny' : 'implicitDeny'

type Placed = { readonly layer: Layer; readonly policy: SimulatedPolicy }
type Matched = Placed & { readonly statement: Statement }

function placedPolicies(policies: SimulatedPolicies): readonly Placed[] {
  const all = (layer: Layer, list: readonly (SimulatedPolicy | undefined)[] = []): Placed[] =>
    list.flatMap((policy) => (policy ? [{ layer, policy }] : []))
  return [
    ...all('scp', policies.scpLevels?.flat()),
    ...all('rcp', policies.rcpLevels?.flat()),
    ...all('identity', policies.identity),
    ...all('boundary', [policies.boundary]),
    ...all('session', policies.session),
    ...all('resource', [policies.resource]),
    ...all('trust', [policies.trust]),
  ]
}

/** The layers whose Allow grants; the others only limit. */
const granting: readonly Layer[] = ['identity', 'resource', 'trust']

function determining({ effect, explicit }: Decision, matched: readonly Matched[]): readonly Matched[] {
  if (explicit) return matched.filter(({ statement }) => statement.effect === 'Deny')
  if (effect === 'Deny') return []
  return matched.filter(({ layer }) => granting.includes(layer))
}

/** Keys of statements that are about the caller, the action and the resource, whatever their conditions say. */
function missingKeys(placed: readonly Placed[], asked: Asked): readonly string[] {
  const missing = new Map<string, string>()
  for (const { policy } of placed) {
    for (const statement of policy.policy.statements) {
      if (!principalLink(statement, policy.policy.type, asked.principal, asked.bounded)) continue
      if (!actionMatches(statement, asked.action) || !mayMatchResource(statement, asked)) continue
      for (const name of keysOfStatement(statement)) {
        const key = canonicalKey(name)
        if (!asked.keys.layout.places.has(key) && !missing.has(key)) missing.set(key, name)
      }
    }
  }
  return [...missing.values()]
}

/** Whether the resource could match if the variables that have no value had the right one. */
export function mayMatchResource(
  { resources }: Statement,
  { resource, keys }: Pick<Asked, 'resource' | 'keys'>,
): boolean {
  if (!resources) return true
  const may = (pattern: Pattern) => globMatches(openVariables(pattern, keys), resource)
  const hasOpen = resources.patterns.some(({ tokens }) =>
    tokens.some((token) => typeof token === 'object' && token.kind === 'variable'),
  )
  return resources.not ? hasOpen || !resources.patterns.some(may) : resources.patterns.some(may)
}

function openVariables({ text, tokens }: Pattern, keys: Keys): Glob {
  const open = tokens.map((token) => {
    const isOpen =
      typeof token === 'object' && token.kind === 'variable' && !keys.layout.places.has(token.key)
    return isOpen ? ({ kind: 'many' } as const) : token
  })
  const glob =
    fill({ text, tokens: open }, (key) => {
      const value = valueOf(keys, key)
      return typeof value === 'string' ? value : undefined
    }) ?? []
  return glob.filter((unit, index) => unit !== many || glob[index - 1] !== many)
}

/** How the policies of some layers decide by themselves. */
function kindAllows(matched: readonly Matched[], layers: readonly Layer[]): SimulatedDecision {
  const here = matched.filter(({ layer }) => layers.includes(layer))
  if (here.some(({ statement }) => statement.effect === 'Deny')) return 'explicitDeny'
  return here.length > 0 ? 'allowed' : 'implicitDeny'
}

/** Whether every level of the guard-rails has an Allow and none a Deny. */
function allowedByLevels(
  { scpLevels = [], rcpLevels = [] }: SimulatedPolicies,
  matched: readonly Matched[],
  principal: RequestPrincipal,
): boolean {
  const levels = [...(principal.accountId === undefined ? [] : scpLevels), ...rcpLevels]
  const rails = matched.filter(({ layer }) => layer === 'scp' || layer === 'rcp')
  return (
    rails.every(({ statement }) => statement.effect === 'Allow') &&
    levels.every((level) => rails.some(({ policy }) => level.includes(policy)))
  )
}

const kinds: readonly (readonly [
  name: string,
  slot: 'identity' | 'resource' | 'trust' | 'boundary' | 'session',
])[] = [
  ['IAM Policy', 'identity'],
  ['Resource Policy', 'resource'],
  ['Trust Policy', 'trust'],
  ['Permissions Boundary', 'boundary'],
  ['Session Policy', 'session'],
]

function details(
  request: DecisionRequest,
  { layer }: Decision,
  matched: readonly Matched[],
): Pick<SimulationResult, 'decisionDetails'> {
  if (layer === 'scp' || layer === 'rcp') return {}
  if (isSameAccount(request)) return request.resource.arn === '*' ? {} : { decisionDetails: {} }
  const { policies } = request
  const present = kinds.filter(([, slot]) => slot === 'identity' || policies[slot] !== undefined)
  return {
    decisionDetails: Object.fromEntries(present.map(([name, slot]) => [name, kindAllows(matched, [slot])])),
  }
}
