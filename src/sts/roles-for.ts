import type { Queryable, Rows, Sql } from '#database'
import type { RequestInfo } from '#http'
import { decideTrust, listRoles, type AuthorizeNeeds, type Caller, type Role } from '#iam'

import { trustContext } from './trust.ts'

/** A role the caller may assume, now or with a second factor. */
export type RoleOption = {
  readonly role: Role
  /** Set where only a (fresh) second factor is missing. */
  readonly missing?: 'mfa' | undefined
}

/**
 * The roles a caller may assume, in the order of account and name. There is no list of assignments: each role's trust
 * policy and the caller's own policies are asked, as AssumeRole asks them.
 */
export async function rolesFor(
  needs: AuthorizeNeeds,
  request: { readonly by: Caller; readonly from: RequestInfo; readonly sessionName: string },
): Promise<readonly RoleOption[]> {
  // The caller's policies are the same for every role: they are read once.
  const once = { ...needs, database: remembering(needs.database) }
  const options: RoleOption[] = []
  for (const role of await listRoles(needs.database)) {
    const context = trustContext(role, { sessionName: request.sessionName, tags: [], transitiveTagKeys: [] })
    const { effect, missing } = await decideTrust(once, {
      by: request.by,
      role,
      action: 'sts:AssumeRole',
      from: request.from,
      context,
    })
    if (effect === 'Allow') options.push({ role })
    else if (missing?.kind === 'mfa') options.push({ role, missing: 'mfa' })
  }
  return options
}

/** Answers a statement that was asked before with the same answer. For reads within one request only. */
function remembering(database: Queryable): Queryable {
  const answers = new Map<string, Promise<Rows<unknown>>>()
  return {
    query<Row>(statement: Sql) {
      const key = JSON.stringify([statement.chunks, statement.values])
      const answer = answers.get(key) ?? database.query(statement)
      answers.set(key, answer)
      return answer as Promise<Rows<Row>>
    },
  }
}
