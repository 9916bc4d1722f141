import { type Queryable, sql } from '#database'

/** When and where a role's credentials were last used. */
export type RoleUse = { readonly at: Temporal.Instant; readonly region: string }

/** The last uses of roles, by unique id; who was never used is absent. */
export async function roleUses(
  db: Queryable,
  roleIds: readonly string[],
): Promise<ReadonlyMap<string, RoleUse>> {
  const { rows } = await db.query<{ role_id: string; at: Temporal.Instant; region: string }>(
    sql`select role_id, last_used_at as at, last_used_region as region from role_use
        where role_id = any(${[...roleIds]}::text[])`,
  )
  return new Map(rows.map(({ role_id, at, region }) => [role_id, { at, region }]))
}

/** Notes that a session of a role made a request; of a role that is gone, nothing. */
export async function touchRole(
  db: Queryable,
  use: { readonly roleId: string; readonly at: Temporal.Instant; readonly region: string },
): Promise<void> {
  await db.query(
    sql`insert into role_use (role_id, last_used_at, last_used_region)
        select role_id, ${use.at}, ${use.region} from role where role_id = ${use.roleId}
        on conflict (role_id) do update
          set last_used_at = greatest(role_use.last_used_at, excluded.last_used_at), last_used_region = excluded.last_used_region`,
  )
}
