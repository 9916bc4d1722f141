import { sql } from '#database'
import type { User } from '#directory'
import type { RequestInfo } from '#http'
import { userIdentity } from '#audit'
import { type BrowserSession, signedIn } from '#sessions'
import type { CliNeeds } from './needs.ts'
import type { CliRequest } from './request.ts'

type Decided = {
  readonly request: CliRequest
  readonly user: User
  readonly session: BrowserSession
  readonly from: RequestInfo
}

/** The person says yes: of two answers at once, the first counts. @returns whether this one did */
export async function allowRequest(
  needs: Pick<CliNeeds, 'database' | 'clock' | 'audit'>,
  decided: Decided & { readonly role?: { readonly roleId: string; readonly arn: string } | undefined },
): Promise<boolean> {
  const { request, user, session, role } = decided
  const { authTime, mfaAt } = signedIn(session)
  return needs.database.transaction(async (tx) => {
    const { rows } = await tx.query(
      sql`update cli_request
          set outcome = 'allowed', user_id = ${user.userId}, browser_family = ${session.family},
              user_epoch = coalesce((select epoch from revocation_epoch where kind = 'user' and id = ${user.userId}), 0),
              auth_time = ${authTime}, mfa_at = ${mfaAt}, role_id = ${role?.roleId},
              expires_at = greatest(expires_at, ${needs.clock().add({ minutes: 2 })}::timestamptz)
          where id_hash = ${request.idHash} and outcome is null and expires_at > ${needs.clock()}
          returning flow`,
    )
    if (rows.length === 0) return false
    await needs.audit.record(tx, entryOf('AllowCommandLine', decided, role?.arn))
    return true
  })
}

/** The person says no. */
export async function denyRequest(
  needs: Pick<CliNeeds, 'database' | 'clock' | 'audit'>,
  decided: Decided,
): Promise<void> {
  const { request } = decided
  await needs.database.transaction(async (tx) => {
    const { rows } = await tx.query(
      sql`update cli_request set outcome = 'denied' where id_hash = ${request.idHash} and outcome is null returning flow`,
    )
    if (rows.length > 0) await needs.audit.record(tx, entryOf('DenyCommandLine', decided))
  })
}

const entryOf = (name: string, { request, user, session, from }: Decided, roleArn?: string) => ({
  source: 'signin',
  name,
  by: userIdentity(user, {
    createdAt: session.createdAt,
    mfaAuthenticated: signedIn(session).mfaAt !== undefined,
  }),
  request: from,
  accountId: user.accountId,
  parameters: {
    flow: request.flow,
    client: request.clientName,
    askedFrom: request.ip,
    askedBy: request.userAgent,
    roleArn,
  },
})
