import { covers, overlap } from '../covers.ts'
import { canonicalKey, type Statement } from '../ast.ts'
import { literalOf, parsePattern, type Pattern } from '../pattern.ts'
import { elementName, isEverything, type LintedStatement } from './linted.ts'

const pattern = (text: string): Pattern => {
  const read = parsePattern(text, { wildcards: true, variables: false }, canonicalKey)
  return 'pattern' in read ? read.pattern : { text, tokens: [text] }
}

/** Actions by which a holder can take more permissions than it was given. */
const escalations = [
  'iam:createpolicyversion',
  'iam:setdefaultpolicyversion',
  'iam:attachuserpolicy',
  'iam:attachgrouppolicy',
  'iam:attachrolepolicy',
  'iam:putuserpolicy',
  'iam:putgrouppolicy',
  'iam:putrolepolicy',
  'iam:addusertogroup',
  'iam:updateassumerolepolicy',
  'iam:createaccesskey',
  'iam:createloginprofile',
  'iam:updateloginprofile',
  'iam:deleterolepermissionsboundary',
  'iam:deleteuserpermissionsboundary',
]
const passRole = pattern('iam:passrole')
const assumeRole = pattern('sts:assumerole')

/** Findings about Action, NotAction and what they grant. */
export function lintActions(each: LintedStatement): void {
  const { statement } = each
  const element = elementName(statement.actions, 'Action')
  for (const [index, { text }] of statement.actions.patterns.entries()) {
    if (text.includes('**'))
      each.add('DOUBLE_STAR', `Write "${text.replaceAll(/\*+/g, '*')}"`, element, index)
    const service = text.includes(':') ? text.slice(0, text.indexOf(':')) : ''
    if (/[*?]/.test(service)) {
      each.add('ACTION_WILDCARD_SERVICE', 'Name the service, or write "*" alone', element, index)
    }
    lintKnown(each, text, service, element, index)
  }
  if (statement.effect === 'Allow' && !statement.principals) lintGrants(each)
}

function lintKnown(
  each: LintedStatement,
  text: string,
  service: string,
  element: string,
  index: number,
): void {
  const { actions } = each.catalogue
  if (!actions || service === '' || /[*?]/.test(service)) return
  const known = actions.get(service)
  if (!known) {
    each.add('ACTION_UNKNOWN_SERVICE', `There is no service or application "${service}"`, element, index)
  } else if (known.size > 0) {
    const made = pattern(text.slice(service.length + 1))
    const name = literalOf(made)
    const found =
      name === undefined ? [...known].some((action) => covers(made, pattern(action))) : known.has(name)
    if (!found)
      each.add('ACTION_UNKNOWN', `"${service}" has no action that "${text}" matches`, element, index)
  }
}

/** What an identity policy gives away. */
function lintGrants(each: LintedStatement): void {
  const { statement, policy } = each
  // Boundaries and guard-rails grant nothing, so that breadth is no danger there.
  if (policy.type !== 'identity') return
  const { actions, resources } = statement
  const everywhere = resources !== undefined && !resources.not && resources.patterns.some(isEverything)
  const unconditional = statement.conditions.length === 0
  if (resources?.not) {
    each.add('ALLOW_NOT_RESOURCE', 'Name what is allowed, or deny the exceptions', 'NotResource')
  }
  if (actions.not) {
    each.add('ALLOW_NOT_ACTION_EVERYTHING', 'Name what is allowed, or deny the exceptions', 'NotAction')
    if (everywhere && !covered(statement, passRole)) {
      each.add(
        'PASS_ROLE_NOT_ACTION',
        'List iam:PassRole among the exceptions and allow it for named roles',
        'NotAction',
      )
    }
    return
  }
  if (
    everywhere &&
    unconditional &&
    actions.patterns.some((some) => isEverything(some) || some.text === '*:*')
  ) {
    each.add('ADMINISTRATOR', 'Grant this to few, and with MFA', 'Action')
    return
  }
  if (everywhere && unconditional && actions.patterns.some(({ text }) => text === 'iam:*')) {
    each.add('IAM_STAR', 'Whoever may do everything in IAM may do everything', 'Action')
  }
  const passes = covered(statement, passRole)
  if (passes && everywhere && !statement.conditions.some(({ key }) => key === 'iam:passedtoservice')) {
    each.add('PASS_ROLE_STAR', 'Name the roles, or add a condition on iam:PassedToService', 'Resource')
  }
  if (passes && resources?.not)
    each.add('PASS_ROLE_NOT_RESOURCE', 'Name the roles that may be passed', 'NotResource')
  if (everywhere && unconditional && covered(statement, assumeRole)) {
    each.add('ASSUME_ROLE_STAR', 'Name the roles; only their trust policies limit this statement', 'Resource')
  }
  if (!everywhere || !unconditional) return
  const found = escalations.filter((action) => covered(statement, pattern(action)))
  if (found.length > 0 && !actions.patterns.some(({ text }) => text === 'iam:*')) {
    each.add(
      'PRIVILEGE_ESCALATION',
      `${found.slice(0, 3).join(', ')} on every resource is as much as everything`,
      'Action',
    )
  }
}

const covered = (statement: Statement, action: Pattern): boolean =>
  statement.actions.patterns.some((some) =>
    literalOf(some) === undefined ? overlap(some, action) : covers(some, action),
  )
