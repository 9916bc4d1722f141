/** Why a decision is what it is: every statement with the element that failed, and the smallest change that would allow. */
import type { Condition, Statement } from './ast.ts'
import { canonicalContext, valueOf, variableValue, type Keys } from './context.ts'
import { evaluateByReference } from './evaluate.ts'
import { foldedAction } from './fold.ts'
import { principalLink } from './principals.ts'
import { actionMatches, resourceMatches } from './reference/applies.ts'
import { conditionHolds } from './reference/conditions.ts'
import type {
  ContextValue,
  Decision,
  DecisionRequest,
  DecidingStatement,
  Layer,
  PolicyRef,
} from './request.ts'

/** What kept a statement from applying: the element, what the request had and what the policy wants. */
export type Failure = {
  readonly element: 'Principal' | 'Action' | 'Resource' | 'Condition'
  readonly operator?: string | undefined
  readonly key?: string | undefined
  readonly seen: ContextValue | undefined
  readonly wanted: readonly string[]
}

export type ExplainedStatement = DecidingStatement & {
  readonly layer: Layer
  /** For guard-rails, from 0. */
  readonly level?: number | undefined
  readonly effect: 'Allow' | 'Deny'
  readonly applies: boolean
  /** All that failed, not only the first; empty when the statement applies. */
  readonly failed: readonly Failure[]
}

/** One change by which a denied request would be allowed. */
export type Remedy =
  | { readonly kind: 'mfa' }
  | { readonly kind: 'context'; readonly key: string; readonly value: string }
  | { readonly kind: 'statement'; readonly layer: Layer; readonly statement: Record<string, unknown> }

export type Explanation = {
  readonly decision: Decision
  readonly statements: readonly ExplainedStatement[]
  readonly remedy?: Remedy | undefined
}

/** Explains a decision by the readable interpreter. Never throws; slower than evaluate, and meant for people. */
export function explain(request: DecisionRequest): Explanation {
  const decision = evaluateByReference(request)
  if (decision.layer === 'error' || decision.layer === 'always') return { decision, statements: [] }
  const keys = canonicalContext(request.context)
  const statements = placed(request).flatMap(({ ref, layer, level }) =>
    ref.policy.statements.map((statement): ExplainedStatement => {
      const failed = failuresOf(statement, ref, request, keys)
      return {
        policy: ref.id,
        version: ref.version,
        sid: statement.sid,
        index: statement.index,
        layer,
        level,
        effect: statement.effect,
        applies: failed.length === 0,
        failed,
      }
    }),
  )
  const remedy = decision.effect === 'Deny' ? remedyFor(request, decision, statements) : undefined
  return { decision, statements, remedy }
}

type Placed = { readonly ref: PolicyRef; readonly layer: Layer; readonly level?: number | undefined }

function placed({ policies }: DecisionRequest): readonly Placed[] {
  const all = (layer: Layer, refs: readonly (PolicyRef | undefined)[] = []): Placed[] =>
    refs.flatMap((ref) => (ref ? [{ ref, layer }] : []))
  const levels = (layer: Layer, from: readonly (readonly PolicyRef[])[] = []): Placed[] =>
    from.flatMap((refs, level) => refs.map((ref) => ({ ref, layer, level })))
  return [
    ...levels('scp', policies.scpLevels),
    ...levels('rcp', policies.rcpLevels),
    ...all('identity', policies.identity),
    ...all('boundary', [policies.boundary]),
    ...all('session', policies.session),
    ...all('resource', [policies.resource]),
    ...all('trust', [policies.trust]),
  ]
}

function failuresOf(
  statement: Statement,
  ref: PolicyRef,
  request: DecisionRequest,
  keys: Keys,
): readonly Failure[] {
  const { principal, policies, resource } = request
  const failed: Failure[] = []
  if (!principalLink(statement, ref.policy.type, principal, policies.boundary !== undefined)) {
    const seen = 'arn' in principal ? principal.arn : (principal.accountId ?? principal.kind)
    const entries = statement.principals?.entries ?? []
    failed.push({
      element: 'Principal',
      seen,
      wanted: entries.map((entry) => Object.values(entry).slice(1).join(' ') || '*'),
    })
  }
  if (!actionMatches(statement, foldedAction(request.action))) {
    failed.push({
      element: 'Action',
      seen: request.action,
      wanted: statement.actions.patterns.map(({ text }) => text),
    })
  }
  if (!resourceMatches(statement, { resource: resource.arn, keys })) {
    failed.push({
      element: 'Resource',
      seen: resource.arn,
      wanted: (statement.resources?.patterns ?? []).map(({ text }) => text),
    })
  }
  for (const condition of statement.conditions) {
    if (!conditionHolds(condition, keys)) failed.push(conditionFailure(condition, keys))
  }
  return failed
}

const conditionFailure = (condition: Condition, keys: Keys): Failure => ({
  element: 'Condition',
  operator: condition.operator,
  key: condition.spelling,
  seen: valueOf(keys, condition.key),
  wanted: condition.values.map(({ text }) => text),
})

/**
 * The smallest single change that would allow: a fresh MFA sign-in, one key with one value that a statement asks for, or one
 * statement where nothing denies. Each is tried before it is told.
 */
function remedyFor(
  request: DecisionRequest,
  decision: Decision,
  statements: readonly ExplainedStatement[],
): Remedy | undefined {
  if (decision.missing) return decision.missing
  const allowed = (context: ReadonlyMap<string, ContextValue>) =>
    evaluateByReference({ ...request, context }).effect === 'Allow'
  const keys = canonicalContext(request.context)
  // One failing condition away: of an Allow by meeting it; of a Deny that applies, by no longer meeting one.
  for (const { failed, effect } of statements) {
    const [only] = failed
    if (effect !== 'Allow' || failed.length !== 1 || only?.element !== 'Condition' || only.key === undefined)
      continue
    for (const wanted of only.wanted) {
      const value = wanted.replaceAll(
        /\$\{([^},]+)(?:, '[^']*')?\}/g,
        (_, name: string) => variableValue(keys, name.toLowerCase()) ?? name,
      )
      const context = new Map(
        [...request.context].filter(([name]) => name.toLowerCase() !== only.key?.toLowerCase()),
      )
      if (allowed(context.set(only.key, value))) return { kind: 'context', key: only.key, value }
    }
  }
  return decision.explicit ? undefined : statementRemedy(request, decision)
}

function statementRemedy(request: DecisionRequest, { layer }: Decision): Remedy | undefined {
  if (layer === 'error' || layer === 'rcp') return undefined
  const { principal } = request
  const who = 'arn' in principal ? { AWS: principal.arn } : undefined
  const needsPrincipal = layer === 'resource' || layer === 'trust'
  if (needsPrincipal && !who) return undefined
  return {
    kind: 'statement',
    layer,
    statement: {
      Effect: 'Allow',
      ...(needsPrincipal && { Principal: who }),
      Action: request.action,
      ...(layer !== 'trust' && { Resource: request.resource.arn }),
    },
  }
}
