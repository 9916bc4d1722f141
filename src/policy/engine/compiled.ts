import type { Policy } from '../ast.ts'
import { looksAtMfa } from '../missing.ts'
import type { PolicyRef } from '../request.ts'
import { entryOf, type Entry } from './candidates.ts'
import { compileStatement, type CompiledStatement } from './statement.ts'
import { indexStatements, type StatementIndex } from './statement-index.ts'

/** Where a policy may stand; `none` for one that could not be read. */
export type Slot = 'plain' | 'resource' | 'trust' | 'scp' | 'rcp' | 'none'

/** What was made of a policy or a list of them. */
export type Compiled = {
  readonly slot: Slot
  /** Some condition looks at MFA. */
  readonly mfa: boolean
  readonly statements: readonly CompiledStatement[]
  /** Of a policy that is only ever part of a policySet there is none. */
  index: StatementIndex | undefined
}

/**
 * The compiled form hangs on the policy or list itself, where it is found without a look-up. It is not enumerable: a copy of a
 * policy with other statements must not inherit it.
 */
const compiled = Symbol('compiled')
type Made = { readonly [compiled]?: Compiled | undefined }

/** For policies that somebody froze. */
const ofFrozen = new WeakMap<Policy, Compiled>()

/** The compiled form of a policy: made on first use, shared by everyone who holds the same policy. */
export const compiledPolicy = (policy: Policy & Made): Compiled => policy[compiled] ?? compile(policy)

function compile(policy: Policy): Compiled {
  const known = ofFrozen.get(policy)
  if (known) return known
  const made: Compiled = {
    slot: slotOf(policy),
    mfa: looksAtMfa(policy),
    statements: policy.statements.map((each) => compileStatement(each, policy.type)),
    index: undefined,
  }
  if (Object.isExtensible(policy)) Object.defineProperty(policy, compiled, { value: made })
  else ofFrozen.set(policy, made)
  return made
}

function slotOf({ type, unreadable }: Policy): Slot {
  if (unreadable !== undefined) return 'none'
  return type === 'identity' || type === 'boundary' || type === 'session' ? 'plain' : type
}

/** The statements of what was compiled, by action. */
export const indexOf = (of: Compiled): StatementIndex =>
  (of.index ??= indexStatements(of.statements.map((each, at) => entryOf(each, undefined, at))))

/**
 * Makes one index over a list of policies that will be asked many times, such as all policies of a user or role, and answers the
 * list, frozen. Hand this very list to evaluate; any other list is searched policy by policy.
 */
export function policySet(refs: readonly PolicyRef[]): readonly PolicyRef[] {
  const parts = refs.map(({ policy }) => compiledPolicy(policy))
  const slots = new Set(parts.map(({ slot }) => slot))
  const [only = 'plain'] = slots
  const entries: Entry[] = []
  for (const [at, ref] of refs.entries())
    for (const each of parts[at]?.statements ?? []) entries.push(entryOf(each, ref, entries.length))
  const made: Compiled = {
    slot: slots.size > 1 ? 'none' : only,
    mfa: parts.some(({ mfa }) => mfa),
    statements: [],
    index: indexStatements(entries),
  }
  return Object.freeze(Object.defineProperty([...refs], compiled, { value: made }))
}

/** What policySet made of a list; undefined for any other list. */
export const compiledSet = (refs: readonly PolicyRef[] & Made): Compiled | undefined => refs[compiled]
