import { type Queryable, sql } from '#database'
import type { NameRange } from '#directory'
import { type Clock, refuse, uniqueId } from '#kernel'
import { bindPrincipals, type Policy, principalArnsIn } from '#policy'
import { policyFrom, readPolicy } from './documents.ts'

/** What can be assumed. */
export type Role = {
  readonly roleId: string
  readonly accountId: string
  readonly name: string
  readonly path: string
  readonly arn: string
  readonly description: string | undefined
  /** As it was written. */
  readonly trustDocument: string
  /** As it is decided by: users and roles it names are bound to the unique ids they had when it was saved. */
  readonly trust: Policy
  readonly maxSessionSeconds: number
  readonly permissionsBoundary: string | undefined
  readonly tags: Readonly<Record<string, string>>
  readonly createdAt: Temporal.Instant
}

export type NewRole = {
  readonly accountId: string
  readonly name: string
  readonly path?: string | undefined
  readonly description?: string | undefined
  readonly trustDocument: string
  /** Characters that the trust policy may have. */
  readonly trustSize?: number | undefined
  readonly maxSessionSeconds?: number | undefined
  readonly permissionsBoundary?: string | undefined
  readonly tags?: Readonly<Record<string, string>> | undefined
}

/** What may change; an absent member stays, null empties. */
export type RoleChanges = {
  readonly description?: string | null
  readonly trustDocument?: string
  readonly trustSize?: number
  readonly maxSessionSeconds?: number
  readonly permissionsBoundary?: string | null
  readonly tags?: Readonly<Record<string, string>>
}

type Row = {
  role_id: string
  account_id: string
  name: string
  path: string
  description: string | null
  trust_policy: string
  trust_principals: string
  max_session_seconds: number
  permissions_boundary: string | null
  tags: string
  created_at: Temporal.Instant
}

const columns = sql`role_id, account_id, name, path, description, trust_policy, trust_principals,
                    max_session_seconds, permissions_boundary, tags, created_at`

function toRole(row: Row): Role {
  const bound = JSON.parse(row.trust_principals) as Record<string, string>
  return {
    roleId: row.role_id,
    accountId: row.account_id,
    name: row.name,
    path: row.path,
    arn: `arn:aws:iam::${row.account_id}:role${row.path}${row.name}`,
    description: row.description ?? undefined,
    trustDocument: row.trust_policy,
    trust: bindPrincipals(policyFrom(row.trust_policy, 'trust'), (arn) =>
      Object.hasOwn(bound, arn) ? bound[arn] : undefined,
    ),
    maxSessionSeconds: row.max_session_seconds,
    permissionsBoundary: row.permissions_boundary ?? undefined,
    tags: JSON.parse(row.tags) as Record<string, string>,
    createdAt: row.created_at,
  }
}

const one = (rows: readonly Row[]): Role | undefined => (rows[0] === undefined ? undefined : toRole(rows[0]))
const iamArn = /^arn:[a-z-]+:iam::(\d{12}):(user|role)(\/(?:.*\/)?)([^/]+)$/

/**
 * The unique ids of the users and roles that a trust policy names.
 *
 * @throws Failure malformed iam/invalid-principal for one that does not exist
 */
async function bind(tx: Queryable, trust: Policy): Promise<Record<string, string>> {
  const bound: Record<string, string> = {}
  for (const arn of principalArnsIn(trust)) {
    const [, accountId = '', kind, path = '/', name = ''] = iamArn.exec(arn) ?? []
    if (kind === undefined) continue
    const { rows } = await tx.query<{ id: string }>(
      kind === 'user'
        ? sql`select user_id as id from users where account_id = ${accountId} and name = ${name} and path = ${path}`
        : sql`select role_id as id from role where account_id = ${accountId} and name = ${name} and path = ${path}`,
    )
    const id = rows[0]?.id
    if (id === undefined)
      refuse('malformed', 'iam/invalid-principal', `Invalid principal in policy: "AWS":"${arn}"`, { arn })
    bound[arn] = id
  }
  return bound
}

/**
 * Creates a role.
 *
 * @throws Failure malformed iam/malformed-policy, iam/invalid-principal; conflict iam/role-exists
 */
export async function createRole(tx: Queryable, clock: Clock, role: NewRole): Promise<Role> {
  const bound = await bind(tx, readPolicy(role.trustDocument, 'trust', role.trustSize))
  const { rows } = await tx.query<Row>(
    sql`insert into role (role_id, account_id, name, name_key, path, description, trust_policy, trust_principals,
                          max_session_seconds, permissions_boundary, tags, created_at)
        values (${uniqueId('AROA')}, ${role.accountId}, ${role.name}, ${role.name.toLowerCase()}, ${role.path ?? '/'},
                ${role.description}, ${role.trustDocument}, ${JSON.stringify(bound)}, ${role.maxSessionSeconds ?? 3_600},
                ${role.permissionsBoundary}, ${JSON.stringify(role.tags ?? {})}, ${clock()})
        on conflict on constraint role_name do nothing
        returning ${columns}`,
  )
  return one(rows) ?? refuse('conflict', 'iam/role-exists', `Role with name ${role.name} already exists.`)
}

