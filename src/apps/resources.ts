import { type Queryable, sql, violatedForeignKey } from '#database'
import { type Clock, refuse } from '#kernel'

/** A resource of an app, as far as it is kept here. */
export type AppResource = {
  readonly type: string
  /** The app's own id, as it is: encoding is for ARNs. */
  readonly id: string
  /** Texts, numbers, booleans and lists of these. They win over what a service asserts. */
  readonly properties: Readonly<Record<string, unknown>>
  /** JSON text of its resource policy. */
  readonly policy: string | undefined
}

type Row = { type: string; id: string; properties: string; policy: string | null }

const toResource = (row: Row): AppResource => ({
  type: row.type,
  id: row.id,
  properties: JSON.parse(row.properties) as Record<string, unknown>,
  policy: row.policy ?? undefined,
})

/** Those of the named resources that are stored. One statement. */
export async function findAppResources(
  db: Queryable,
  appId: string,
  wanted: readonly { readonly type: string; readonly id: string }[],
): Promise<readonly AppResource[]> {
  const { rows } = await db.query<Row>(
    sql`select r.type, r.id, r.properties, r.policy
        from unnest(${wanted.map(({ type }) => type)}::text[], ${wanted.map(({ id }) => id)}::text[]) as wanted(type, id)
        join app_resource r on r.app_id = ${appId} and r.type = wanted.type and r.id = wanted.id`,
  )
  return rows.map(toResource)
}

/** Resources of a type in the order of their ids, from after one on. */
export async function listAppResources(
  db: Queryable,
  request: { appId: string; type: string; after?: string | undefined; limit: number },
): Promise<readonly AppResource[]> {
  const { rows } = await db.query<Row>(
    sql`select type, id, properties, policy from app_resource
        where app_id = ${request.appId} and type = ${request.type} and id > ${request.after ?? ''}
        order by id
        limit ${request.limit}`,
  )
  return rows.map(toResource)
}

/**
 * Stores resources, each as it is given.
 *
 * @throws Failure not-found apps/no-resource-type when the app has not registered the type
 */
export async function putAppResources(
  tx: Queryable,
  clock: Clock,
  appId: string,
  resources: readonly AppResource[],
): Promise<void> {
  try {
    await tx.query(
      sql`insert into app_resource (app_id, type, id, properties, policy, updated_at)
          select ${appId}, type, id, properties, policy, ${clock()}::timestamptz
            from unnest(${resources.map(({ type }) => type)}::text[],
                        ${resources.map(({ id }) => id)}::text[],
                        ${resources.map(({ properties }) => JSON.stringify(properties))}::text[],
                        ${resources.map(({ policy }) => policy ?? null)}::text[])
                 as resource(type, id, properties, policy)
          on conflict (app_id, type, id) do update
            set properties = excluded.properties, policy = excluded.policy, updated_at = excluded.updated_at`,
    )
  } catch (thrown) {
    if (violatedForeignKey(thrown) === undefined) throw thrown
    refuse(
      'not-found',
      'apps/no-resource-type',
      'The app has not registered this resource type. Register it first.',
    )
  }
}

/** Removes a resource; false when there was none. */
export async function removeAppResource(
  tx: Queryable,
  appId: string,
  type: string,
  id: string,
): Promise<boolean> {
  const { rows } = await tx.query(
    sql`delete from app_resource where app_id = ${appId} and type = ${type} and id = ${id} returning id`,
  )
  return rows.length > 0
}
