import { sha256 } from '#crypto'
import { type Queryable, sql } from '#database'

/** Notes a value that counts once. @returns false when it was seen before */
export async function firstUse(
  db: Queryable,
  {
    purpose,
    value,
    until,
  }: { readonly purpose: string; readonly value: string; readonly until: Temporal.Instant },
): Promise<boolean> {
  const { rows } = await db.query(
    sql`insert into cli_seen (value_hash, expires_at) values (${sha256(`${purpose}\n${value}`)}, ${until})
        on conflict do nothing
        returning expires_at`,
  )
  return rows.length === 1
}
