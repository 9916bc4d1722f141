import { foldAscii, type Policy, type Statement } from '../ast.ts'
import { variableValue, type Keys } from '../context.ts'
import { fill, globMatches, globOf } from '../glob.ts'
import { principalLink, type Link } from '../principals.ts'
import type { RequestPrincipal } from '../request.ts'
import { conditionHolds } from './conditions.ts'

/** A request as statements look at it. */
export type Asked = {
  readonly principal: RequestPrincipal
  /** The caller has a permissions boundary. */
  readonly bounded: boolean
  readonly action: string
  readonly resource: string
  readonly keys: Keys
}

/**
 * Whether a statement applies to the request, and by which link it names the caller. Principal, Action, Resource and
 * Condition must all agree; otherwise the statement has no effect, be it an Allow or a Deny.
 */
export function applies(statement: Statement, type: Policy['type'], asked: Asked): Link | undefined {
  const link = principalLink(statement, type, asked.principal, asked.bounded)
  if (!link) return undefined
  if (!actionMatches(statement, asked.action)) return undefined
  if (!resourceMatches(statement, asked)) return undefined
  return statement.conditions.every((condition) => conditionHolds(condition, asked.keys)) ? link : undefined
}

/** Case-insensitive; NotAction matches what no entry matches. */
export function actionMatches(statement: Statement, action: string): boolean {
  const folded = foldAscii(action)
  return (
    statement.actions.patterns.some((pattern) => globMatches(globOf(pattern), folded)) !==
    statement.actions.not
  )
}

/** Case-sensitive, one glob over the whole ARN. An entry whose variable has no value matches nothing. */
export function resourceMatches(statement: Statement, asked: Pick<Asked, 'resource' | 'keys'>): boolean {
  const { resources } = statement
  if (!resources) return true
  const some = resources.patterns.some((pattern) => {
    const glob = fill(pattern, (key) => variableValue(asked.keys, key))
    return glob !== undefined && globMatches(glob, asked.resource)
  })
  return some !== resources.not
}
