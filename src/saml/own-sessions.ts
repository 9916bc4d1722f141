import { type Queryable, sql } from '#database'
import { nameIdFormats } from './names.ts'

/**
 * The user whom we named so in an assertion of ours: for what was issued on the strength of it and must end with the
 * user. A transient name is known while its session lasts.
 */
export async function userOfNameId(
  db: Queryable,
  { nameId, nameIdFormat }: { readonly nameId: string; readonly nameIdFormat: string },
): Promise<string | undefined> {
  const { rows } = await db.query<{ user_id: string }>(
    sql`select user_id from saml_participant where name_id = ${nameId} and name_id_format = ${nameIdFormat}
        union all
        select user_id from saml_name_id where value = ${nameId} and ${nameIdFormat === nameIdFormats.persistent}
        limit 1`,
  )
  return rows[0]?.user_id
}

/**
 * Forgets who was told about a browser session that ends. The answer names the apps: none of them can be told yet, so
 * whoever ends the session should say so.
 */
export async function leaveApps(tx: Queryable, family: string): Promise<readonly string[]> {
  const { rows } = await tx.query<{ name: string }>(
    sql`with gone as (delete from saml_participant where family = ${family} returning app_id)
        select distinct app.name from gone join app using (app_id) order by app.name`,
  )
  return rows.map(({ name }) => name)
}
