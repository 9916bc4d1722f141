import type { Condition, Statement } from './ast.ts'
import { globMatches, globOf } from './glob.ts'
import { isSamlProvider } from './parse-principal.ts'
import type { Complaint } from './parse-arn.ts'

/** Conditions that say who the caller is, and so may stand in for a named principal. */
const identifying = new Set([
  'signet:principalorgid',
  'signet:principalorgpaths',
  'signet:principalaccount',
  'signet:principalarn',
])

/**
 * What is wrong with whom a trust statement trusts: everybody without a condition that narrows it (§15 Q19), or a kind of
 * principal that cannot make the call it allows.
 */
export function trustComplaints(statement: Statement): Complaint[] {
  const { principals, effect } = statement
  if (!principals || effect !== 'Allow') return []
  const found: Complaint[] = []
  if (principals.entries.some((entry) => entry.kind === 'any')) {
    if (statement.conditions.some(narrows)) {
      found.push({
        code: 'PRINCIPAL_OPEN_TRUST',
        message:
          'Everybody who meets the condition may assume the role; name accounts or roles where you can',
      })
    } else {
      found.push({
        code: 'PRINCIPAL_STAR_IN_TRUST',
        message:
          'Trusting "*" takes a condition on aws:PrincipalOrgID, aws:PrincipalOrgPaths, aws:PrincipalAccount or aws:PrincipalArn',
      })
    }
  }
  return [...found, ...mismatches(statement)]
}

/** A positive operator that is false when the key is absent. */
const narrows = (condition: Condition): boolean =>
  identifying.has(condition.key) &&
  condition.family !== 'null' &&
  !condition.negated &&
  condition.set !== 'ForAllValues' &&
  (!condition.ifExists || condition.set === 'ForAnyValue')

/** AWS: a SAML provider fits AssumeRoleWithSAML, an OIDC provider AssumeRoleWithWebIdentity, all others AssumeRole. */
function mismatches(statement: Statement): Complaint[] {
  const allows = (...actions: readonly string[]): boolean =>
    [...actions, 'sts:tagsession', 'sts:setsourceidentity'].some((action) =>
      statement.actions.patterns.some((pattern) => globMatches(globOf(pattern), action)),
    )
  return (statement.principals?.entries ?? []).flatMap((entry): Complaint[] => {
    if (entry.kind === 'federated') {
      const action = isSamlProvider(entry.provider) ? 'AssumeRoleWithSAML' : 'AssumeRoleWithWebIdentity'
      return allows(`sts:${action.toLowerCase()}`)
        ? []
        : [
            {
              code: 'PRINCIPAL_ACTION_MISMATCH',
              message: `Principals of "${entry.provider}" call sts:${action}`,
            },
          ]
    }
    return allows('sts:assumerole')
      ? []
      : [
          {
            code: 'PRINCIPAL_ACTION_MISMATCH',
            message: 'Users, roles, accounts and services call sts:AssumeRole',
          },
        ]
  })
}
