import { type Queryable, sql } from '#database'

/** The password policy that an account set (UpdateAccountPasswordPolicy). */
export type PasswordPolicy = {
  /** Characters, 6–128. */
  readonly minimumLength: number
  readonly requireSymbols: boolean
  readonly requireNumbers: boolean
  readonly requireUppercase: boolean
  readonly requireLowercase: boolean
  /** Whether users may change their own password without a policy that says so. */
  readonly allowUsersToChange: boolean
  /** After so many days a password is to be changed; absent: never. */
  readonly maxAgeDays: number | undefined
  /** How many former passwords may not be chosen again; absent: all may. */
  readonly reusePrevention: number | undefined
  /** Whether an expired password can be replaced by an administrator alone. */
  readonly hardExpiry: boolean
}

/** Why an account's policy refuses a password. */
export type PolicyFault =
  | { readonly why: 'too-short'; readonly minimum: number }
  | { readonly why: 'lacks'; readonly what: 'symbol' | 'number' | 'uppercase' | 'lowercase' }

type Row = {
  minimum_length: number
  require_symbols: boolean
  require_numbers: boolean
  require_uppercase: boolean
  require_lowercase: boolean
  allow_users_to_change: boolean
  max_age_days: number | null
  reuse_prevention: number | null
  hard_expiry: boolean
}

/** The policy of an account; undefined when none was set. */
export async function findPasswordPolicy(
  db: Queryable,
  accountId: string,
): Promise<PasswordPolicy | undefined> {
  const { rows } = await db.query<Row>(
    sql`select minimum_length, require_symbols, require_numbers, require_uppercase, require_lowercase,
               allow_users_to_change, max_age_days, reuse_prevention, hard_expiry
        from password_policy where account_id = ${accountId}`,
  )
  const [row] = rows
  return row === undefined
    ? undefined
    : {
        minimumLength: row.minimum_length,
        requireSymbols: row.require_symbols,
        requireNumbers: row.require_numbers,
        requireUppercase: row.require_uppercase,
        requireLowercase: row.require_lowercase,
        allowUsersToChange: row.allow_users_to_change,
        maxAgeDays: row.max_age_days ?? undefined,
        reusePrevention: row.reuse_prevention ?? undefined,
        hardExpiry: row.hard_expiry,
      }
}

/** Makes this the account's policy, as a whole: nothing of an earlier one stays. */
export async function putPasswordPolicy(
  tx: Queryable,
  accountId: string,
  policy: PasswordPolicy,
): Promise<void> {
  await tx.query(
    sql`insert into password_policy (account_id, minimum_length, require_symbols, require_numbers, require_uppercase,
                                     require_lowercase, allow_users_to_change, max_age_days, reuse_prevention, hard_expiry)
        values (${accountId}, ${policy.minimumLength}, ${policy.requireSymbols}, ${policy.requireNumbers},
                ${policy.requireUppercase}, ${policy.requireLowercase}, ${policy.allowUsersToChange},
                ${policy.maxAgeDays}, ${policy.reusePrevention}, ${policy.hardExpiry})
        on conflict (account_id) do update
          set minimum_length = excluded.minimum_length, require_symbols = excluded.require_symbols,
              require_numbers = excluded.require_numbers, require_uppercase = excluded.require_uppercase,
              require_lowercase = excluded.require_lowercase,
              allow_users_to_change = excluded.allow_users_to_change, max_age_days = excluded.max_age_days,
              reuse_prevention = excluded.reuse_prevention, hard_expiry = excluded.hard_expiry`,
  )
}

/** Takes the account's policy away. @returns whether there was one */
export async function removePasswordPolicy(tx: Queryable, accountId: string): Promise<boolean> {
  const { rows } = await tx.query(
    sql`delete from password_policy where account_id = ${accountId} returning account_id`,
  )
  return rows.length > 0
}

/** What a policy says about a password's form. The symbols are AWS's (UpdateAccountPasswordPolicy, RequireSymbols). */
export function policyFaultOf(policy: PasswordPolicy, password: string): PolicyFault | undefined {
  const text = password.normalize('NFKC')
  if (Array.from(text).length < policy.minimumLength)
    return { why: 'too-short', minimum: policy.minimumLength }
  if (policy.requireUppercase && !/\p{Lu}/u.test(text)) return { why: 'lacks', what: 'uppercase' }
  if (policy.requireLowercase && !/\p{Ll}/u.test(text)) return { why: 'lacks', what: 'lowercase' }
  if (policy.requireNumbers && !/\p{Nd}/u.test(text)) return { why: 'lacks', what: 'number' }
  if (policy.requireSymbols && !/[!@#$%^&*()_+\-=[\]{}|']/.test(text)) return { why: 'lacks', what: 'symbol' }
  return undefined
}

/** Whether a password set then is too old now. */
export const hasExpired = (
  policy: PasswordPolicy | undefined,
  setAt: Temporal.Instant,
  now: Temporal.Instant,
): boolean =>
  policy?.maxAgeDays !== undefined &&
  Temporal.Instant.compare(now, setAt.add({ hours: 24 * policy.maxAgeDays })) >= 0
