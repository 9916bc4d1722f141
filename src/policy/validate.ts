import type { DocumentType, Policy, Statement } from './ast.ts'
import { covers } from './covers.ts'
import type { Report } from './findings.ts'
import { grammars } from './grammar.ts'
import type { JsonObject, JsonValue } from './json.ts'
import { lintActions } from './lint/actions.ts'
import { lintConditions } from './lint/conditions.ts'
import { lintedStatement, type Catalogue } from './lint/linted.ts'
import { lintPrincipals } from './lint/principals.ts'
import { lintResources } from './lint/resources.ts'
import { readDocument, type Parsed } from './parse.ts'
import { member } from './parse-statement.ts'

/**
 * As parsePolicy, with a closer look: what is likely a mistake or a danger. For every place that saves a policy; documents that
 * are merely loaded again need no second look.
 *
 * IAM User Guide, access-analyzer-reference-policy-checks.
 */
export function validatePolicy(text: string, type: DocumentType, catalogue: Catalogue = {}): Parsed {
  const { policy, root, report } = readDocument(text, type)
  if (policy && root && !report.hasErrors()) lint(report, policy, root, catalogue)
  const findings = report.list()
  return policy && !report.hasErrors() ? { policy, findings } : { findings }
}

function lint(report: Report, policy: Policy, root: JsonObject, catalogue: Catalogue): void {
  const written = member(root, 'Statement')?.value
  const nodes: readonly JsonValue[] = written?.kind === 'array' ? written.items : written ? [written] : []
  for (const statement of policy.statements) {
    const node = nodes[statement.index]
    if (node?.kind !== 'object') continue
    const path = written?.kind === 'array' ? `$.Statement[${statement.index}]` : '$.Statement'
    const each = lintedStatement(report, policy, statement, catalogue, node, path)
    lintActions(each)
    lintResources(each)
    lintPrincipals(each)
    lintConditions(each)
    const wider = policy.statements.find((other) => isCovered(statement, other))
    if (wider) {
      report.add('REDUNDANT_STATEMENT', node, path, `Statement ${wider.index} covers this one`)
    }
  }
  const { softLimit, title } = grammars[policy.type]
  const counts = policy.type === 'scp' || policy.type === 'rcp'
  const size = counts ? report.text.length : report.text.replaceAll(/[\t\n\r ]+/g, '').length
  if (size > softLimit) {
    report.add(
      'SOFT_SIZE_LIMIT',
      { start: 0, end: 1 },
      '$',
      `AWS takes ${softLimit} characters for ${title}; this has ${size}`,
    )
  }
}

/** Statements compared with each other: beyond this, documents are not written by hand. */
const mostCompared = 60

/** Whether `wide` applies wherever `narrow` does, with the same effect. Positive lists and equal conditions only. */
function isCovered(narrow: Statement, wide: Statement): boolean {
  if (narrow === wide || narrow.effect !== wide.effect || narrow.index > mostCompared) return false
  if (narrow.actions.not || wide.actions.not || narrow.resources?.not || wide.resources?.not) return false
  if (JSON.stringify(narrow.principals) !== JSON.stringify(wide.principals)) return false
  if (wide.conditions.length > 0 && JSON.stringify(narrow.conditions) !== JSON.stringify(wide.conditions))
    return false
  const all = (few: Statement['actions'] | undefined, many: Statement['actions'] | undefined) =>
    (few?.patterns ?? []).every((each) => many?.patterns.some((other) => covers(other, each)))
  const covered = (a: Statement, b: Statement) => all(a.actions, b.actions) && all(a.resources, b.resources)
  // Of two equal statements the later one is redundant.
  const equal = covered(wide, narrow) && wide.conditions.length === narrow.conditions.length
  return covered(narrow, wide) && (!equal || wide.index < narrow.index)
}
