import { type Queryable, sql } from '#database'
import type { LogoutRequest } from './logout-request.ts'

/** An app that was told who is signed in in a browser session. */
export type Participant = {
  readonly family: string
  readonly appId: string
  readonly nameId: string
  readonly nameIdFormat: string
  readonly sessionIndex: string
  readonly userId: string
}

/**
 * Notes that an app takes part in a session; the answer is the SessionIndex for it, the same for the same session and
 * app. `sessionIndex` is a fresh random one, used when there is none yet.
 */
export async function joinSession(
  tx: Queryable,
  participant: Participant,
  times: { createdAt: Temporal.Instant; expiresAt: Temporal.Instant },
): Promise<string> {
  const { family, appId, nameId, nameIdFormat, sessionIndex, userId } = participant
  const { rows } = await tx.query<{ session_index: string }>(
    sql`insert into saml_participant (family, app_id, name_id, name_id_format, session_index, user_id, created_at, expires_at)
        values (${family}, ${appId}, ${nameId}, ${nameIdFormat},
                coalesce((select p.session_index from saml_participant p where p.family = ${family} and p.app_id = ${appId} limit 1), ${sessionIndex}),
                ${userId}, ${times.createdAt}, ${times.expiresAt})
        on conflict (family, app_id, name_id) do update set expires_at = excluded.expires_at
        returning session_index`,
  )
  return rows[0]?.session_index ?? sessionIndex
}

/** Takes away and gives what an app was told about this subject: the named sessions, or all when none is named. */
export async function leaveSessions(
  tx: Queryable,
  appId: string,
  { nameId, sessionIndexes }: Pick<LogoutRequest, 'nameId' | 'sessionIndexes'>,
): Promise<readonly { family: string; userId: string }[]> {
  const { rows } = await tx.query<{ family: string; user_id: string }>(
    sql`delete from saml_participant
        where app_id = ${appId} and name_id = ${nameId.value} and name_id_format = ${nameId.format}
          and (${sessionIndexes.length === 0} or session_index = any(${[...sessionIndexes]}::text[]))
        returning family, user_id`,
  )
  return rows.map(({ family, user_id }) => ({ family, userId: user_id }))
}

/** The other apps that take part in sessions that end; they are forgotten. */
export async function dismissOthers(tx: Queryable, families: readonly string[]): Promise<readonly string[]> {
  const { rows } = await tx.query<{ app_id: string }>(
    sql`delete from saml_participant where family = any(${[...families]}::text[]) returning app_id`,
  )
  return [...new Set(rows.map(({ app_id }) => app_id))]
}
