import { userIdentity } from '#audit'
import { sql } from '#database'
import { findUserById } from '#directory'
import type { RequestInfo } from '#http'
import { uuid } from '#kernel'
import type { CliNeeds } from './needs.ts'
import type { Allowed, CliRequest } from './request.ts'
import { columns, endCliSession, type CliSession, type Row, toSession } from './session.ts'

/**
 * Trades an allowed request for its session: once. A second use of its code ends the session that the first one began
 * (RFC 6749 §4.1.2), since one of the two was a thief.
 *
 * @returns undefined when the request is over, was traded before, or its person was signed out since
 */
export async function beginCliSession(
  needs: CliNeeds,
  request: {
    readonly of: CliRequest
    readonly allowed: Allowed
    readonly from: RequestInfo
    /** RFC 7638 thumbprint of the key that the session is bound to. */
    readonly keyThumbprint?: string | undefined
  },
): Promise<CliSession | undefined> {
  const { of, allowed, from } = request
  const now = needs.clock()
  const sessionId = uuid()
  await needs.epochs.requireFresh()
  const revoked =
    needs.epochs.of('user', allowed.userId) !== allowed.userEpoch ||
    needs.epochs.of('session', allowed.browserFamily) !== 0
  const user = await findUserById(needs.database, allowed.userId)
  if (revoked || user?.status !== 'active') return undefined
  const session = await needs.database.transaction(async (tx) => {
    const { rows: taken } = await tx.query(
      sql`update cli_request set session_id = ${sessionId}
          where id_hash = ${of.idHash} and outcome = 'allowed' and session_id is null and expires_at > ${now}
          returning flow`,
    )
    if (taken.length === 0) return undefined
    const { rows } = await tx.query<Row>(
      sql`insert into cli_session (session_id, flow, user_id, user_epoch, browser_family, client_name, client_hash,
                                   key_thumbprint, role_id, ip, user_agent, auth_time, mfa_at, created_at, last_used_at,
                                   expires_at)
          values (${sessionId}, ${of.flow.startsWith('sso') ? 'sso' : 'login'}, ${allowed.userId}, ${allowed.userEpoch},
                  ${allowed.browserFamily}, ${of.clientName}, ${of.clientHash}, ${request.keyThumbprint}, ${allowed.roleId},
                  ${from.ip}, ${from.userAgent}, ${allowed.authTime}, ${allowed.mfaAt}, ${now}, ${now},
                  ${now.add({ seconds: needs.settings.session_seconds })})
          returning ${columns}`,
    )
    await needs.audit.record(tx, {
      source: 'signin',
      name: 'BeginCommandLineSession',
      by: userIdentity(user, {
        createdAt: allowed.authTime,
        mfaAuthenticated: allowed.mfaAt !== undefined,
      }),
      request: from,
      accountId: user.accountId,
      parameters: { flow: of.flow, client: of.clientName },
      response: { session: sessionId },
    })
    return rows[0] && toSession(rows[0])
  })
  if (session === undefined && of.sessionId !== undefined) await endCliSession(needs, of.sessionId)
  return session
}
