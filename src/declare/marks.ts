import { type Queryable, sql } from '#database'
import type { ApplyNeeds } from './applying.ts'

/** Whose secret a mark is about. */
type Owner = { readonly accountId: string; readonly name: string }

/** What the file last gave as a secret of this kind, as a mark that does not tell it; undefined when it gave none. */
export async function markOf(db: Queryable, kind: string, owner: Owner): Promise<string | undefined> {
  const { rows } = await db.query<{ secret_mark: string | null }>(
    sql`select secret_mark from declared_thing
        where kind = ${kind} and account_id = ${owner.accountId} and name_key = ${owner.name.toLowerCase()}`,
  )
  return rows[0]?.secret_mark ?? undefined
}

/** Remembers a secret's mark. */
export async function setMark(
  tx: Queryable,
  needs: Pick<ApplyNeeds, 'clock'>,
  kind: string,
  owner: Owner,
  mark: string,
): Promise<void> {
  await tx.query(
    sql`insert into declared_thing (kind, account_id, name_key, secret_mark, declared_at)
        values (${kind}, ${owner.accountId}, ${owner.name.toLowerCase()}, ${mark}, ${needs.clock()})
        on conflict (kind, account_id, name_key) do update
          set secret_mark = excluded.secret_mark, declared_at = excluded.declared_at`,
  )
}
