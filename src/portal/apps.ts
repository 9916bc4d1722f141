import { type App, findServiceProvider, listApps } from '#apps'
import type { Context, Show } from '#http'
import { launchPurpose } from '#saml'
import { mayUse } from '#signin'
import type { PortalNeeds } from './needs.ts'
import type { PortalPages } from './pages.ts'
import { navOf, visitorOf } from './visitor.ts'

/** The apps that this user may use, each with the way in. */
export async function showApps(needs: PortalNeeds, ctx: Context): Promise<void> {
  const visitor = await visitorOf(needs, ctx, '/portal')
  if (visitor === undefined) return
  const { user, session, from } = visitor
  const apps = (await listApps(needs.database, user.accountId)).filter(({ enabled }) => enabled)
  const judged = await Promise.all(
    apps.map(async (app) => {
      const requirement = { app: { id: app.appId, name: app.name, arn: app.arn }, requireMfa: app.requireMfa }
      const { authentications } = session
      const { state } = await mayUse(needs, { user, authentications, requirement, from })
      // An app that only a second factor keeps away is shown: it asks for it.
      return state === 'denied' ? [] : [app]
    }),
  )
  const show: Show<PortalPages> = needs.pages.show
  show(ctx, 'portal/apps', {
    nav: navOf(needs, ctx, user, 'apps'),
    apps: await Promise.all(
      judged.flat().map(async (app) => ({
        name: app.name,
        initials: initialsOf(app.name),
        href: app.launchUrl ?? null,
        host: app.launchUrl === undefined ? '' : new URL(app.launchUrl).host,
        launch:
          app.launchUrl === undefined && (await startsHere(needs, app))
            ? { action: `/saml/launch/${app.appId}`, csrf: needs.forms.token(ctx, launchPurpose(app.appId)) }
            : null,
      })),
    ),
  })
}

/** Whether a SAML app takes sign-ins that it did not ask for. */
async function startsHere(needs: PortalNeeds, app: App): Promise<boolean> {
  if (app.kind !== 'saml') return false
  const provider = await findServiceProvider(needs.database, { appId: app.appId })
  return provider?.settings.idpInitiated === true
}

/** Up to two letters that stand for a name. */
const initialsOf = (name: string): string =>
  name
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '')
    .slice(0, 2)
    .map((word) => String.fromCodePoint(word.codePointAt(0) ?? 63).toUpperCase())
    .join('')
