import { userIdentity } from '#audit'
import { endCliSession } from '#cli-sessions'
import type { Context } from '#http'
import { seeOther } from '#signin'
import { withFreshFactor } from './account.ts'
import type { PortalNeeds } from './needs.ts'

/** Ends one of the user's command lines, and what it took. */
export const endCommandLine = (needs: PortalNeeds, ctx: Context): Promise<void> =>
  withFreshFactor(needs, ctx, async ({ user, from, session }, form) => {
    const id = form.get('session') ?? ''
    if (await endCliSession(needs.cli, id, user.userId))
      await needs.audit.recordSoon({
        source: 'signin',
        name: 'EndCommandLineSession',
        by: userIdentity(user, { createdAt: session.createdAt }),
        request: from,
        accountId: user.accountId,
        parameters: { session: id },
      })
    await needs.catchUp()
    seeOther(ctx, '/account?done=command-line')
  })
