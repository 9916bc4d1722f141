import type { Policy } from '../ast.ts'
import { looksAtMfa } from '../missing.ts'
import type { PolicyRef } from '../request.ts'
import type { Entry } from './candidates.ts'
import { compileStatement, type CompiledStatement } from './statement.ts'
import { indexStatements, type StatementIndex } from './statement-index.ts'

/** Where a policy may stand; `none` for one that could not be read. */
export type Slot = 'plain' | 'resource' | 'trust' | 'scp' | 'rcp' | 'none'

export type Compiled = { readonly slot: Slot; readonly mfa: boolean; readonly index: StatementIndex }

const policies = new WeakMap<Policy, Compiled & { readonly statements: readonly CompiledStatement[] }>()

/** The index of a list hangs on the list itself, where it is found without a look-up. */
const indexed = Symbol('index')
type Indexed = readonly PolicyRef[] & { readonly [indexed]?: Compiled | undefined }

/** The compiled form of a policy: made on first use, shared by everyone who holds the same policy. */
export function compiledPolicy(
  policy: Policy,
): Compiled & { readonly statements: readonly CompiledStatement[] } {
  const known = policies.get(policy)
  if (known) return known
  const statements = policy.statements.map((each) => compileStatement(each, policy.type))
  const made = {
    slot: slotOf(policy),
    mfa: looksAtMfa(policy),
    statements,
    index: indexStatements(statements.map((compiled): Entry => ({ compiled, ref: undefined }))),
  }
  policies.set(policy, made)
  return made
}

function slotOf({ type, unreadable }: Policy): Slot {
  if (unreadable !== undefined) return 'none'
  return type === 'identity' || type === 'boundary' || type === 'session' ? 'plain' : type
}

/**
 * Makes one index over a list of policies that will be asked many times, such as all policies of a user or role, and answers the
 * list, frozen. Hand this very list to evaluate; any other list is searched policy by policy.
 */
export function policySet(refs: readonly PolicyRef[]): readonly PolicyRef[] {
  const compiled = refs.map((ref) => ({ ref, ...compiledPolicy(ref.policy) }))
  const slots = new Set(compiled.map(({ slot }) => slot))
  const [only = 'plain'] = slots
  const made: Compiled = {
    slot: slots.size > 1 ? 'none' : only,
    mfa: compiled.some(({ mfa }) => mfa),
    index: indexStatements(
      compiled.flatMap(({ ref, statements }) => statements.map((each): Entry => ({ compiled: each, ref }))),
    ),
  }
  return Object.freeze(Object.assign([...refs], { [indexed]: made }))
}

/** The index of a list that policySet made. */
export const compiledSet = (refs: Indexed): Compiled | undefined => refs[indexed]
