import { type Queryable, sql } from '#database'

/** What a user allows a client: scopes, and single claims asked for by name. */
export type Consent = { readonly scopes: readonly string[]; readonly claims: readonly string[] }

const words = (text: string): readonly string[] => text.split(' ').filter((each) => each !== '')

/** What a user allowed a client before. */
export async function findConsent(
  database: Queryable,
  userId: string,
  clientId: string,
): Promise<Consent | undefined> {
  const { rows } = await database.query<{ scopes: string; claims: string }>(
    sql`select scopes, claims from oidc_consent where user_id = ${userId} and client_id = ${clientId}`,
  )
  const [row] = rows
  return row === undefined ? undefined : { scopes: words(row.scopes), claims: words(row.claims) }
}

/** Adds to what a user allows a client. */
export async function giveConsent(
  tx: Queryable,
  given: Consent & { readonly userId: string; readonly clientId: string; readonly at: Temporal.Instant },
): Promise<void> {
  const before = await findConsent(tx, given.userId, given.clientId)
  const joined = (old: readonly string[] | undefined, more: readonly string[]) =>
    [...new Set([...(old ?? []), ...more])].toSorted().join(' ')
  await tx.query(sql`
    insert into oidc_consent (user_id, client_id, scopes, claims, given_at)
    values (${given.userId}, ${given.clientId}, ${joined(before?.scopes, given.scopes)},
            ${joined(before?.claims, given.claims)}, ${given.at})
    on conflict (user_id, client_id) do update
       set scopes = excluded.scopes, claims = excluded.claims, given_at = excluded.given_at`)
}