/** Changes a role. @throws Failure not-found iam/no-role, malformed iam/malformed-policy, iam/invalid-principal */
export async function updateRole(tx: Queryable, roleId: string, changes: RoleChanges): Promise<Role> {
  const now = await findRoleById(tx, roleId)
  if (now === undefined) refuse('not-found', 'iam/no-role', 'There is no such role.')
  const trust =
    changes.trustDocument === undefined
      ? undefined
      : {
          text: changes.trustDocument,
          bound: JSON.stringify(
            await bind(tx, readPolicy(changes.trustDocument, 'trust', changes.trustSize)),
          ),
        }
  const pick = (changed: string | null | undefined, present: string | undefined) =>
    changed === undefined ? (present ?? null) : changed
  const { rows } = await tx.query<Row>(
    sql`update role
        set description = ${pick(changes.description, now.description)},
            trust_policy = coalesce(${trust?.text ?? null}, trust_policy),
            trust_principals = coalesce(${trust?.bound ?? null}, trust_principals),
            max_session_seconds = ${changes.maxSessionSeconds ?? now.maxSessionSeconds},
            permissions_boundary = ${pick(changes.permissionsBoundary, now.permissionsBoundary)},
            tags = ${JSON.stringify(changes.tags ?? now.tags)}
        where role_id = ${roleId}
        returning ${columns}`,
  )
  return one(rows) ?? refuse('not-found', 'iam/no-role', 'There is no such role.')
}

/**
 * Deletes a role that nothing hangs on any more; its sessions die with it.
 *
 * @throws Failure conflict iam/role-in-use
 */
export async function deleteRole(tx: Queryable, roleId: string): Promise<void> {
  const { rows } = await tx.query<{ what: string }>(
    sql`select 'detach all policies' as what from policy_attachment where principal_id = ${roleId}
        union all select 'delete policies' from inline_policy where principal_id = ${roleId}
        union all select 'remove roles from instance profile' from instance_profile where role_id = ${roleId} limit 1`,
  )
  if (rows[0] !== undefined)
    refuse('conflict', 'iam/role-in-use', `Cannot delete entity, must ${rows[0].what} first.`)
  await tx.query(sql`delete from role where role_id = ${roleId}`)
}

/** The role of a name, in any case. */
export async function findRole(db: Queryable, accountId: string, name: string): Promise<Role | undefined> {
  const { rows } = await db.query<Row>(
    sql`select ${columns} from role where account_id = ${accountId} and name_key = ${name.toLowerCase()}`,
  )
  return one(rows)
}

/** The same, with the row locked until the transaction ends: what changes it comes one after the other. */
export async function lockRole(tx: Queryable, accountId: string, name: string): Promise<Role | undefined> {
  const { rows } = await tx.query<Row>(
    sql`select ${columns} from role where account_id = ${accountId} and name_key = ${name.toLowerCase()} for update`,
  )
  return one(rows)
}

/** The role of an ARN; path and case must be right. */
export async function findRoleByArn(db: Queryable, arn: string): Promise<Role | undefined> {
  const [, accountId = '', kind, , name = ''] = iamArn.exec(arn) ?? []
  if (kind !== 'role') return undefined
  const role = await findRole(db, accountId, name)
  return role?.arn === arn ? role : undefined
}

/** The role of a unique id. */
export async function findRoleById(db: Queryable, roleId: string): Promise<Role | undefined> {
  const { rows } = await db.query<Row>(sql`select ${columns} from role where role_id = ${roleId}`)
  return one(rows)
}

/** Roles of an account below a path, in the order of their names, from the one after `after` on. */
export async function listRolesFrom(
  db: Queryable,
  accountId: string,
  { after, pathPrefix = '/', limit }: NameRange,
): Promise<readonly Role[]> {
  const { rows } = await db.query<Row>(
    sql`select ${columns} from role
        where account_id = ${accountId} and name_key > ${after?.toLowerCase() ?? ''} and starts_with(path, ${pathPrefix})
        order by name_key limit ${limit}`,
  )
  return rows.map(toRole)
}

/** How many roles an account has. */
export async function countRoles(db: Queryable, accountId: string): Promise<number> {
  const { rows } = await db.query<{ count: number }>(
    sql`select count(*) as count from role where account_id = ${accountId}`,
  )
  return rows[0]?.count ?? 0
}

/** Roles of one account, or of all, in the order of account and name. */
export async function listRoles(
  db: Queryable,
  { accountId, limit = 10_000 }: { accountId?: string; limit?: number } = {},
): Promise<readonly Role[]> {
  const { rows } = await db.query<Row>(
    sql`select ${columns} from role
        where (${accountId ?? null}::text is null or account_id = ${accountId ?? null}::text)
        order by account_id, name_key limit ${limit}`,
  )
  return rows.map(toRole)
}
