import { type Queryable, sql } from '#database'

/** Which events. All given terms must hold. */
export type EventFilter = {
  readonly since?: Temporal.Instant | undefined
  readonly until?: Temporal.Instant | undefined
  readonly name?: string | undefined
  /** Part of the actor's ARN or id. */
  readonly actor?: string | undefined
  /** Only events after this event id, for paging. */
  readonly after?: string | undefined
  readonly limit?: number | undefined
}

/** Events in the order of time, as JSON texts in CloudTrail's shape; at most `limit` (1,000). Page on with the last id. */
export async function listEvents(
  db: Queryable,
  filter: EventFilter = {},
): Promise<readonly { readonly id: string; readonly body: string }[]> {
  const { rows } = await db.query<{ id: string; body: string }>(
    sql`select event_id::text as id, body
        from audit_event
        where (${filter.after ?? null}::uuid is null or event_id > ${filter.after ?? null}::uuid)
          and (${filter.since ?? null}::timestamptz is null or event_time >= ${filter.since ?? null}::timestamptz)
          and (${filter.until ?? null}::timestamptz is null or event_time < ${filter.until ?? null}::timestamptz)
          and (${filter.name ?? null}::text is null or event_name = ${filter.name ?? null}::text)
          and (${filter.actor ?? null}::text is null or strpos(actor, ${filter.actor ?? null}::text) > 0)
        order by event_id
        limit ${filter.limit ?? 1_000}`,
  )
  return rows
}
