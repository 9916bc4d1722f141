import { type Queryable, sql, violatedUnique } from '#database'
import { accountId, type Clock, refuse } from '#kernel'

/** All accounts of this deployment. People and apps live in the home account. */
export type Organization = {
  readonly name: string
  readonly homeAccountId: string
  readonly claimedAt: Temporal.Instant
}

/** A 12-digit IAM account. */
export type Account = {
  readonly accountId: string
  readonly name: string
  readonly alias: string | undefined
  readonly createdAt: Temporal.Instant
}

type Row = { account_id: string; name: string; alias: string | null; created_at: Temporal.Instant }
const toAccount = (row: Row): Account => ({
  accountId: row.account_id,
  name: row.name,
  alias: row.alias ?? undefined,
  createdAt: row.created_at,
})

/** The organization; undefined while nobody has claimed this instance. */
export async function findOrganization(db: Queryable): Promise<Organization | undefined> {
  const { rows } = await db.query<{ name: string; home_account_id: string; claimed_at: Temporal.Instant }>(
    sql`select name, home_account_id, claimed_at from organization`,
  )
  const [row] = rows
  return row === undefined
    ? undefined
    : { name: row.name, homeAccountId: row.home_account_id, claimedAt: row.claimed_at }
}

/** Claims this instance. @throws Failure conflict iam/claimed when it was claimed meanwhile */
export async function createOrganization(
  tx: Queryable,
  clock: Clock,
  request: { name: string; homeAccountId: string },
): Promise<void> {
  const { rows } = await tx.query(
    sql`insert into organization (name, home_account_id, claimed_at)
        values (${request.name}, ${request.homeAccountId}, ${clock()})
        on conflict (singleton) do nothing returning name`,
  )
  if (rows.length === 0) refuse('conflict', 'iam/claimed', 'This instance already has an organization.')
}

/** Gives the organization another name. */
export async function renameOrganization(tx: Queryable, name: string): Promise<void> {
  await tx.query(sql`update organization set name = ${name}`)
}

/** Creates an account, of a random id unless one is given. @throws Failure conflict iam/account-exists */
export async function createAccount(
  tx: Queryable,
  clock: Clock,
  request: { name: string; accountId?: string | undefined; alias?: string | undefined },
): Promise<Account> {
  try {
    const { rows } = await tx.query<Row>(
      sql`insert into account (account_id, name, alias, created_at)
          values (${request.accountId ?? accountId()}, ${request.name}, ${request.alias}, ${clock()})
          returning account_id, name, alias, created_at`,
    )
    // The root's guard-rails bind the new account from its first moment on.
    await tx.query(sql`update organization set generation = generation + 1`)
    if (rows[0] !== undefined) return toAccount(rows[0])
  } catch (thrown) {
    if (violatedUnique(thrown) === undefined) throw thrown
  }
  return refuse('conflict', 'iam/account-exists', 'The account id or alias is already in use.')
}

/** The account of an id. */
export async function findAccount(db: Queryable, id: string): Promise<Account | undefined> {
  const { rows } = await db.query<Row>(
    sql`select account_id, name, alias, created_at from account where account_id = ${id}`,
  )
  return rows[0] === undefined ? undefined : toAccount(rows[0])
}

/** All accounts, by name. */
export async function listAccounts(db: Queryable): Promise<readonly Account[]> {
  const { rows } = await db.query<Row>(
    sql`select account_id, name, alias, created_at from account order by name, account_id`,
  )
  return rows.map(toAccount)
}

/**
 * Gives an account its alias; one that it had is over.
 *
 * @throws Failure conflict iam/alias-taken when another account has it
 */
export async function setAccountAlias(tx: Queryable, id: string, alias: string): Promise<void> {
  try {
    await tx.query(sql`update account set alias = ${alias} where account_id = ${id}`)
  } catch (thrown) {
    if (violatedUnique(thrown) === undefined) throw thrown
    refuse('conflict', 'iam/alias-taken', `The account alias ${alias} already exists.`)
  }
}

/** Takes an account's alias away. @returns whether it had this one */
export async function removeAccountAlias(tx: Queryable, id: string, alias: string): Promise<boolean> {
  const { rows } = await tx.query(
    sql`update account set alias = null where account_id = ${id} and alias = ${alias} returning account_id`,
  )
  return rows.length > 0
}

/** The version of session tokens that an account asked for (SetSecurityTokenServicePreferences). */
export async function globalEndpointTokenVersion(db: Queryable, id: string): Promise<1 | 2> {
  const { rows } = await db.query<{ version: 1 | 2 }>(
    sql`select global_endpoint_token_version as version from account where account_id = ${id}`,
  )
  return rows[0]?.version ?? 1
}

/** Notes which version an account asks for. */
export async function setGlobalEndpointTokenVersion(
  tx: Queryable,
  id: string,
  version: 1 | 2,
): Promise<void> {
  await tx.query(sql`update account set global_endpoint_token_version = ${version} where account_id = ${id}`)
}

/** Whether new access keys of an account sign with SigV4A alone. @returns whether that changed */
export async function setKeyForm(tx: Queryable, id: string, sigv4aOnly: boolean): Promise<boolean> {
  const { rows } = await tx.query(
    sql`update account set sigv4a_keys_only = ${sigv4aOnly}
        where account_id = ${id} and sigv4a_keys_only <> ${sigv4aOnly} returning account_id`,
  )
  return rows.length > 0
}
