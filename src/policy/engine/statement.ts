import type { Policy, Statement } from '../ast.ts'
import { literalOf, matchesEverything, type Pattern } from '../pattern.ts'
import { principalLink, type Link } from '../principals.ts'
import { compileConditions, likeTest, type Check } from './condition.ts'
import { fixedTest } from './glob.ts'
import type { View } from './view.ts'

/** A statement made ready: tests for each element, in the order in which they are asked. */
export type CompiledStatement = {
  readonly statement: Statement
  readonly type: Policy['type']
  /** Of the services named literally; undefined where an action pattern may reach any service. */
  readonly services: readonly string[] | undefined
  readonly action: (folded: string) => boolean
  /** Undefined when every resource matches. */
  readonly resource: ((view: View) => boolean) | undefined
  readonly conditions: readonly Check[]
}

/** Compiles a statement; once per policy version. */
export function compileStatement(statement: Statement, type: Policy['type']): CompiledStatement {
  const { actions } = statement
  const tests = actions.patterns.map(fixedTest)
  return {
    statement,
    type,
    services: actions.not ? undefined : servicesOf(actions.patterns),
    action: (folded) => tests.some((test) => test(folded)) !== actions.not,
    resource: resourceTest(statement),
    conditions: compileConditions(statement.conditions),
  }
}

function servicesOf(patterns: readonly Pattern[]): readonly string[] | undefined {
  const services = new Set<string>()
  for (const { tokens } of patterns) {
    const first = tokens[0]
    const colon = typeof first === 'string' ? first.indexOf(':') : -1
    if (typeof first !== 'string' || colon < 0) return undefined
    services.add(first.slice(0, colon))
  }
  return [...services]
}

function resourceTest({ resources }: Statement): ((view: View) => boolean) | undefined {
  if (!resources) return undefined
  const { not, patterns } = resources
  if (patterns.some(matchesEverything)) return not ? () => false : undefined
  if (not && patterns.length === 0) return undefined
  const texts = new Set(patterns.map(literalOf))
  if (!texts.has(undefined)) return (view) => texts.has(view.resource) !== not
  const tests = patterns.map(likeTest)
  const [only] = tests
  if (only && tests.length === 1 && !not) return (view) => only(view, view.resource)
  return (view) => tests.some((test) => test(view, view.resource)) !== not
}

/** As applies, for a statement whose Action and Resource are known to match. */
export function appliesBeyond(compiled: CompiledStatement, view: View): Link | undefined {
  const link = compiled.statement.principals
    ? principalLink(compiled.statement, compiled.type, view.principal, view.bounded)
    : 'direct'
  if (!link) return undefined
  const { conditions } = compiled
  for (let at = 0; at < conditions.length; at++) if (!conditions[at]?.(view)) return undefined
  return link
}
