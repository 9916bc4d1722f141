import { userIdentity } from '#audit'
import { findUserById } from '#directory'
import { answering, type Context, requestInfo, Router } from '#http'
import { refuse } from '#kernel'
import type { Interaction } from 'oidc-provider'
import { personClaims, scopes } from './account.ts'
import type { Browser } from './browser.ts'
import type { Clients } from './clients.ts'
import { giveConsent } from './consent.ts'
import { finish, requirementOfInteraction } from './interaction.ts'
import { errors, type Provider } from './library.ts'
import type { OidcNeeds } from './needs.ts'

type Needs = OidcNeeds & { readonly clients: Clients; readonly browser: Browser }

/**
 * The pages between an app's request and its answer: signing in is handed to signin, consent is asked for here. Under
 * the interaction's own URL, so that parallel tabs do not meet.
 */
export function interactionRoutes(needs: Needs, current: () => InstanceType<typeof Provider>): Router {
  const router = new Router()
  const path = '/oauth2/interaction/:uid'

  router.use(answering(needs.wire))
  router.get(path, async (ctx) => {
    const interaction = await interactionOf(current(), ctx)
    ctx.set('Cache-Control', 'no-store')
    if (interaction.prompt.name === 'consent') {
      const asked = await whatIsAsked(needs, ctx, interaction)
      needs.show(ctx, 'oidc/consent', {
        action: ctx.path,
        csrf: needs.guard.token(ctx, purpose(interaction)),
        app: { name: asked.appName },
        userName: asked.user.name,
        scopes: asked.scopes,
        claims: asked.claims,
      })
      return
    }
    const requirement = await requirementOfInteraction(needs, interaction)
    const to = await needs.begin({ kind: 'oidc', reference: interaction.uid, requirement })
    ctx.status = 303
    ctx.redirect(to)
  })

  router.post(path, async (ctx) => {
    const interaction = await interactionOf(current(), ctx)
    const form = await needs.guard.read(ctx, purpose(interaction))
    const asked = await whatIsAsked(needs, ctx, interaction)
    const allowed = form.get('decision') === 'allow'
    await needs.database.transaction(async (tx) => {
      if (allowed)
        await giveConsent(tx, {
          ...asked,
          userId: asked.user.userId,
          at: needs.clock(),
        })
      await needs.audit.record(tx, {
        source: 'oauth',
        name: allowed ? 'GiveConsent' : 'RefuseConsent',
        by: userIdentity(asked.user),
        request: requestInfo(ctx),
        parameters: { client_id: asked.clientId, scopes: asked.scopes, claims: asked.claims },
      })
    })
    const target = await finish(
      interaction,
      allowed ? { consent: {} } : { error: 'access_denied', error_description: 'the person said no' },
    )
    needs.show(ctx, 'signin/go', { target })
  })
  return router
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '')

const purpose = (interaction: Interaction): string => `oidc/consent ${interaction.uid}`

/** The interaction that this browser's cookie names, which must be the one in the URL. */
async function interactionOf(provider: InstanceType<typeof Provider>, ctx: Context): Promise<Interaction> {
  const gone = () =>
    refuse(
      'expired',
      'oidc/interaction-gone',
      'This sign-in took too long, or it began in another browser. Go back to the app and start again.',
    )
  let interaction: Interaction
  try {
    interaction = await provider.interactionDetails(ctx.req, ctx.res)
  } catch (thrown) {
    if (thrown instanceof errors.SessionNotFound) return gone()
    throw thrown
  }
  return ctx.path.endsWith(`/${interaction.uid}`) ? interaction : gone()
}

async function whatIsAsked(needs: Needs, ctx: Context, interaction: Interaction) {
  if (interaction.prompt.name !== 'consent')
    refuse('conflict', 'oidc/no-consent-asked', 'There is nothing to allow here. Go back to the app.')
  const browser = await needs.browser(ctx)
  const user = browser === undefined ? undefined : await findUserById(needs.database, browser.userId)
  const clientId = String(interaction.params['client_id'])
  const client = await needs.clients.find(clientId)
  if (user === undefined || client === undefined)
    return refuse(
      'expired',
      'oidc/interaction-gone',
      'Your session has ended. Go back to the app and start again.',
    )
  const requested = new Set(text(interaction.params['scope']).split(' '))
  return {
    user,
    clientId,
    appName: client.name,
    scopes: scopes.filter((scope) => requested.has(scope)),
    claims: personClaims.filter((claim) => claimsAskedFor(interaction).has(claim)),
  }
}

function claimsAskedFor(interaction: Interaction): ReadonlySet<string> {
  const { claims } = interaction.params
  if (typeof claims !== 'string') return new Set()
  const asked = JSON.parse(claims) as { userinfo?: object; id_token?: object }
  return new Set([...Object.keys(asked.userinfo ?? {}), ...Object.keys(asked.id_token ?? {})])
}
