import type { Policy, PrincipalEntry, Statement } from '../ast.ts'
import { literalOf, matchesEverything, wholePrefix } from '../pattern.ts'
import { beginningOf, type Beginning } from './beginning.ts'
import { compiledConditions, likeTest, type Check } from './condition.ts'
import type { View } from './view.ts'

/** A statement made ready: tests for what is asked after its action, in the order in which they are asked. */
export type CompiledStatement = {
  readonly statement: Statement
  readonly type: Policy['type']
  /** What the resource must begin with, where that is the whole test. */
  readonly beginning: Beginning | undefined
  /** Any other test of the resource; undefined when every resource matches. */
  readonly resource: ((resource: string, view: View) => boolean) | undefined
  readonly conditions: readonly Check[]
}

/** Compiles a statement; once per policy version. */
export function compileStatement(statement: Statement, type: Policy['type']): CompiledStatement {
  const prefix = prefixOf(statement)
  return {
    statement,
    type,
    beginning: prefix === undefined ? undefined : beginningOf(prefix),
    resource: prefix === undefined ? resourceTest(statement) : undefined,
    conditions: compiledConditions(statement.conditions),
  }
}

/** Of a statement with one resource, `prefix*`. */
function prefixOf({ resources }: Statement): string | undefined {
  const [only] = resources?.patterns ?? []
  return resources?.not === false && resources.patterns.length === 1 && only ? wholePrefix(only) : undefined
}

/** The services that the actions name literally; undefined where a pattern may reach any service. */
export function servicesOf({ actions }: Statement): readonly string[] | undefined {
  if (actions.not) return undefined
  const services: string[] = []
  for (const { tokens } of actions.patterns) {
    const first = tokens[0]
    const colon = typeof first === 'string' ? first.indexOf(':') : -1
    if (typeof first !== 'string' || colon < 0) return undefined
    const service = first.slice(0, colon)
    if (!services.includes(service)) services.push(service)
  }
  return services
}

function resourceTest({ resources }: Statement): CompiledStatement['resource'] {
  if (!resources) return undefined
  const { not, patterns } = resources
  if (patterns.some(matchesEverything)) return not ? () => false : undefined
  if (patterns.length === 0) return not ? undefined : () => false
  const [only] = patterns
  if (only && patterns.length === 1) {
    const test = likeTest(only)
    return not ? (resource, view) => !test(resource, view) : test
  }
  const texts = new Set(patterns.map(literalOf))
  if (!texts.has(undefined)) return (resource) => texts.has(resource) !== not
  const tests = patterns.map((pattern) => likeTest(pattern))
  return (resource, view) => tests.some((test) => test(resource, view)) !== not
}

/** Whether it depends on the caller if the statement applies to it, and how it names it. */
export function dependsOnCaller({ statement, type }: CompiledStatement): boolean {
  const { principals } = statement
  // In a trust policy "everybody" does not reach every caller, see principalLink.
  return principals !== undefined && (type === 'trust' || principals.not || !principals.entries.some(isAny))
}

const isAny = ({ kind }: PrincipalEntry): boolean => kind === 'any'

/** Whether the statement applies to every request for its action, and names every caller itself. */
export const isUnconditional = (compiled: CompiledStatement): boolean =>
  compiled.resource === undefined &&
  compiled.beginning === undefined &&
  compiled.conditions.length === 0 &&
  !dependsOnCaller(compiled)
