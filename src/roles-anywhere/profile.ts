import { type Queryable, sql } from '#database'
import type { Clock } from '#kernel'

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

/** The ARN of an account's profile. */
export const profileArn = (accountId: string, name: string): string =>
  `arn:aws:rolesanywhere:us-east-1:${accountId}:profile/${name}`

/** Makes an account's profile like this. @returns its ARN */
export async function putProfile(
  tx: Queryable,
  clock: Clock,
  profile: Omit<AnywhereProfile, 'arn'>,
): Promise<string> {
  const { accountId, name } = profile
  await tx.query(
    sql`insert into anywhere_profile (account_id, name, name_key, roles, policy_arns, session_policy, max_session_seconds,
                                      accepts_session_name, enabled, created_at)
        values (${accountId}, ${name}, ${name.toLowerCase()}, ${JSON.stringify(profile.roles)},
                ${JSON.stringify(profile.policyArns)}, ${profile.sessionPolicy}, ${profile.maxSessionSeconds},
                ${profile.acceptsSessionName}, ${profile.enabled}, ${clock()})
        on conflict (account_id, name_key) do update
          set roles = excluded.roles, policy_arns = excluded.policy_arns, session_policy = excluded.session_policy,
              max_session_seconds = excluded.max_session_seconds,
              accepts_session_name = excluded.accepts_session_name, enabled = excluded.enabled`,
  )
  return profileArn(accountId, name)
}

/** The profile of an ARN. */
export async function findProfile(db: Queryable, arn: string): Promise<AnywhereProfile | undefined> {
  const [, accountId, name] =
    /^arn:aws:rolesanywhere:[\w-]+:(\d{12}):profile\/([\w.-]{1,128})$/.exec(arn) ?? []
  if (accountId === undefined || name === undefined) return undefined
  const { rows } = await db.query<Row>(
    sql`select account_id, name, roles, policy_arns, session_policy, max_session_seconds, accepts_session_name, enabled
        from anywhere_profile where account_id = ${accountId} and name_key = ${name.toLowerCase()}`,
  )
  const [row] = rows
  return (
    row && {
      arn: profileArn(row.account_id, row.name),
      accountId: row.account_id,
      name: row.name,
      roles: JSON.parse(row.roles) as string[],
      policyArns: JSON.parse(row.policy_arns) as string[],
      sessionPolicy: row.session_policy ?? undefined,
      maxSessionSeconds: row.max_session_seconds,
      acceptsSessionName: row.accepts_session_name,
      enabled: row.enabled,
    }
  )
}
