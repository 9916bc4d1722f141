import { type Queryable, sql } from '#database'

/** Which kind of signed message was seen. */
export type SeenScope = 'authn' | 'logout'

/**
 * Takes note of a signed message; false when it was seen before, on any node.
 *
 * Single use is the primary key: of any number at once, exactly one is first.
 */
export async function firstSeen(
  db: Queryable,
  message: { scope: SeenScope; peer: string; id: string; expiresAt: Temporal.Instant },
): Promise<boolean> {
  const { rows } = await db.query(
    sql`insert into saml_seen (scope, peer, message_id, expires_at)
        values (${message.scope}, ${message.peer}, ${message.id}, ${message.expiresAt})
        on conflict do nothing
        returning message_id`,
  )
  return rows.length === 1
}
