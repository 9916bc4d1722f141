import { listCliSessions } from '#cli-sessions'
import type { PortalNeeds } from './needs.ts'
import type { PortalPages } from './pages.ts'

const second = (at: Temporal.Instant): string => at.toString({ smallestUnit: 'second' })

/** The command lines that act for a user, for the page. */
export async function commandLinesOf(
  { cli }: PortalNeeds,
  userId: string,
): Promise<PortalPages['portal/account']['commandLines']> {
  return (await listCliSessions(cli, userId)).map(
    ({ sessionId, flow, clientName, ip, lastUsedAt, expiresAt }) => ({
      id: sessionId,
      way: flow,
      client: clientName.replace(/^botocore-client-/, ''),
      address: ip,
      lastUsed: second(lastUsedAt),
      until: second(expiresAt),
    }),
  )
}
