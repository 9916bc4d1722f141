import { type Queryable, sql, violatedForeignKey } from '#database'
import { refuse } from '#kernel'

/** An action that an app decides about, by its bare name: `Refund` of `orders:Refund`. */
export type AppAction = {
  readonly name: string
  /** The resource types it can be asked for; empty: any. */
  readonly resourceTypes: readonly string[]
  readonly description?: string | undefined
}

/** A kind of resource that an app has. `inventory`: all of them are registered, so that a search is complete. */
export type AppResourceType = { readonly name: string; readonly inventory: boolean }

/** What an app told about itself to the decision point. */
export type AppRegistration = {
  readonly actions: readonly AppAction[]
  readonly resourceTypes: readonly AppResourceType[]
}

/** What an app registered; empty lists when nothing. */
export async function findRegistration(db: Queryable, appId: string): Promise<AppRegistration> {
  const { rows } = await db.query<{ kind: string; name: string; detail: string; description: string | null }>(
    sql`select 'action' as kind, name, resource_types as detail, description from app_action where app_id = ${appId}
        union all
        select 'type', name, inventory::text, null from app_resource_type where app_id = ${appId}
        order by kind, name`,
  )
  return {
    actions: rows
      .filter(({ kind }) => kind === 'action')
      .map(({ name, detail, description }) => ({
        name,
        resourceTypes: JSON.parse(detail) as string[],
        ...(description === null ? {} : { description }),
      })),
    resourceTypes: rows
      .filter(({ kind }) => kind === 'type')
      .map(({ name, detail }) => ({ name, inventory: detail === 'true' })),
  }
}

/**
 * Makes an app's registration like this.
 *
 * @throws Failure conflict apps/resource-type-in-use when a type goes away that still has resources
 */
export async function putRegistration(
  tx: Queryable,
  appId: string,
  { actions, resourceTypes }: AppRegistration,
): Promise<void> {
  // One after the other: what one adds another would not see to delete.
  await tx.query(sql`select from app where app_id = ${appId} for no key update`)
  await tx.query(sql`delete from app_action where app_id = ${appId}`)
  await tx.query(
    sql`insert into app_action (app_id, name, name_key, resource_types, description)
        select ${appId}, name, lower(name), types, description
          from unnest(${actions.map(({ name }) => name)}::text[],
                      ${actions.map((each) => JSON.stringify(each.resourceTypes))}::text[],
                      ${actions.map(({ description }) => description ?? null)}::text[])
               as action(name, types, description)`,
  )
  try {
    await tx.query(
      sql`delete from app_resource_type
          where app_id = ${appId} and name <> all(${resourceTypes.map(({ name }) => name)}::text[])`,
    )
  } catch (thrown) {
    if (violatedForeignKey(thrown) === undefined) throw thrown
    refuse(
      'conflict',
      'apps/resource-type-in-use',
      'A resource type that is to go still has resources. Remove them first.',
    )
  }
  await tx.query(
    sql`insert into app_resource_type (app_id, name, inventory)
        select ${appId}, name, inventory
          from unnest(${resourceTypes.map(({ name }) => name)}::text[],
                      ${resourceTypes.map(({ inventory }) => String(inventory))}::text[]::boolean[])
               as type(name, inventory)
        on conflict (app_id, name) do update set inventory = excluded.inventory`,
  )
  await tx.query(sql`select pg_notify('signet_apps', ${appId})`)
}

/** Whether any app keeps an inventory of some resource type. */
export async function hasInventory(db: Queryable): Promise<boolean> {
  const { rows } = await db.query<{ some: boolean }>(
    sql`select exists (select from app_resource_type where inventory) as some`,
  )
  return rows[0]?.some === true
}
