import { type Queryable, sql } from '#database'
import type { Clock } from '#kernel'

/** Whether principals of an account may ask for identity tokens for outside services (`sts:GetWebIdentityToken`). */
export async function hasOutboundFederation(db: Queryable, accountId: string): Promise<boolean> {
  const { rows } = await db.query(
    sql`select account_id from outbound_federation where account_id = ${accountId}`,
  )
  return rows.length > 0
}

/** Switches it on. @returns false when it was on already */
export async function enableOutboundFederation(
  tx: Queryable,
  clock: Clock,
  accountId: string,
): Promise<boolean> {
  const { rows } = await tx.query(
    sql`insert into outbound_federation (account_id, enabled_at) values (${accountId}, ${clock()})
        on conflict (account_id) do nothing returning account_id`,
  )
  return rows.length > 0
}

/** Switches it off. Tokens that were given stay good until they expire. @returns false when it was off already */
export async function disableOutboundFederation(tx: Queryable, accountId: string): Promise<boolean> {
  const { rows } = await tx.query(
    sql`delete from outbound_federation where account_id = ${accountId} returning account_id`,
  )
  return rows.length > 0
}

/**
 * The issuer of an account's identity tokens. Each account has its own, and none is the OpenID provider's: a token for a
 * workload can never stand for a person's sign-in, nor one account's for another's.
 */
export const outboundIssuer = (publicUrl: URL, accountId: string): string =>
  `${publicUrl.origin}/outbound/${accountId}`
