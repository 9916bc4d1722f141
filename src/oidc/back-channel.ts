import type { Clients } from './clients.ts'
import type { Provider } from './library.ts'
import type { OidcNeeds } from './needs.ts'
import { participationsOf } from './participation.ts'

/** Which apps heard that a session is over, by name. */
export type Told = { readonly told: readonly string[]; readonly notTold: readonly string[] }

/** What the library's client can do and its types do not say. */
type Tellable = {
  readonly backchannelLogoutUri?: string | undefined
  backchannelLogout(sub: string, sid: string): Promise<void>
}

/**
 * Tells the apps of a browser session that it is over, all at once, each by a logout token at its
 * `backchannel_logout_uri` (OpenID Connect Back-Channel Logout 1.0 §2.5). An app without one, or that does not answer
 * within the library's 2.5 seconds, was not told.
 */
export async function tellApps(
  needs: Pick<OidcNeeds, 'database' | 'audit'> & { readonly clients: Clients },
  provider: InstanceType<typeof Provider>,
  family: string,
): Promise<Told> {
  const tried = await Promise.all(
    (await participationsOf(needs.database, family)).map(async ({ clientId, userId, sid }) => {
      const name = (await needs.clients.find(clientId))?.app?.name
      const client =
        name === undefined ? undefined : ((await provider.Client.find(clientId)) as Tellable | undefined)
      if (name === undefined || client === undefined) return undefined
      if (client.backchannelLogoutUri === undefined) return { name, isTold: false }
      const problem = await client.backchannelLogout(userId, sid).then(
        () => undefined,
        (thrown: unknown) => String(thrown).slice(0, 300),
      )
      await needs.audit.recordSoon({
        source: 'oauth',
        name: 'SendLogoutToken',
        by: { type: 'IAMUser', principalId: userId },
        parameters: { client_id: clientId },
        ...(problem === undefined ? {} : { error: { code: 'oidc/logout-not-told', message: problem } }),
      })
      return { name, isTold: problem === undefined }
    }),
  )
  const names = (isTold: boolean) =>
    tried.flatMap((each) => (each?.isTold === isTold ? [each.name] : [])).toSorted()
  return { told: names(true), notTold: names(false) }
}
