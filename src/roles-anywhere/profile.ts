import { type Queryable, sql } from '#database'
import { type Clock, refuse } from '#kernel'

/** What a certificate may be traded for, and within which limits. */
export type AnywhereProfile = {
  readonly arn: string
  readonly accountId: string
  readonly name: string
  /** ARNs of the roles that may be asked for. */
  readonly roles: readonly string[]
  readonly policyArns: readonly string[]
  /** JSON text. */
  readonly sessionPolicy: string | undefined
  readonly maxSessionSeconds: number
  /** Whether the client may name the session; else the certificate's number does. */
  readonly acceptsSessionName: boolean
  readonly enabled: boolean
}

type Row = {
  account_id: string
  name: string
  roles: string
  policy_arns: string
  session_policy: string | null
  max_session_seconds: number
  accepts_session_name: boolean
  enabled: boolean
}

const columns = sql`account_id, name, roles, policy_arns, session_policy, max_session_seconds, accepts_session_name,
                    enabled`

const toProfile = (row: Row): AnywhereProfile => ({
  arn: profileArn(row.account_id, row.name),
  accountId: row.account_id,
  name: row.name,
  roles: JSON.parse(row.roles) as string[],
  policyArns: JSON.parse(row.policy_arns) as string[],
  sessionPolicy: row.session_policy ?? undefined,
  maxSessionSeconds: row.max_session_seconds,
  acceptsSessionName: row.accepts_session_name,
  enabled: row.enabled,
})

/** The ARN of an account's profile. */
export const profileArn = (accountId: string, name: string): string =>
  `arn:aws:rolesanywhere:us-east-1:${accountId}:profile/${name}`

/**
 * Makes an account's profile like this. @returns its ARN
 *
 * @param mode `create` refuses where there is one of that name
 * @throws Failure conflict roles-anywhere/exists
 */
export async function putProfile(
  tx: Queryable,
  clock: Clock,
  profile: Omit<AnywhereProfile, 'arn'>,
  mode: 'put' | 'create' = 'put',
): Promise<string> {
  const { accountId, name } = profile
  const { rows } = await tx.query(
    sql`insert into anywhere_profile (account_id, name, name_key, roles, policy_arns, session_policy, max_session_seconds,
                                      accepts_session_name, enabled, created_at)
        values (${accountId}, ${name}, ${name.toLowerCase()}, ${JSON.stringify(profile.roles)},
                ${JSON.stringify(profile.policyArns)}, ${profile.sessionPolicy}, ${profile.maxSessionSeconds},
                ${profile.acceptsSessionName}, ${profile.enabled}, ${clock()})
        on conflict (account_id, name_key) do update
          set roles = excluded.roles, policy_arns = excluded.policy_arns, session_policy = excluded.session_policy,
              max_session_seconds = excluded.max_session_seconds,
              accepts_session_name = excluded.accepts_session_name, enabled = excluded.enabled
          where ${mode === 'put'}::boolean
        returning name`,
  )
  if (rows.length === 0) refuse('conflict', 'roles-anywhere/exists', `There is a profile ${name} already.`)
  return profileArn(accountId, name)
}

/** The profile of an ARN; with `change` its row is locked until the transaction ends. */
export async function findProfile(
  db: Queryable,
  arn: string,
  use: 'read' | 'change' = 'read',
): Promise<AnywhereProfile | undefined> {
  const [, accountId, name] =
    /^arn:aws:rolesanywhere:[\w-]+:(\d{12}):profile\/([\w.-]{1,128})$/.exec(arn) ?? []
  if (accountId === undefined || name === undefined) return undefined
  const { rows } = await db.query<Row>(
    sql`select ${columns} from anywhere_profile
        where account_id = ${accountId} and name_key = ${name.toLowerCase()}
        ${use === 'change' ? sql`for update` : sql``}`,
  )
  const [row] = rows
  return row && toProfile(row)
}

/** All profiles of an account, by name. */
export async function listProfiles(db: Queryable, accountId: string): Promise<readonly AnywhereProfile[]> {
  const { rows } = await db.query<Row>(
    sql`select ${columns} from anywhere_profile where account_id = ${accountId} order by name_key`,
  )
  return rows.map(toProfile)
}

/** Removes a profile. Sessions that were issued by it go on. @returns whether there was one */
export async function removeProfile(tx: Queryable, accountId: string, name: string): Promise<boolean> {
  const { rows } = await tx.query(
    sql`delete from anywhere_profile where account_id = ${accountId} and name_key = ${name.toLowerCase()} returning name`,
  )
  return rows.length > 0
}
