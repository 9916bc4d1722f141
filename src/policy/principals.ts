import type { Policy, PrincipalEntry, Statement } from './ast.ts'
import type { RequestPrincipal } from './request.ts'

/** How a statement names the caller: the very principal (or everybody), what stands behind it, or its account. */
export type Link = 'direct' | 'parent' | 'account'

const strength: Record<Link, number> = { direct: 3, parent: 2, account: 1 }

/** The strongest way in which a list of principals names the caller; undefined when none does. */
export function linkOf(entries: readonly PrincipalEntry[], principal: RequestPrincipal): Link | undefined {
  let best: Link | undefined
  for (const entry of entries) {
    const link = entryLink(entry, principal)
    if (link && (!best || strength[link] > strength[best])) best = link
  }
  return best
}

function entryLink(entry: PrincipalEntry, principal: RequestPrincipal): Link | undefined {
  switch (entry.kind) {
    case 'any':
      return 'direct'
    case 'service':
      return principal.kind === 'service' && principal.name === entry.name ? 'direct' : undefined
    case 'federated':
      return principal.kind === 'federated' && principal.provider === entry.provider ? 'direct' : undefined
    case 'account':
      return namesAccount(entry, principal) ? 'account' : undefined
    case 'arn':
      if ('arn' in principal && principal.arn === entry.arn) return 'direct'
      if (principal.kind === 'role-session' && principal.roleArn === entry.arn) return 'parent'
      return principal.kind === 'federated-user' && principal.userArn === entry.arn ? 'parent' : undefined
    case 'unique-id':
      if (principal.kind === 'user' && principal.uniqueId === entry.id) return 'direct'
      if (principal.kind === 'role-session' && principal.roleId === entry.id) return 'parent'
      return principal.kind === 'federated-user' && principal.userId === entry.id ? 'parent' : undefined
  }
}

/** Partitions are compared literally; an account id alone names the account in any. */
function namesAccount(
  entry: Extract<PrincipalEntry, { kind: 'account' }>,
  principal: RequestPrincipal,
): boolean {
  if (principal.accountId !== entry.accountId) return false
  return (
    entry.partition === undefined ||
    !('arn' in principal) ||
    principal.arn.split(':', 2)[1] === entry.partition
  )
}

/**
 * Whether NotPrincipal spares the caller: every link of its chain is listed — account, plus user, or plus role and
 * session (IAM User Guide, reference_policies_elements_notprincipal).
 */
export function isSpared(entries: readonly PrincipalEntry[], principal: RequestPrincipal): boolean {
  const links = new Set(entries.map((entry) => entryLink(entry, principal)))
  if (entries.some((entry) => entry.kind === 'any')) return true
  switch (principal.kind) {
    case 'root':
      return links.has('account')
    case 'user':
      return links.has('account') && links.has('direct')
    case 'role-session':
    case 'federated-user':
      return links.has('account') && links.has('parent') && links.has('direct')
    case 'federated':
    case 'service':
      return links.has('direct')
    case 'anonymous':
      return false
  }
}

/**
 * How a statement applies to the caller, as far as its Principal goes. Documents without principals apply to whoever they
 * are attached to. A caller with a permissions boundary is never spared by NotPrincipal.
 *
 * An Allow for everybody in a trust policy does not reach the caller of AssumeRoleWithSAML or …WithWebIdentity: such a
 * caller must be trusted by its provider's name.
 */
export function principalLink(
  statement: Statement,
  type: Policy['type'],
  principal: RequestPrincipal,
  bounded: boolean,
): Link | undefined {
  const { principals } = statement
  if (!principals) return 'direct'
  if (principals.not) return bounded || !isSpared(principals.entries, principal) ? 'direct' : undefined
  const entries =
    principal.kind === 'federated' && type === 'trust' && statement.effect === 'Allow'
      ? principals.entries.filter((entry) => entry.kind !== 'any')
      : principals.entries
  return linkOf(entries, principal)
}

const named = (policy: Policy): PrincipalEntry[] =>
  policy.statements.flatMap((each) => each.principals?.entries ?? [])

/** The ARNs of users, roles and sessions that a policy names as principals, each once, in order. */
export function principalArnsIn(policy: Policy): string[] {
  return [...new Set(named(policy).flatMap((entry) => (entry.kind === 'arn' ? [entry.arn] : [])))]
}

/**
 * The policy with principals replaced by the unique ids they had when it was saved, so that a user or role made anew under
 * the same name is not trusted. ARNs for which `idOf` answers undefined stay.
 */
export function bindPrincipals(policy: Policy, idOf: (arn: string) => string | undefined): Policy {
  const bind = (entry: PrincipalEntry): PrincipalEntry => {
    const id = entry.kind === 'arn' ? idOf(entry.arn) : undefined
    return id === undefined ? entry : { kind: 'unique-id', id }
  }
  return {
    ...policy,
    statements: policy.statements.map((each) =>
      each.principals
        ? { ...each, principals: { ...each.principals, entries: each.principals.entries.map(bind) } }
        : each,
    ),
  }
}
